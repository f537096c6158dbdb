//! Messenger's receipts and checks.

mod common;

use std::collections::BTreeSet;

use chat_core::model::MessageId;
use common::{Peer, World, assert_shape, client_frame, now, say, server_frame, two};
use serde_json::{Value, json};

/// Sends a message and returns its id; everybody's frames are looked at.
fn sent(world: &mut World, by: Peer, others: &[Peer], text: &str) -> Value {
    say(world, by, text);
    for peer in others {
        world.frames(*peer);
    }
    world.frame(by)["message"]["id"].clone()
}

fn mark(world: &mut World, peer: Peer, kind: &str, id: &Value) {
    world.send(peer, &json!({ "type": kind, "message_id": id }));
}

#[track_caller]
fn assert_error(frame: &Value) {
    assert_shape(frame, &server_frame("error"));
    assert_eq!(frame["type"], "error");
}

#[test]
fn each_change_of_status_is_told_once_to_everybody_in_the_room() {
    let (mut world, john, jane) = two();
    let phone = world.open(1);
    world.frames(jane);
    let id = sent(&mut world, john, &[jane, phone], "hello");
    for (kind, status) in [("message_delivered", "delivered"), ("message_read", "read")] {
        world.advance_secs(1);
        mark(&mut world, jane, kind, &id);
        let update = world.frame(john);
        assert_shape(&update, &server_frame("message_status_update"));
        let expected = json!({
            "type": "message_status_update",
            "message_id": id,
            "status": status,
            "timestamp": update["timestamp"],
            "updated_by": 2,
        });
        assert_eq!(update, expected);
        assert_eq!(world.frame(jane), expected);
        assert_eq!(world.frame(phone), expected);
        mark(&mut world, jane, kind, &id);
        for peer in [john, jane, phone] {
            world.assert_quiet(peer);
        }
    }
    mark(&mut world, jane, "message_delivered", &id);
    for peer in [john, jane, phone] {
        world.assert_quiet(peer);
    }
}

#[test]
fn a_message_read_without_delivery_is_one_update() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    mark(&mut world, jane, "message_read", &id);
    assert_eq!(world.frame(john)["status"], "read");
    assert_eq!(world.frame(jane)["status"], "read");
    mark(&mut world, jane, "message_delivered", &id);
    world.assert_quiet(john);
    world.assert_quiet(jane);
}

#[test]
fn marking_one_message_marks_no_other() {
    let (mut world, john, jane) = two();
    let ids: Vec<_> = (0..3).map(|_| sent(&mut world, john, &[jane], "hello")).collect();
    mark(&mut world, jane, "message_read", &ids[2]);
    assert_eq!(world.frame(john)["message_id"], ids[2]);
    let room = world.get(2, &format!("/api/v1.0/chat/rooms/{}/", world.room)).body;
    assert_eq!(room["unread_count"], 2);
}

#[test]
fn receipts_of_the_sender_succeed_without_effect() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    mark(&mut world, john, "message_delivered", &id);
    mark(&mut world, john, "message_read", &id);
    world.assert_quiet(john);
    world.assert_quiet(jane);
}

#[test]
fn a_receipt_takes_the_id_as_a_string_too() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    mark(&mut world, jane, "message_read", &json!(id.to_string()));
    assert_eq!(world.frame(john)["status"], "read");
}

#[test]
fn a_receipt_for_what_is_not_in_the_room_is_an_error_without_effect() {
    let (mut world, john, jane) = two();
    let (elsewhere, alex) =
        (world.open_in(1, world.other_room), world.open_in(3, world.other_room));
    let foreign = sent(&mut world, alex, &[elsewhere], "elsewhere");
    let strangers = world.direct_room(3, 4);
    let hidden = now(world.chat.acting_as("3").send(strangers, "hidden")).unwrap().message.id.get();
    world.frames(elsewhere);
    let mut sentences = BTreeSet::new();
    for id in [foreign, json!(hidden), json!(9_999), json!((1_u64 << 48) - 1)] {
        for kind in ["message_delivered", "message_read"] {
            mark(&mut world, john, kind, &id);
            let error = world.frame(john);
            assert_error(&error);
            sentences.insert(error["message"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(sentences.len(), 1, "ids cannot be probed: {sentences:?}");
    for peer in [jane, elsewhere, alex] {
        world.assert_quiet(peer);
    }
}

#[test]
fn a_receipt_for_a_deleted_message_is_an_error() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    let gone = id.as_u64().and_then(MessageId::new).unwrap();
    now(world.chat.acting_as("1").delete(world.room, gone)).unwrap();
    world.settle();
    mark(&mut world, jane, "message_read", &id);
    assert_error(&world.frame(jane));
    world.assert_quiet(john);
}

#[test]
fn a_ping_is_answered_with_its_timestamp_and_the_servers_time() {
    let (mut world, john, _) = two();
    world.send(john, &client_frame("ping"));
    let pong = world.frame(john);
    assert_shape(&pong, &server_frame("pong"));
    let expected = json!({
        "type": "pong",
        "timestamp": "2024-12-25T10:30:00Z",
        "server_time": "2024-12-25T10:30:00.000000Z",
    });
    assert_eq!(pong, expected);
    for timestamp in [json!(1_703_419_800_123_u64), json!(1.5), json!("x"), json!(null)] {
        world.send(john, &json!({ "type": "ping", "timestamp": timestamp }));
        assert_eq!(world.frame(john)["timestamp"], timestamp);
    }
    world.send(john, &json!({ "type": "ping" }));
    let pong = world.frame(john);
    assert_eq!(pong.as_object().unwrap().get("timestamp"), Some(&Value::Null));
    world.send(john, &client_frame("pong"));
    world.assert_quiet(john);
}

#[test]
fn a_timestamp_with_a_fraction_is_echoed_to_the_last_digit() {
    let (mut world, john, _) = two();
    for step in 0..1_000 {
        let timestamp = 1_735_122_600_123.000_2 + f64::from(step) * 7.123_456_789;
        world.send(john, &json!({ "type": "ping", "timestamp": timestamp }));
        assert_eq!(world.frame(john)["timestamp"], json!(timestamp));
        let small = timestamp * 1e-30;
        world.send(john, &json!({ "type": "ping", "timestamp": small }));
        assert_eq!(world.frame(john)["timestamp"], json!(small));
    }
}

#[test]
fn a_connection_check_is_answered_with_the_status_of_this_socket() {
    let (mut world, john, jane) = two();
    world.advance_secs(25);
    world.send(john, &client_frame("connection_check"));
    let status = world.frame(john);
    assert_shape(&status, &server_frame("connection_status"));
    assert_eq!(status["status"], "healthy");
    assert_eq!(status["duration_seconds"], 25);
    assert_eq!(status["timestamp"], "2024-12-25T10:30:25.000000Z");
    world.assert_quiet(jane);
}

#[test]
fn a_health_check_makes_each_socket_of_the_room_answer_about_itself() {
    let (mut world, john, jane) = two();
    let alex = world.open_in(3, world.other_room);
    world.advance_secs(10);
    let phone = world.open(1);
    world.frames(jane);
    world.send(john, &client_frame("pong"));
    world.advance_secs(5);
    let path = format!("/api/v1.0/chat/rooms/{}/health/", world.room);
    assert_eq!(world.get(2, &path).status, 200);
    world.settle();
    for (peer, user, duration, last) in
        [(john, 1, 15, "10"), (jane, 2, 15, "00"), (phone, 1, 5, "10")]
    {
        let expected = json!({
            "type": "health_check_response",
            "room_id": world.room.get(),
            "user_id": user,
            "connection_duration": duration,
            "last_activity": format!("2024-12-25T10:30:{last}.000000Z"),
            "is_alive": true,
            "timestamp": "2024-12-25T10:30:15.000000Z",
        });
        let health = world.frame(peer);
        assert_shape(&health, &server_frame("health_check_response"));
        assert_eq!(health, expected);
    }
    world.assert_quiet(alex);

    assert_eq!(world.ask(1, "POST", "/api/v1.0/chat/health-check/", &[], "").status, 200);
    world.settle();
    for peer in [john, jane, phone, alex] {
        assert_eq!(world.frame(peer)["type"], "health_check_response");
    }
}

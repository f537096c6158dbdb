//! Messenger's frames in both directions: messages, receipts, checks.

mod common;

use std::collections::BTreeSet;

use chat_core::model::{Cursor, Event, RoomEvent};
use chat_core::socket::Delivery;
use common::{Peer, World, assert_shape, client_frame, document, now, server_frame};
use serde_json::{Value, json};

fn say(world: &mut World, peer: Peer, text: &str) {
    world.send(peer, &json!({ "type": "message", "content": text }));
}

/// Sends a message and returns its id; everybody's frames are looked at.
fn sent(world: &mut World, by: Peer, others: &[Peer], text: &str) -> Value {
    say(world, by, text);
    others.iter().for_each(|peer| drop(world.frames(*peer)));
    world.frame(by)["message"]["id"].clone()
}

fn mark(world: &mut World, peer: Peer, kind: &str, id: &Value) {
    world.send(peer, &json!({ "type": kind, "message_id": id }));
}

fn without(frame: &Value, key: &str) -> Value {
    let mut frame = frame.clone();
    assert!(frame.as_object_mut().unwrap().remove(key).is_some(), "{frame} has no {key}");
    frame
}

#[track_caller]
fn assert_error(frame: &Value) {
    assert_shape(frame, &server_frame("error"));
    assert_eq!(frame["type"], "error");
}

/// John and Jane in their room, with nothing left to look at.
fn two() -> (World, Peer, Peer) {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    world.frames(john);
    (world, john, jane)
}

#[test]
fn every_frame_that_the_document_lets_a_client_send_is_taken() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "to be marked");
    for mut frame in document().0 {
        if let Some(message) = frame.get_mut("message_id") {
            *message = id.clone();
        }
        world.send(jane, &frame);
        let kinds: Vec<_> = world.frames(jane).iter().map(|it| it["type"].clone()).collect();
        let expected: &[&str] = match frame["type"].as_str().unwrap() {
            "message" => &["message"],
            "message_read" => &["message_status_update"],
            "ping" => &["pong"],
            "connection_check" => &["connection_status"],
            "typing_on" | "typing_off" | "message_delivered" | "pong" => &[],
            other => panic!("{other}"),
        };
        assert_eq!(kinds, expected, "{frame}");
    }
}

#[test]
fn the_timestamp_of_a_client_is_optional_and_not_looked_at() {
    for timestamp in [None, Some(json!("yesterday")), Some(json!(-1)), Some(json!({ "a": [] }))] {
        for mut frame in document().0 {
            let (mut world, john, jane) = two();
            let id = sent(&mut world, john, &[jane], "to be marked");
            match &timestamp {
                None => frame = without(&frame, "timestamp"),
                Some(value) => frame["timestamp"] = value.clone(),
            }
            if frame.get("message_id").is_some() {
                frame["message_id"] = id;
            }
            world.send(jane, &frame);
            for answer in world.frames(jane) {
                assert_ne!(answer["type"], "error", "{frame}");
            }
        }
    }
}

#[test]
fn every_frame_of_the_document_comes_with_exactly_its_keys() {
    let mut world = World::new();
    let token = world.token(1);
    let john = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap();
    let jane = world.open(2);
    let mut seen = world.frames(john);
    assert_eq!(seen[0]["type"], "connection_established", "it is the first");
    say(&mut world, jane, "hello");
    let id = world.frame(jane)["message"]["id"].clone();
    mark(&mut world, john, "message_read", &id);
    world.send(jane, &client_frame("typing_on"));
    world.send(john, &client_frame("ping"));
    world.send(john, &client_frame("connection_check"));
    world.send_text(john, "nonsense");
    assert_eq!(world.get(2, &format!("/api/v1.0/chat/rooms/{}/health/", world.room)).status, 200);
    world.settle();
    world.advance_secs(40);
    world.leave(jane);
    seen.extend(world.frames(john));

    for frame in &seen {
        let kind = frame["type"].as_str().unwrap();
        let mut examples = document().1;
        examples.retain(|example| example["type"] == kind);
        assert_eq!(examples.len(), 1, "{kind} is in the document, once");
        assert_shape(frame, &examples[0]);
    }
    let kinds = |frames: &[Value]| -> BTreeSet<String> {
        frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&seen), kinds(&document().1));
}

#[test]
fn the_first_frame_says_who_is_where() {
    let mut world = World::new();
    let token = world.token(2);
    let jane = world.open_at(&format!("/ws/chat/{}", world.room), &token).unwrap();
    let expected = json!({
        "type": "connection_established",
        "room_id": world.room.get(),
        "user_id": 2,
        "timestamp": "2024-12-25T10:30:00.000000Z",
        "heartbeat_interval": 30,
        "connection_timeout": 14400,
    });
    assert_eq!(world.frame(jane), expected);
}

#[test]
fn a_message_goes_to_everybody_in_the_room_and_to_nobody_else() {
    let (mut world, john, jane) = two();
    let (phone, alex) = (world.open(1), world.open_in(3, world.other_room));
    world.frames(jane);
    say(&mut world, john, "Hello, world!");
    let copy = world.frame(john);
    assert_shape(&copy, &server_frame("message"));
    let expected = json!({
        "type": "message",
        "message": {
            "id": copy["message"]["id"],
            "content": "Hello, world!",
            "sender_id": 1,
            "sender_username": "john_doe",
            "status": "sent",
            "created_at": "2024-12-25T10:30:00.000000Z",
            "room_id": world.room.get(),
        },
        "delivery_id": format!("msg_{}_1735122600.000", copy["message"]["id"]),
    });
    assert_eq!(copy, expected);
    assert_eq!(world.frame(jane), expected);
    assert_eq!(world.frame(phone), expected);
    world.assert_quiet(alex);
}

#[test]
fn text_comes_back_as_it_was_sent() {
    let (mut world, john, jane) = two();
    for text in
        [" padded ", "<b>&amp;</b>", "\u{202e}rtl \u{1f468}\u{200d}\u{1f469}", "\"\\\n\t\u{7f}"]
    {
        say(&mut world, john, text);
        assert_eq!(world.frame(jane)["message"]["content"], text);
        assert_eq!(world.frame(john)["message"]["content"], text);
    }
}

#[test]
fn the_temp_id_is_on_the_copy_of_the_sending_socket_and_no_other() {
    let (mut world, john, jane) = two();
    let phone = world.open(1);
    world.frames(jane);
    world.send(john, &client_frame("message"));
    let copy = world.frame(john);
    assert_eq!(copy["temp_id"], "temp_1703419800123");
    let plain = without(&copy, "temp_id");
    assert_shape(&plain, &server_frame("message"));
    assert_eq!(world.frame(jane), plain);
    assert_eq!(world.frame(phone), plain);
}

#[test]
fn a_temp_id_comes_back_as_it_was() {
    let (mut world, john, _) = two();
    let longest = "é".repeat(200);
    for temp_id in
        [json!("t"), json!("7"), json!(7), json!(0), json!(-7), json!(u64::MAX), json!(longest)]
    {
        world.send(john, &json!({ "type": "message", "content": "x", "temp_id": temp_id }));
        assert_eq!(world.frame(john)["temp_id"], temp_id);
    }
    let total = world.get(1, &format!("/api/v1.0/chat/rooms/{}/messages/", world.room)).body;
    assert_eq!(total["count"], 7, "an integer and its text are two keys");
}

#[test]
fn a_temp_id_of_another_form_is_an_error() {
    let (mut world, john, jane) = two();
    let too_long = "x".repeat(201);
    for temp_id in
        [json!(""), json!(too_long), json!(1.5), json!([]), json!({}), json!(true), json!("a\0b")]
    {
        world.send(john, &json!({ "type": "message", "content": "x", "temp_id": temp_id }));
        let mut error = world.frame(john);
        if temp_id.is_string() {
            assert_eq!(error["temp_id"], temp_id);
            error = without(&error, "temp_id");
        }
        assert_error(&error);
    }
    world.assert_quiet(jane);
}

#[test]
fn the_same_temp_id_and_content_again_gives_the_message_again_to_this_socket_only() {
    let (mut world, john, jane) = two();
    let phone = world.open(1);
    world.frames(jane);
    world.send(john, &client_frame("message"));
    let first = world.frame(john);
    world.frames(jane);
    world.frames(phone);
    world.send(john, &client_frame("message"));
    assert_eq!(world.frame(john), first);
    world.send(phone, &client_frame("message"));
    assert_eq!(world.frame(phone), first);
    world.assert_quiet(john);
    world.assert_quiet(jane);

    world.leave(john);
    let reconnected = world.open(1);
    world.send(reconnected, &client_frame("message"));
    assert_eq!(world.frame(reconnected), first);
    let total = world.get(1, &format!("/api/v1.0/chat/rooms/{}/messages/", world.room)).body;
    assert_eq!(total["count"], 1);
}

#[test]
fn a_used_temp_id_with_other_content_in_another_room_or_of_another_user_is_a_new_message() {
    let (mut world, john, jane) = two();
    let elsewhere = world.open_in(1, world.other_room);
    let send = |world: &mut World, peer, text: &str| {
        world.send(peer, &json!({ "type": "message", "content": text, "temp_id": "t" }));
        let frames = world.frames(peer);
        frames.last().unwrap()["message"]["id"].as_u64().unwrap()
    };
    let ids = BTreeSet::from([
        send(&mut world, john, "one"),
        send(&mut world, john, "two"),
        send(&mut world, elsewhere, "one"),
        send(&mut world, jane, "one"),
    ]);
    assert_eq!(ids.len(), 4);
    assert_eq!(send(&mut world, john, "one"), *ids.first().unwrap());
}

#[test]
fn repeating_a_message_that_was_deleted_since_is_an_error() {
    let (mut world, john, jane) = two();
    world.send(john, &client_frame("message"));
    let id = world.frame(john)["message"]["id"].as_u64().and_then(chat_core::model::MessageId::new);
    now(world.chat.acting_as("1").delete(world.room, id.unwrap())).unwrap();
    world.settle();
    world.frames(jane);
    world.assert_quiet(john);
    world.send(john, &client_frame("message"));
    let error = world.frame(john);
    assert_eq!(error["temp_id"], "temp_1703419800123");
    assert_error(&without(&error, "temp_id"));
    world.assert_quiet(jane);
}

#[test]
fn a_refused_message_is_answered_with_its_temp_id_and_reaches_nobody() {
    let (mut world, john, jane) = two();
    let too_long = "é".repeat(1_001);
    for content in [json!(""), json!(" \n"), json!(too_long), json!("a\0b"), json!(1), json!(null)]
    {
        world.send(john, &json!({ "type": "message", "content": content, "temp_id": 5 }));
        let error = world.frame(john);
        assert_eq!(error["temp_id"], 5, "{error}");
        assert_error(&without(&error, "temp_id"));
    }
    world.send(john, &json!({ "type": "message", "temp_id": 5 }));
    assert_eq!(world.frame(john)["temp_id"], 5);
    world.assert_quiet(jane);
}

#[test]
fn a_thousand_characters_are_taken_and_one_more_is_named_as_the_document_does() {
    let (mut world, john, _) = two();
    say(&mut world, john, &"é".repeat(1_000));
    assert_eq!(world.frame(john)["type"], "message");
    say(&mut world, john, &"é".repeat(1_001));
    assert_eq!(world.frame(john)["message"], server_frame("error")["message"]);
}

#[test]
fn a_message_that_could_not_be_stored_failed_and_can_be_sent_again() {
    let (mut world, john, jane) = two();
    world.store.set_down(true);
    world.send(john, &client_frame("message"));
    let frames = world.frames(john);
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_error(&without(&frames[0], "temp_id"));
    let expected = json!({
        "type": "message_status_update",
        "message_id": null,
        "status": "failed",
        "timestamp": "2024-12-25T10:30:00.000000Z",
        "updated_by": 1,
        "temp_id": "temp_1703419800123",
    });
    assert_eq!(frames[1], expected);
    assert_shape(&without(&frames[1], "temp_id"), &server_frame("message_status_update"));
    world.assert_quiet(jane);

    world.store.set_down(false);
    world.send(john, &client_frame("message"));
    assert_eq!(world.frame(john)["temp_id"], "temp_1703419800123");
    assert_eq!(world.frame(jane)["type"], "message");
}

#[test]
fn a_message_over_http_reaches_every_socket_of_the_room_without_a_temp_id() {
    let (mut world, john, jane) = two();
    let body = json!({ "room": world.room.get(), "content": "over HTTP" });
    assert_eq!(world.post(1, "/api/v1.0/chat/messages/", &body).status, 201);
    world.settle();
    let frame = world.frame(john);
    assert_shape(&frame, &server_frame("message"));
    assert_eq!(world.frame(jane), frame);
}

#[test]
fn frames_are_handled_in_the_order_they_came_while_a_command_is_in_flight() {
    let (mut world, john, jane) = two();
    world.hold_commands(john);
    for number in 0..3 {
        world.send(john, &json!({ "type": "message", "content": "x", "temp_id": number }));
        world.send(john, &json!({ "type": "ping", "timestamp": number }));
        world.send_text(john, "nonsense");
    }
    world.assert_quiet(john);
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert!(world.is_performing(john));
        // Told before the command is known to have ended, as when both happen at once.
        world.release_command_after(john, World::settle);
        seen.extend(world.frames(john));
    }
    assert!(!world.is_performing(john));
    let order: Vec<_> = seen
        .iter()
        .map(|frame| match frame["type"].as_str().unwrap() {
            "message" => format!("message {}", frame["temp_id"]),
            "pong" => format!("pong {}", frame["timestamp"]),
            other => other.to_owned(),
        })
        .collect();
    let expected = [
        "message 0",
        "pong 0",
        "error",
        "message 1",
        "pong 1",
        "error",
        "message 2",
        "pong 2",
        "error",
    ];
    assert_eq!(order, expected);
    assert_eq!(world.frames(jane).len(), 3);
}

#[test]
fn with_many_frames_waiting_no_more_are_wanted() {
    let (mut world, john, _) = two();
    world.hold_commands(john);
    let mut taken = 0;
    while world.wants_frames(john) {
        say(&mut world, john, "x");
        taken += 1;
        assert!(taken < 1_000);
    }
    assert!(taken > 1);
    for _ in 0..taken {
        world.release_command(john);
    }
    assert!(world.wants_frames(john));
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
    let gone = id.as_u64().and_then(chat_core::model::MessageId::new).unwrap();
    now(world.chat.acting_as("1").delete(world.room, gone)).unwrap();
    world.settle();
    mark(&mut world, jane, "message_read", &id);
    assert_error(&world.frame(jane));
    world.assert_quiet(john);
}

#[test]
fn what_other_dialects_do_to_a_message_is_not_shown() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    let id = id.as_u64().and_then(chat_core::model::MessageId::new).unwrap();
    let actor = world.chat.acting_as("1");
    now(actor.edit(world.room, id, "changed")).unwrap();
    now(actor.react(world.room, id, "👍", true)).unwrap();
    now(actor.delete(world.room, id)).unwrap();
    world.settle();
    world.assert_quiet(john);
    world.assert_quiet(jane);
    say(&mut world, john, "after");
    assert_eq!(world.frame(jane)["message"]["content"], "after");
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

#[test]
fn when_membership_ends_the_socket_closes_4403_and_is_told_nothing_more() {
    let (mut world, john, jane) = two();
    world.remove_member(world.room, 2);
    assert_eq!(world.closed(jane), Some(4403));
    world.frames(john);
    say(&mut world, john, "secret");
    world.assert_quiet(jane);
    assert_eq!(world.closed(john), None);
    let token = world.token(2);
    let again = world.open_at(&format!("/ws/chat/{}/", world.room), &token);
    assert_eq!(again.unwrap_err().code, 4403);
}

#[test]
fn a_command_of_who_is_no_member_any_more_closes_4403_without_effect() {
    for frame in [
        client_frame("message"),
        client_frame("typing_on"),
        json!({ "type": "message_read", "message_id": 1 }),
    ] {
        let (mut world, john, jane) = two();
        say(&mut world, john, "before");
        world.frames(john);
        now(chat_core::store::RoomStore::remove_member(
            &world.store,
            world.room,
            &2.into(),
            chat_core::model::Timestamp::EPOCH,
        ))
        .unwrap();
        world.send(jane, &frame);
        assert_eq!(world.closed(jane), Some(4403), "{frame}");
        let kinds: Vec<_> = world.frames(john).iter().map(|it| it["type"].clone()).collect();
        assert_eq!(kinds, ["user_status_change"], "{frame}");
    }
}

#[test]
fn rooms_that_one_may_not_enter_close_alike_and_a_missing_sign_in_comes_first() {
    let mut world = World::new();
    let token = world.token(4);
    let nine = "9".repeat(40);
    let mut ids = vec![world.room.to_string(), "999".to_owned(), nine];
    let wrong = ["0", "01", "-1", "1.0", "abc", "%31", "281474976710656", "+1", "1 ", "١"];
    ids.extend(wrong.map(str::to_owned));
    for id in ids {
        let path = format!("/ws/chat/{id}/");
        let close = world.open_at(&path, &token).unwrap_err();
        assert_eq!((close.code, close.reason), (4403, "no access to this room"), "{id}");
        assert_eq!(world.open_at(&path, "nonsense").unwrap_err().code, 4401, "{id}");
        let nobody = world.open_with(&path, &http::HeaderMap::new(), None);
        assert_eq!(nobody.unwrap_err().code, 4401, "{id}");
    }
    let unknown = world.token(99);
    let close = world.open_at(&format!("/ws/chat/{}/", world.room), &unknown).unwrap_err();
    assert_eq!(close.code, 4401);
}

#[test]
fn rooms_of_other_kinds_are_not_shown() {
    let mut world = World::new();
    let name = chat_core::rules::RoomName::parse("General").unwrap();
    let kind = chat_core::model::RoomKind::Group;
    let room = now(world.chat.acting_as("1").create_room(kind, name, vec![2.into()])).unwrap();
    let token = world.token(1);
    assert_eq!(world.open_at(&format!("/ws/chat/{room}/"), &token).unwrap_err().code, 4403);
}

#[test]
fn a_store_that_is_down_closes_the_handshake_1013() {
    let mut world = World::new();
    let token = world.token(1);
    world.store.set_down(true);
    let close = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap_err();
    assert_eq!(close.code, 1013);
}

#[test]
fn an_event_that_is_known_already_is_not_told_again() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "hello");
    world.frames(jane);
    let batch = now(world.chat.changes(world.room, Cursor::version(1), 100)).unwrap();
    assert_eq!(batch.events.len(), 1);
    for event in batch.events {
        world.deliver(&Delivery::new(Event::Room(event)));
    }
    let reached = Cursor::version(1);
    let nothing = RoomEvent { room: world.room, reached, changes: Vec::new() };
    world.deliver(&Delivery::new(Event::Room(nothing)));
    world.assert_quiet(jane);
}

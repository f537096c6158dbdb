//! Messenger's frames in both directions: messages, receipts, checks.

mod common;

use std::collections::BTreeSet;

use chat_core::model::{Cursor, Event, RoomEvent};
use chat_core::socket::Delivery;
use common::{Peer, World, assert_shape, client_frame, document, now, say, server_frame, two};
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
fn what_other_dialects_do_to_a_message_is_not_shown() {
    let (mut world, john, jane) = two();
    let id = sent(&mut world, john, &[jane], "hello");
    let id = id.as_u64().and_then(chat_core::model::MessageId::new).unwrap();
    let actor = world.chat.acting_as("1");
    now(actor.edit(world.room, id, "changed")).unwrap();
    now(actor.react(world.room, id, "👍")).unwrap();
    now(actor.delete(world.room, id)).unwrap();
    world.settle();
    world.assert_quiet(john);
    world.assert_quiet(jane);
    say(&mut world, john, "after");
    assert_eq!(world.frame(jane)["message"]["content"], "after");
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

#[test]
fn a_message_without_a_temp_id_does_not_take_that_of_the_next() {
    let mut world = World::new();
    let john = world.open(1);
    world.hold_commands(john);
    world.send(john, &json!({ "type": "message", "content": "without" }));
    world.send(john, &json!({ "type": "message", "content": "with", "temp_id": "t1" }));
    world.release_command(john);
    world.release_command(john);
    let frames = world.frames(john);
    let told: Vec<_> =
        frames.iter().map(|it| (&it["message"]["content"], it.get("temp_id"))).collect();
    assert_eq!(told, [(&json!("without"), None), (&json!("with"), Some(&json!("t1")))]);
}

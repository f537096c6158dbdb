//! Team's frames in both directions.

mod common;

use chat_core::socket::Input;
use common::{Peer, World, about, in_room, now, open_team, sent, team, uuid};
use serde_json::{Value, json};

const AT: &str = "2024-12-25T10:30:00.000000Z";

/// John and Jane in their room, with nothing left to look at.
fn two() -> (World, Peer, Peer) {
    let mut world = team();
    let room = world.room;
    let (john, jane) = (open_team(&mut world, 1, room), open_team(&mut world, 2, room));
    for peer in [john, jane] {
        world.frames(peer);
    }
    (world, john, jane)
}

fn newest(world: &World) -> Value {
    let list = world.get(1, &in_room(world.room, "messages/")).body;
    list["results"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn coming_and_going_is_told_to_everybody_and_to_the_newcomer() {
    let mut world = team();
    let room = world.room;
    let john = open_team(&mut world, 1, room);
    let joined =
        |email: &str, id: &str| json!({ "type": "user_joined", "user": email, "user_id": id });
    assert_eq!(world.frame(john), joined("john_doe@example.com", "1"));
    let jane = open_team(&mut world, 2, room);
    assert_eq!(world.frame(jane), joined("jane_smith@example.com", "2"));
    assert_eq!(world.frame(john), joined("jane_smith@example.com", "2"));
    let again = open_team(&mut world, 2, room);
    world.assert_quiet(again);
    world.leave(again);
    world.assert_quiet(john);
    world.leave(jane);
    let left = r#"{"type":"user_left","user":"jane_smith@example.com","user_id":"2"}"#;
    assert_eq!(world.frame(john), serde_json::from_str::<Value>(left).unwrap());
}

#[test]
fn whatever_is_refused_bears_the_key_of_its_frame() {
    let (mut world, john, _) = two();
    let receipt =
        json!({ "type": "read_receipt", "message_id": uuid(99_999), "temp_id": "receipt" });
    world.send(john, &receipt);
    let half = r#"{"type":"message","content":"half \ud83d","temp_id":"half"}"#;
    world.send_text(john, half);
    let frames = world.frames(john);
    let seen = frames.iter().map(|frame| (&frame["type"], &frame["temp_id"]));
    let error = json!("error");
    assert!(seen.eq([(&error, &json!("receipt")), (&error, &json!("half"))]), "{frames:?}");
    world.send_text(john, r#"["no object"]"#);
    assert_eq!(world.frame(john).get("temp_id"), None);
}

#[test]
fn a_repetition_of_what_was_deleted_is_refused_in_one_sentence() {
    let (mut world, john, _) = two();
    let send = json!({ "type": "message", "content": "hi", "temp_id": 7 });
    world.send(john, &send);
    let path = about(&newest(&world), "");
    world.ask(1, "DELETE", &path, &[], "");
    world.frames(john);
    world.send(john, &send);
    let frames = world.frames(john);
    let said = |frame: &Value| frame["message"] == "The key was used before for another message.";
    assert!(frames.iter().any(said), "{frames:?}");
}

#[test]
fn a_message_reaches_everybody_and_its_sender_with_the_key() {
    let (mut world, john, jane) = two();
    let send = json!({ "type": "message", "content": "hi", "temp_id": 7 });
    world.send(john, &send);
    let id = newest(&world)["id"].as_str().unwrap().to_owned();
    let frame = |more: &str| {
        format!(
            r#"{{"type":"message","message":{{"id":"{id}","content":"hi","sender":{{"id":"1","email":"john_doe@example.com","display_name":"John Doe"}},"timestamp":"{AT}","message_type":"text","reply_to":null,"reactions":{{}}}}{more}}}"#
        )
    };
    assert_eq!(world.text(jane), frame(""));
    assert_eq!(world.text(john), frame(r#","temp_id":7"#));
    world.send(john, &send);
    assert_eq!(world.text(john), frame(r#","temp_id":7"#), "a repetition is answered");
    world.assert_quiet(jane);
    world.send(jane, &json!({ "type": "message", "content": "re", "reply_to": id }));
    assert_eq!(world.frame(john)["message"]["reply_to"], id);
    world.frames(jane);
    let elsewhere = world.say(1, world.other_room, "elsewhere");
    for reply in [json!(1), json!("1"), json!(uuid(elsewhere)), json!(uuid(9999))] {
        world.send(
            jane,
            &json!({ "type": "message", "content": "x", "reply_to": reply, "temp_id": "t" }),
        );
        let error = world.frame(jane);
        assert_eq!((&error["type"], &error["temp_id"]), (&json!("error"), &json!("t")), "{reply}");
    }
    world.assert_quiet(john);
}

#[test]
fn typing_is_told_to_the_others() {
    let (mut world, john, jane) = two();
    for is_typing in [true, false] {
        world.send(john, &json!({ "type": "typing", "is_typing": is_typing }));
        let expected = format!(
            r#"{{"type":"typing","user":"john_doe@example.com","user_id":"1","is_typing":{is_typing}}}"#
        );
        assert_eq!(world.text(jane), expected);
        world.assert_quiet(john);
    }
}

#[test]
fn a_read_receipt_is_kept_and_told_to_nobody() {
    let (mut world, john, jane) = two();
    let message = sent(&world, 1, world.room, "x");
    world.settle();
    world.frames(john);
    world.frames(jane);
    world.send(jane, &json!({ "type": "read_receipt", "message_id": message["id"] }));
    world.assert_quiet(jane);
    world.assert_quiet(john);
    assert_eq!(newest(&world)["read_by"][0]["id"], "2");
    let elsewhere = sent(&world, 1, world.other_room, "elsewhere");
    world.settle();
    for id in [&elsewhere["id"], &json!(uuid(9999)), &json!(1), &json!("x"), &Value::Null] {
        world.send(jane, &json!({ "type": "read_receipt", "message_id": id }));
        assert_eq!(world.frame(jane)["type"], "error", "{id}");
    }
}

#[test]
fn what_is_changed_over_http_is_told_as_http_shows_it() {
    let (mut world, john, jane) = two();
    let message = sent(&world, 1, world.room, "first");
    world.settle();
    world.frames(john);
    world.frames(jane);
    world.post(2, &about(&message, "mark_read/"), &json!({}));
    world.settle();
    let edit = json!({ "content": "second" }).to_string();
    let edited = world.ask(1, "PATCH", &about(&message, ""), &[], &edit);
    world.settle();
    let frame = format!(r#"{{"type":"message_edited","message":{}}}"#, edited.text);
    assert_eq!(edited.body["read_by"][0]["id"], "2");
    assert_eq!((world.text(john), world.text(jane)), (frame.clone(), frame));
    world.post(2, &about(&message, "react/"), &json!({ "emoji": "👍", "action": "add" }));
    world.settle();
    let id = message["id"].as_str().unwrap();
    let frame = format!(r#"{{"type":"reaction","message_id":"{id}","reactions":{{"👍":["2"]}}}}"#);
    assert_eq!((world.text(john), world.text(jane)), (frame.clone(), frame));
    world.ask(1, "DELETE", &about(&message, ""), &[], "");
    world.settle();
    let frame = json!({ "type": "message_deleted", "message": newest(&world) });
    assert_eq!((world.frame(john), world.frame(jane)), (frame.clone(), frame));
}

#[test]
fn what_is_caught_up_on_is_told_with_its_readers() {
    let (mut world, john, jane) = two();
    let edited = sent(&world, 1, world.room, "first");
    let deleted = sent(&world, 1, world.room, "gone");
    world.post(2, &in_room(world.room, "mark_read/"), &json!({}));
    world.settle();
    world.frames(john);
    world.frames(jane);
    world.set_deaf(jane, true);
    let body = json!({ "content": "second" }).to_string();
    world.ask(1, "PATCH", &about(&edited, ""), &[], &body);
    world.ask(1, "DELETE", &about(&deleted, ""), &[], "");
    world.settle();
    world.set_deaf(jane, false);
    world.catch_up(jane, 100);
    let told = world.frames(john);
    assert_eq!(told[0]["message"]["read_by"][0]["id"], "2");
    assert_eq!(world.frames(jane), told);
}

#[test]
fn the_direct_socket_opens_the_room_and_makes_it() {
    let mut world = team();
    let token = world.token(2);
    let jane = world.open_at("/ws/direct/3/", &token).unwrap();
    world.frames(jane);
    let room = now(world.chat.acting_as("3").direct_room("2")).unwrap();
    assert!(!room.created);
    world.say(3, room.id, "hello");
    assert_eq!(world.frame(jane)["message"]["content"], "hello");
    for path in [
        "/ws/direct/2/".to_owned(),
        "/ws/direct/99/".to_owned(),
        "/ws/direct/%00/".to_owned(),
        format!("/ws/chat/{}/", uuid(world.other_room.get())),
        format!("/ws/chat/{}/", world.room),
        format!("/ws/chat/{}/", uuid(9999)),
        "/ws/chat/x/".to_owned(),
    ] {
        assert_eq!(world.open_at(&path, &token).unwrap_err().code, 4403, "{path}");
        assert_eq!(world.open_at(&path, "").unwrap_err().code, 4401, "{path}");
    }
}

#[test]
fn a_bad_frame_is_answered_and_changes_nothing() {
    let (mut world, john, jane) = two();
    for (frame, temp_id) in [
        ("nonsense", None),
        ("[]", None),
        ("{}", None),
        (r#"{"type":5}"#, None),
        (r#"{"type":"ping"}"#, None),
        (r#"{"type":"typing"}"#, None),
        (r#"{"type":"typing","is_typing":"yes"}"#, None),
        (r#"{"type":"read_receipt"}"#, None),
        (r#"{"type":"message","temp_id":"t"}"#, Some(json!("t"))),
        (r#"{"type":"message","content":5}"#, None),
        (r#"{"type":"message","content":" ","temp_id":7}"#, Some(json!(7))),
        (r#"{"type":"message","content":"x","temp_id":""}"#, Some(json!(""))),
    ] {
        world.send_text(john, frame);
        let answer = world.frame(john);
        let mut keys = vec!["message", "type"];
        keys.extend(temp_id.is_some().then_some("temp_id"));
        keys.sort_unstable();
        let mut found: Vec<_> = answer.as_object().unwrap().keys().collect();
        found.sort_unstable();
        assert_eq!(found, keys, "{frame}");
        assert_eq!((&answer["type"], answer.get("temp_id")), (&json!("error"), temp_id.as_ref()));
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{frame}");
    }
    world.assert_quiet(jane);
    assert_eq!(world.closed(john), None);
}

#[test]
fn a_failed_send_is_one_error_frame() {
    let (mut world, john, _) = two();
    world.store.set_down(true);
    world.send(john, &json!({ "type": "message", "content": "x", "temp_id": "t" }));
    let frame = world.frame(john);
    assert_eq!((&frame["type"], &frame["temp_id"]), (&json!("error"), &json!("t")));
}

#[test]
fn the_protocols_pings_find_out_who_is_gone() {
    let (mut world, john, jane) = two();
    for _ in 0..10 {
        world.advance_secs(30);
        world.input(jane, Input::Activity);
    }
    assert_eq!((world.pings(jane), world.closed(jane)), (10, None));
    assert_eq!(world.closed(john), Some(4408));
}

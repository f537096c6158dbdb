//! Campus's frames in both directions.

mod common;

use chat_core::dialect::CAMPUS;
use common::{Peer, World, now};
use serde_json::{Value, json};

const JOHN: &str = r#"{"id":1,"email":"john_doe@example.com","role":"Student","profile":{"first_name":"John","last_name":"Doe","photo":null}}"#;

fn two() -> (World, Peer, Peer) {
    let mut world = World::speaking(CAMPUS);
    let (john, jane) = (world.open(1), world.open(2));
    (world, john, jane)
}

#[test]
fn a_message_reaches_everybody_with_its_id_and_its_sender_with_the_key_too() {
    let (mut world, john, jane) = two();
    world.assert_quiet(john);
    world.send(john, &json!({ "type": "message", "content": "Hello there!", "temp_id": "t1" }));
    let id = now(world.chat.acting_as("1").room(world.room)).unwrap().last_message.unwrap().id;
    let frame = |more: &str| {
        format!(
            r#"{{"type":"message","sender":{JOHN},"content":"Hello there!","timestamp":"2024-12-25T10:30:00.000000Z","is_read":false,"id":{id}{more}}}"#
        )
    };
    assert_eq!(world.text(jane), frame(""));
    assert_eq!(world.text(john), frame(r#","temp_id":"t1""#));
    world.send(john, &json!({ "type": "message", "content": "Hello there!", "temp_id": "t1" }));
    assert_eq!(world.text(john), frame(r#","temp_id":"t1""#), "a repetition is answered");
    world.assert_quiet(jane);
    world.send(jane, &json!({ "type": "message", "content": "without a key" }));
    let keys = |frame: &Value| frame.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&world.frame(john)), keys(&world.frame(jane)));
}

#[test]
fn a_message_over_http_and_of_a_group_is_told_like_any_other() {
    let (mut world, john, jane) = two();
    let path = format!("/chat/chats/{}/messages/", world.room);
    let sent = world.post(1, &path, &json!({ "content": "over http" })).body;
    world.settle();
    for peer in [john, jane] {
        let frame = world.frame(peer);
        assert_eq!((&frame["id"], &frame["content"]), (&sent["id"], &sent["content"]));
    }
    let group = world.group("Seminar", &[1, 2, 3]);
    let alex = world.open_in(3, group);
    world.say(2, group, "to all");
    assert_eq!(world.frame(alex)["content"], "to all");
    world.assert_quiet(john);
}

#[test]
fn a_bad_frame_is_answered_and_changes_nothing() {
    let (mut world, john, jane) = two();
    for (frame, temp_id) in [
        ("nonsense", None),
        ("[]", None),
        ("{}", None),
        (r#"{"type":5}"#, None),
        (r#"{"type":"typing_on"}"#, None),
        (r#"{"type":"message"}"#, None),
        (r#"{"type":"message","content":5,"temp_id":"t"}"#, Some(json!("t"))),
        (r#"{"type":"message","content":" ","temp_id":7}"#, Some(json!(7))),
        (r#"{"type":"message","content":"x","temp_id":""}"#, Some(json!(""))),
        (r#"{"type":"message","content":"a\u0000"}"#, None),
    ] {
        world.send_text(john, frame);
        let answer = world.frame(john);
        let mut keys = vec!["message", "type"];
        keys.extend(temp_id.is_some().then_some("temp_id"));
        keys.sort_unstable();
        assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), keys, "{frame}");
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
    world.send(john, &json!({ "type": "message", "content": "hello", "temp_id": "t" }));
    let answer = world.text(john);
    assert_eq!(answer, r#"{"type":"error","message":"Message sending failed","temp_id":"t"}"#);
}

#[test]
fn the_protocols_pings_find_out_who_is_gone() {
    let (mut world, john, jane) = two();
    for _ in 0..10 {
        world.advance_secs(30);
        world.input(jane, chat_core::socket::Input::Activity);
    }
    world.assert_quiet(jane);
    assert_eq!((world.pings(jane), world.closed(jane)), (10, None));
    assert_eq!(world.closed(john), Some(4408));
    world.assert_quiet(john);
}

#[test]
fn the_others_coming_typing_and_edits_are_not_in_the_document() {
    let (mut world, john, jane) = two();
    let id = world.say(1, world.room, "first");
    assert_eq!(world.frames(jane).len(), 1);
    world.frames(john);
    let john_acts = world.chat.acting_as("1");
    let message = chat_core::model::MessageId::new(id).unwrap();
    now(john_acts.start_typing(world.room, world.time.instant())).unwrap();
    now(john_acts.edit(world.room, message, "second")).unwrap();
    now(world.chat.acting_as("2").react(world.room, message, "👍")).unwrap();
    now(world.chat.acting_as("2").mark_all_read(world.room)).unwrap();
    now(john_acts.delete(world.room, message)).unwrap();
    now(john_acts.check_health(world.room)).unwrap();
    world.settle();
    world.leave(john);
    world.assert_quiet(jane);
}

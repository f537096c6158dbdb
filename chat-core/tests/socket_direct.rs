//! Direct's frames in both directions, and the history that its sockets begin with.

mod common;

use chat_core::dialect::DIRECT;
use chat_core::model::{MessageId, Status};
use common::{Peer, World, headers, now};
use proptest::prelude::*;
use serde_json::{Value, json};

const ERROR: &str = "An error occurred while processing your message";

fn world() -> World {
    World::speaking(DIRECT)
}

/// Opens a socket whose pages of history wait.
fn open_held(world: &mut World, user: u64) -> Peer {
    let (path, query) =
        (format!("/ws/chat/{}/", world.room), format!("token={}", world.token(user)));
    world.open_held(&path, &headers(&[]), Some(&query)).unwrap()
}

fn bodies(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["message"]["body"].as_str().unwrap()).collect()
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| number.to_string()).collect()
}

fn unread(world: &World, user: &str) -> u64 {
    now(world.chat.acting_as(user).room(world.room)).unwrap().unread
}

fn status(world: &World, id: u64) -> Status {
    now(world.chat.acting_as("1").message(None, MessageId::new(id).unwrap())).unwrap().status()
}

#[test]
fn a_message_has_the_documents_keys_and_its_senders_copy_the_key() {
    let mut world = world();
    let (john, jane) = (world.open(1), world.open(2));
    world.assert_quiet(jane);
    world.send(john, &json!({ "body": "Hello, how are you?", "temp_id": 7 }));
    let id = now(world.chat.acting_as("1").room(world.room)).unwrap().last_message.unwrap().id;
    let frame = |more: &str| {
        format!(
            r#"{{"message":{{"id":{id},"sender":"john_doe","body":"Hello, how are you?","created":"2024-12-25 10:30:00","is_read":false}}{more}}}"#
        )
    };
    assert_eq!(world.text(jane), frame(""));
    assert_eq!(world.text(john), frame(r#","temp_id":7"#));
    assert_eq!(status(&world, id.get()), Status::Read, "who was shown it has read it");
}

#[test]
fn what_was_shown_right_before_the_end_counts_as_read() {
    let mut world = world();
    let jane = world.open(2);
    world.frames(jane);
    world.hold_commands(jane);
    world.send(jane, &json!({ "body": "What is slow to be stored" }));
    world.say(1, world.room, "Hello");
    world.settle();
    assert_eq!(bodies(&world.frames(jane)), ["Hello"]);
    assert_eq!(unread(&world, "2"), 1, "she is busy");
    world.leave(jane);
    assert_eq!(unread(&world, "2"), 0);
}

#[test]
fn a_socket_begins_with_everything_so_far() {
    let mut world = world();
    let ids: Vec<_> = (0..120).map(|n| world.say(1, world.room, &n.to_string())).collect();
    let gone = MessageId::new(ids[60]).unwrap();
    now(world.chat.acting_as("1").delete(world.room, gone)).unwrap();
    world.say(2, world.room, "own");
    assert_eq!(unread(&world, "2"), 119);
    let jane = world.open(2);
    let frames = world.frames(jane);
    let mut expected = numbers(0, 60);
    expected.extend(numbers(61, 120));
    expected.push("own".to_owned());
    assert_eq!(bodies(&frames), expected);
    assert!(frames.iter().all(|frame| frame["message"]["is_read"] == false), "as it stood before");
    assert_eq!(unread(&world, "2"), 0);
    assert_eq!(status(&world, ids[0]), Status::Read);
    assert_eq!(unread(&world, "1"), 1, "nobody else has read anything by it");
    let again = world.open(2);
    let frames = world.frames(again);
    let read: Vec<_> = frames.iter().map(|frame| frame["message"]["is_read"].clone()).collect();
    assert_eq!(read[..119], vec![json!(true); 119]);
    assert_eq!(read[119], json!(false));
}

#[test]
fn an_empty_room_begins_with_nothing() {
    let mut world = world();
    let jane = world.open(2);
    world.assert_quiet(jane);
    world.say(1, world.room, "first");
    assert_eq!(bodies(&world.frames(jane)), ["first"]);
}

#[test]
fn a_page_is_asked_for_once_the_one_before_it_was_taken() {
    let mut world = world();
    for number in 0..60 {
        world.say(1, world.room, &number.to_string());
    }
    let jane = open_held(&mut world, 2);
    world.set_stalled(jane, true);
    assert!(world.release_history(jane));
    let first = world.frames(jane).len();
    assert!((1..60).contains(&first), "a page and no more");
    assert!(!world.reads_history(jane), "nothing was taken yet");
    assert_eq!(unread(&world, "2"), 60, "what was not written was not read");
    world.set_stalled(jane, false);
    assert!(world.reads_history(jane));
    assert_eq!(unread(&world, "2"), 60 - first as u64, "what was written was read");
    world.set_stalled(jane, true);
    world.release_history(jane);
    assert_eq!(unread(&world, "2"), 60 - first as u64);
}

#[test]
fn what_comes_while_history_is_read_follows_in_order_and_once() {
    let mut world = world();
    for number in 0..30 {
        world.say(1, world.room, &number.to_string());
    }
    let jane = open_held(&mut world, 2);
    world.say(1, world.room, "30");
    world.release_history(jane);
    world.say(1, world.room, "31");
    assert!(world.reads_history(jane));
    world.release_history(jane);
    let mut next = 32;
    while world.reads_history(jane) {
        world.say(1, world.room, &next.to_string());
        next += 1;
        world.release_history(jane);
        if next == 40 {
            break;
        }
    }
    while world.release_history(jane) {}
    world.say(1, world.room, &next.to_string());
    assert_eq!(bodies(&world.frames(jane)), numbers(0, next + 1));
    assert_eq!(unread(&world, "2"), 0);
}

#[test]
fn a_message_that_came_between_and_was_deleted_does_not_keep_it_reading() {
    let mut world = world();
    world.say(1, world.room, "0");
    let jane = open_held(&mut world, 2);
    let id = MessageId::new(world.say(1, world.room, "gone")).unwrap();
    now(world.chat.acting_as("1").delete(world.room, id)).unwrap();
    world.settle();
    let mut pages = 0;
    while world.release_history(jane) {
        pages += 1;
        assert!(pages < 5);
    }
    world.say(1, world.room, "1");
    assert_eq!(bodies(&world.frames(jane)), ["0", "1"]);
}

#[test]
fn ones_own_message_sent_while_history_is_read_bears_its_key() {
    let mut world = world();
    for number in 0..30 {
        world.say(1, world.room, &number.to_string());
    }
    for delayed in [false, true] {
        let jane = open_held(&mut world, 2);
        if delayed {
            world.hold_commands(jane);
        }
        world.send(jane, &json!({ "body": format!("mine {delayed}"), "temp_id": "t" }));
        if delayed {
            world.release_command_after(jane, |world| while world.release_history(jane) {});
        }
        while world.release_history(jane) || world.is_performing(jane) {
            if world.is_performing(jane) {
                world.release_command(jane);
            }
        }
        let frames = world.frames(jane);
        let mine: Vec<_> = frames
            .iter()
            .filter(|frame| frame["message"]["body"] == format!("mine {delayed}"))
            .map(|frame| frame["temp_id"].clone())
            .collect();
        assert_eq!(mine, ["t"], "delayed: {delayed}");
        let with_key = frames.iter().filter(|frame| frame.get("temp_id").is_some()).count();
        assert_eq!(with_key, 1);
    }
}

#[test]
fn a_repetition_of_an_older_send_is_told_once_with_its_key() {
    let mut world = world();
    let jane = world.open(2);
    world.send(jane, &json!({ "body": "mine", "temp_id": "t" }));
    world.frames(jane);
    let again = open_held(&mut world, 2);
    world.send(again, &json!({ "body": "mine", "temp_id": "t" }));
    world.assert_quiet(again);
    while world.release_history(again) {}
    let frame = world.frame(again);
    assert_eq!((&frame["message"]["body"], &frame["temp_id"]), (&json!("mine"), &json!("t")));
    world.send(again, &json!({ "body": "mine", "temp_id": "t" }));
    assert_eq!(world.frame(again), frame);
    world.assert_quiet(jane);
}

#[test]
fn who_is_removed_while_history_is_read_is_closed() {
    let mut world = world();
    for number in 0..60 {
        world.say(1, world.room, &number.to_string());
    }
    let jane = open_held(&mut world, 2);
    world.release_history(jane);
    world.remove_member(world.room, 2);
    assert_eq!(world.closed(jane), Some(4403));
}

#[test]
fn a_store_that_is_down_closes_who_reads_history() {
    let mut world = world();
    world.say(1, world.room, "0");
    let jane = open_held(&mut world, 2);
    world.store.set_down(true);
    world.release_history(jane);
    assert_eq!(world.closed(jane), Some(1013));
    world.assert_quiet(jane);
}

#[test]
fn what_could_not_be_marked_is_marked_later_and_nobody_is_told() {
    let mut world = world();
    let jane = world.open(2);
    world.set_stalled(jane, true);
    let first = world.say(1, world.room, "first");
    world.store.set_down(true);
    world.set_stalled(jane, false);
    world.store.set_down(false);
    assert_eq!(bodies(&world.frames(jane)), ["first"]);
    assert_eq!(status(&world, first), Status::Sent);
    world.advance_secs(30);
    assert_eq!(status(&world, first), Status::Read);
    world.assert_quiet(jane);
}

#[test]
fn a_socket_that_missed_deliveries_is_told_and_has_read_them_once() {
    let mut world = world();
    let jane = world.open(2);
    world.say(1, world.room, "0");
    world.set_deaf(jane, true);
    for number in 1..70 {
        world.say(1, world.room, &number.to_string());
    }
    world.set_deaf(jane, false);
    world.catch_up(jane, 10);
    world.say(1, world.room, "70");
    assert_eq!(bodies(&world.frames(jane)), numbers(0, 71));
    assert_eq!(unread(&world, "2"), 0);
}

#[test]
fn a_bad_frame_and_a_failed_send_are_one_sentence() {
    let mut world = world();
    let (john, jane) = (world.open(1), world.open(2));
    for frame in
        ["nonsense", "[]", "{}", r#"{"body":5}"#, r#"{"body":" "}"#, r#"{"body":"a\u0000"}"#]
    {
        world.send_text(john, frame);
        assert_eq!(world.text(john), format!(r#"{{"error":"{ERROR}"}}"#), "{frame}");
    }
    world.send(john, &json!({ "body": "x".repeat(10_001), "temp_id": "t" }));
    assert_eq!(world.text(john), format!(r#"{{"error":"{ERROR}","temp_id":"t"}}"#));
    world.store.set_down(true);
    world.send(john, &json!({ "body": "hello", "temp_id": 7 }));
    assert_eq!(world.text(john), format!(r#"{{"error":"{ERROR}","temp_id":7}}"#));
    world.assert_quiet(jane);
}

#[test]
fn only_members_of_a_direct_room_may_connect() {
    let mut world = world();
    let group = world.group("Group", &[1, 2]);
    for (room, user) in [(world.room.to_string(), 4), (group.to_string(), 1), ("x".into(), 1)] {
        let token = world.token(user);
        let close = world.open_at(&format!("/ws/chat/{room}/"), &token).unwrap_err();
        assert_eq!(close.code, 4403, "{room}");
    }
    let path = format!("/ws/chat/{}/", world.room);
    assert_eq!(world.open_at(&path, "x").unwrap_err().code, 4401);
    let cookie = headers(&[("cookie", &format!("sessionid={}", world.token(1)))]);
    assert!(world.open_with(&path, &cookie, None).is_ok());
    let header = headers(&[("authorization", &format!("Token {}", world.token(1)))]);
    assert!(world.open_with(&path, &header, None).is_ok());
}

/// What happens while a socket reads its history.
#[derive(Debug, Clone, Copy)]
enum Step {
    Say(u64),
    Delete(prop::sample::Index),
    Page,
    Stall(bool),
    Deaf(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..=2).prop_map(Step::Say),
        1 => any::<prop::sample::Index>().prop_map(Step::Delete),
        4 => Just(Step::Page),
        2 => any::<bool>().prop_map(Step::Stall),
        1 => any::<bool>().prop_map(Step::Deaf),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_told_once_in_order_and_none_is_lost(
        before in 0usize..60, steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = world();
        let mut ids: Vec<u64> = (0..before).map(|_| world.say(1, world.room, "x")).collect();
        let jane = open_held(&mut world, 2);
        let (mut told, mut deleted, mut deaf) = (Vec::new(), Vec::new(), false);
        for step in steps {
            match step {
                Step::Say(user) => ids.push(world.say(user, world.room, "x")),
                Step::Delete(index) if !ids.is_empty() => {
                    let id = *index.get(&ids);
                    let message = MessageId::new(id).unwrap();
                    for user in ["1", "2"] {
                        let _ = now(world.chat.acting_as(user).delete(world.room, message));
                    }
                    deleted.push(id);
                    world.settle();
                }
                Step::Delete(_) => {}
                Step::Page => drop(world.release_history(jane)),
                Step::Stall(stalled) => world.set_stalled(jane, stalled),
                Step::Deaf(now_deaf) => {
                    world.set_deaf(jane, now_deaf);
                    if deaf && !now_deaf {
                        world.catch_up(jane, 5);
                    }
                    deaf = now_deaf;
                }
            }
        }
        world.set_deaf(jane, false);
        world.catch_up(jane, 5);
        world.set_stalled(jane, false);
        while world.release_history(jane) {}
        told.extend(world.frames(jane).iter().map(|frame| frame["message"]["id"].as_u64().unwrap()));
        prop_assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
        let lost: Vec<_> = ids.iter().filter(|id| !told.contains(id) && !deleted.contains(id)).collect();
        prop_assert_eq!(lost, Vec::<&u64>::new());
        prop_assert_eq!(unread(&world, "2"), 0);
    }
}

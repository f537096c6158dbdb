//! Frames that wait for the one before them.

mod common;

use std::time::Duration;

use chat_core::model::Slice;
use chat_core::socket::{Close, Input};
use chat_core::store::Anchor;
use common::{World, now, say, two};
use serde_json::{Value, json};

/// Lets a command end before what it did is told, or after.
type Release = fn(&mut World, common::Peer);

/// Either may be quicker.
const RELEASES: [Release; 2] = [
    |world, peer| world.release_command_after(peer, World::settle),
    |world, peer| world.release_command(peer),
];

#[test]
fn frames_are_answered_in_the_order_they_came_while_a_command_is_in_flight() {
    RELEASES.into_iter().for_each(answers_come_in_order);
}

fn answers_come_in_order(release: Release) {
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
        release(&mut world, john);
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
fn a_message_without_a_key_is_answered_before_what_came_after_it() {
    for release in RELEASES {
        let (mut world, john, _) = two();
        world.hold_commands(john);
        world.send(john, &json!({ "type": "message", "content": "x" }));
        world.send_text(john, "nonsense");
        release(&mut world, john);
        let kinds: Vec<Value> =
            world.frames(john).iter().map(|frame| frame["type"].clone()).collect();
        assert_eq!(kinds, ["message", "error"]);
    }
}

/// A binary frame, one that is too large, and the last bad frame that is borne.
#[test]
fn what_came_before_a_frame_that_ends_the_socket_is_answered_first() {
    for release in RELEASES {
        for last in ["broken", "bad"] {
            let (mut world, john, jane) = two();
            world.hold_commands(john);
            for number in 0..2 {
                world.send(john, &json!({ "type": "message", "content": "x", "temp_id": number }));
            }
            if last == "broken" {
                world.input(john, Input::Broken(Close::BINARY));
                assert!(!world.wants_frames(john));
            } else {
                (0..20).for_each(|_| world.send_text(john, "nonsense"));
            }
            assert_eq!(world.closed(john), None);
            release(&mut world, john);
            assert_eq!(world.closed(john), None);
            release(&mut world, john);
            let keys: Vec<Value> =
                world.frames(john).iter().map(|frame| frame["temp_id"].clone()).collect();
            assert_eq!(keys[..2], [0, 1]);
            let (answers, code) = if last == "broken" { (2, 1003) } else { (22, 1008) };
            assert_eq!((keys.len(), world.closed(john)), (answers, Some(code)));
            let shown =
                world.frames(jane).iter().filter(|frame| frame["type"] == "message").count();
            assert_eq!(shown, 2);
        }
    }
}

#[test]
fn a_message_that_is_gone_before_it_could_be_told_keeps_nothing_waiting() {
    let (mut world, john, _) = two();
    world.set_deaf(john, true);
    world.send(john, &json!({ "type": "message", "content": "x", "temp_id": 1 }));
    world.send_text(john, "nonsense");
    world.assert_quiet(john);
    let all = now(world.chat.history(world.room, Anchor::Newest, Slice::first(1))).unwrap();
    now(world.chat.delete_message(world.room, all.items[0].id)).unwrap();
    world.set_deaf(john, false);
    world.catch_up(john, 100);
    assert_eq!(world.frame(john)["type"], "error");
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
fn with_many_bytes_waiting_no_more_frames_are_wanted() {
    let (mut world, john, _) = two();
    let ping = json!({ "type": "ping", "timestamp": "x".repeat(200_000) });
    world.hold_commands(john);
    say(&mut world, john, "x");
    let mut taken = 0;
    while world.wants_frames(john) {
        world.send(john, &ping);
        taken += 1;
        assert!(taken <= 3, "a third one reaches twice the largest frame");
    }
    assert_eq!(taken, 3);
    world.release_command(john);
    assert!(world.wants_frames(john));
    let pongs = world.frames(john).into_iter().filter(|frame| frame["type"] == "pong");
    assert!(pongs.map(|pong| pong["timestamp"].clone()).eq(vec![ping["timestamp"].clone(); 3]));
}

#[test]
fn what_waits_while_the_store_hangs_is_answered_within_5_seconds_each() {
    const STEP: Duration = Duration::from_millis(100);
    let (mut world, john, jane) = two();
    world.hold_commands(john);
    let (mut sent, mut told, mut hangs_until) = (Vec::new(), Vec::new(), None);
    for step in 0..200 {
        let now = STEP * step;
        if let Some(true) = hangs_until.map(|until| until <= now) {
            world.store.set_down(true);
            world.release_command(john);
            world.store.set_down(false);
            hangs_until = None;
        }
        // Ten at once, and then one by one.
        let frames = if step == 0 { 10 } else { usize::from(step % 7 == 0 && step < 100) };
        for _ in 0..frames {
            let temp_id = sent.len();
            world.send(john, &json!({ "type": "message", "content": "x", "temp_id": temp_id }));
            sent.push(now);
        }
        if hangs_until.is_none() && world.is_performing(john) {
            hangs_until = Some(now + Duration::from_millis(4_500));
        }
        for frame in world.frames(john).iter().filter(|frame| frame["status"] == "failed") {
            assert_eq!(frame["temp_id"], told.len(), "in their order");
            told.push(now);
        }
        world.advance(STEP);
    }
    assert_eq!(told.len(), sent.len());
    for (sent, told) in sent.iter().zip(&told) {
        assert!(*told <= *sent + Duration::from_secs(5), "{sent:?} {told:?}");
    }
    let told = world.frames(jane);
    assert!(told.iter().all(|frame| frame["type"] == "ping"), "{told:?}");
}

#[test]
fn what_waits_is_tried_where_the_store_refuses_at_once_or_answers_again() {
    let (mut world, john, jane) = two();
    world.hold_commands(john);
    for text in ["one", "two", "three"] {
        say(&mut world, john, text);
    }
    world.store.set_down(true);
    world.release_command(john);
    world.store.set_down(false);
    world.release_command(john);
    // However long it has waited, now that the store answers.
    world.advance_secs(10);
    world.release_command(john);
    let told = world.frames(jane).into_iter().map(|frame| frame["message"]["content"].clone());
    assert!(told.eq([json!("two"), json!("three")]));
}

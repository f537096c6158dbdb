//! What becomes of what a client has sent before its socket ends.

mod common;

use std::time::Duration;

use chat_core::socket::{Close, Input};
use common::{Peer, World, say, two};
use serde_json::{Value, json};

/// John and Jane in their room; of three messages of John's the first is being performed.
fn three_under_way() -> (World, Peer, Peer) {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    send_three(&mut world, john);
    (world, john, jane)
}

fn send_three(world: &mut World, john: Peer) {
    world.hold_commands(john);
    for text in ["one", "two", "three"] {
        world.send(john, &json!({ "type": "message", "content": text }));
    }
}

fn texts(frames: &[Value]) -> Vec<&str> {
    let messages = frames.iter().filter(|frame| frame["type"] == "message");
    messages.map(|frame| frame["message"]["content"].as_str().unwrap()).collect()
}

#[test]
fn what_was_sent_before_leaving_is_stored_in_its_order() {
    let (mut world, john, jane) = three_under_way();
    world.leave(john);
    let frames = world.frames(jane);
    assert_eq!(texts(&frames), ["one", "two", "three"]);
    assert_eq!(frames.last().unwrap()["type"], "user_status_change", "they go after it");
}

#[test]
fn what_was_sent_before_a_close_of_ours_is_stored_but_nothing_of_who_may_not_act_any_more() {
    for (close, stored) in [(Close::DRAIN, 3), (Close::TOO_LARGE, 3), (Close::UNAUTHENTICATED, 1)] {
        let (mut world, john, jane) = three_under_way();
        world.input(john, Input::Close(close));
        assert_eq!(texts(&world.frames(jane)).len(), stored, "{close:?}");
    }
}

#[test]
fn who_has_left_acts_no_longer_than_their_sign_in_lasts() {
    let mut world = World::new();
    let token = world.token_until(1, 60);
    let path = format!("/ws/chat/{}/", world.room);
    let john = world.open_at(&path, &token).unwrap();
    let jane = world.open(2);
    send_three(&mut world, john);
    // Nobody has woken the machine.
    world.time.advance(Duration::from_secs(61));
    world.leave(john);
    assert_eq!(texts(&world.frames(jane)), ["one"], "what was begun before is finished");
}

#[test]
fn who_is_signed_out_does_nothing_more_that_was_not_begun() {
    let (mut world, john, jane) = three_under_way();
    world.chat.sign_out(&1.into());
    world.settle();
    assert_eq!((world.closed(john), world.closed(jane)), (Some(4401), None));
    assert_eq!(texts(&world.frames(jane)), ["one"]);
}

#[test]
fn a_command_that_waits_for_the_connection_is_not_begun_by_who_may_not_act_any_more() {
    for (close, is_stored) in [
        (Close::UNAUTHENTICATED, false),
        (Close::FORBIDDEN, false),
        (Close::BAD_FRAMES, false),
        (Close::DRAIN, true),
    ] {
        let (mut world, john, jane) = two();
        world.block(john);
        say(&mut world, john, "hello");
        world.input(john, Input::Close(close));
        world.leave(john);
        assert_eq!(texts(&world.frames(jane)), vec!["hello"; usize::from(is_stored)], "{close:?}");
    }
}

#[test]
fn a_command_that_waits_for_the_connection_is_not_begun_once_the_sign_in_is_over() {
    let mut world = World::new();
    let token = world.token_until(1, 60);
    let john = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap();
    let jane = world.open(2);
    world.block(john);
    say(&mut world, john, "hello");
    // Nobody has woken the machine.
    world.time.advance(Duration::from_secs(61));
    world.unblock(john);
    assert_eq!(world.closed(john), Some(4401));
    assert_eq!(texts(&world.frames(jane)), Vec::<&str>::new());
}

#[test]
fn who_leaves_while_the_store_is_away_is_not_waited_for() {
    for kind in ["message_read", "message"] {
        let mut world = World::new();
        let (john, room) = (world.open(1), world.room);
        let id = world.say(2, room, "to be read");
        world.hold_commands(john);
        for _ in 0..3 {
            world.send(john, &json!({ "type": kind, "content": "text", "message_id": id }));
        }
        world.store.set_down(true);
        world.store.take_calls();
        world.leave(john);
        // What was under way, the next one, and the end of the session.
        assert_eq!(world.store.take_calls(), 3, "{kind}");
    }
}

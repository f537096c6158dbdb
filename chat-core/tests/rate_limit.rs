//! How fast the requests and frames of one user may come, where the host has said so.

mod common;

use std::num::NonZeroU32;

use std::pin::pin;
use std::task::{Context, Waker};

use chat_core::dialect::{CAMPUS, DIRECT, Dialect, MESSENGER, ROOMS, TEAM};
use chat_core::{Config, RateLimit};
use common::{World, now};
use serde_json::json;

/// Three at once, and then one a second.
fn limited(dialect: &'static Dialect) -> World {
    let number = |number| NonZeroU32::new(number).unwrap();
    let mut config = Config::default();
    config.rate_limit = Some(RateLimit { per_second: number(1), burst: number(3) });
    World::speaking_with(dialect, config)
}

#[test]
fn requests_beyond_are_429_in_every_dialect_and_others_go_on() {
    let lists = [
        (CAMPUS, "/chat/chats/"),
        (DIRECT, "/api/chats/"),
        (MESSENGER, "/api/v1.0/chat/rooms/"),
        (ROOMS, "/api/chat/rooms/"),
        (TEAM, "/api/chat/rooms/"),
    ];
    for (dialect, path) in lists {
        let mut world = limited(dialect);
        for _ in 0..3 {
            assert_eq!(world.get(1, path).status, 200, "{path}");
        }
        let refused = world.get(1, path);
        assert_eq!(refused.status, 429, "{path}");
        assert_eq!(refused.body, json!({ "detail": "Request was throttled." }));
        assert_eq!(refused.headers["retry-after"], "1");
        assert_eq!(world.get(2, path).status, 200, "{path}");
        world.advance_secs(1);
        assert_eq!(world.get(1, path).status, 200, "{path}");
        assert_eq!(world.get(1, path).status, 429, "{path}");
    }
}

#[test]
fn frames_beyond_are_refused_and_the_socket_stays_open() {
    let mut world = limited(MESSENGER);
    let peer = world.open(1);
    world.frames(peer);
    let say = |temp_id: &str| json!({ "type": "message", "content": "hi", "temp_id": temp_id });
    for temp_id in ["a", "b"] {
        world.send(peer, &say(temp_id));
        assert_eq!(world.frame(peer)["temp_id"], temp_id);
    }
    world.send(peer, &say("c"));
    let refused = world.frame(peer);
    assert_eq!((&refused["type"], &refused["temp_id"]), (&json!("error"), &json!("c")));
    assert!(refused.to_string().contains("Too many requests."), "{refused}");
    world.assert_quiet(peer);
    assert_eq!(world.closed(peer), None);
    world.advance_secs(1);
    world.send(peer, &say("c"));
    assert_eq!(world.frame(peer)["temp_id"], "c");
    let room = now(world.chat.acting_as(2).room(world.room)).unwrap();
    assert_eq!(room.unread, 3);
}

#[test]
fn pings_and_checks_count_and_answers_to_pings_do_not() {
    for kind in ["ping", "connection_check"] {
        let mut world = limited(MESSENGER);
        let peer = world.open(1);
        for _ in 0..9 {
            world.send(peer, &json!({ "type": "pong" }));
        }
        for _ in 0..2 {
            world.send(peer, &json!({ "type": kind }));
            assert_ne!(world.frame(peer)["type"], "error", "{kind}");
        }
        world.send(peer, &json!({ "type": kind, "temp_id": "c" }));
        let refused = world.frame(peer);
        assert_eq!((&refused["type"], &refused["temp_id"]), (&json!("error"), &json!("c")));
        assert_eq!(world.closed(peer), None);
        world.advance_secs(1);
        world.send(peer, &json!({ "type": kind }));
        assert_ne!(world.frame(peer)["type"], "error", "{kind}");
    }
}

#[test]
fn sockets_beyond_make_no_rooms() {
    let mut world = limited(TEAM);
    let token = world.token(4);
    for user in 1..4 {
        world.open_at(&format!("/ws/direct/{user}/"), &token).unwrap();
    }
    world.store.take_calls();
    assert_eq!(world.open_at("/ws/direct/1/", &token).unwrap_err().code, 1013);
    assert_eq!(world.store.take_calls(), 0);
}

#[test]
fn who_has_too_many_sockets_makes_no_rooms() {
    let mut config = Config::default();
    config.sockets_per_user = 1;
    let mut world = World::speaking_with(TEAM, config);
    let token = world.token(4);
    let first = world.open_at("/ws/direct/1/", &token).unwrap();
    world.store.take_calls();
    assert_eq!(world.open_at("/ws/direct/2/", &token).unwrap_err().code, 1013);
    assert_eq!(world.store.take_calls(), 0);
    world.leave(first);
    world.open_at("/ws/direct/2/", &token).unwrap();
}

#[test]
fn sockets_beyond_are_closed_1013() {
    let mut world = limited(TEAM);
    let (path, token) = (format!("/ws/chat/{}/", common::uuid(world.room.get())), world.token(1));
    for _ in 0..3 {
        world.open_at(&path, &token).unwrap();
    }
    assert_eq!(world.open_at(&path, &token).unwrap_err().code, 1013);
    world.advance_secs(1);
    world.open_at(&path, &token).unwrap();
}

#[test]
fn without_a_limit_there_is_none() {
    let world = World::new();
    assert!((0..200).all(|_| world.get(1, "/api/v1.0/chat/rooms/").status == 200));
}

#[test]
fn a_socket_that_was_given_up_while_it_opened_does_not_count() {
    let mut config = Config::default();
    config.sockets_per_user = 1;
    let world = World::with_config(config);
    let user = world.chat.acting_as(1);
    world.store.set_late(true);
    {
        let mut opening = pin!(user.open_session(world.room, None, None));
        let mut polled = Context::from_waker(Waker::noop());
        assert!(opening.as_mut().poll(&mut polled).is_pending());
    }
    world.store.set_late(false);
    let _open = now(user.open_session(world.room, None, None)).unwrap();
    assert!(now(user.open_session(world.room, None, None)).is_err());
}

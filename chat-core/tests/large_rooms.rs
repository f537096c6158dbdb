//! Rooms that are as large as they may be.

mod common;

use chat_core::Config;
use chat_core::dialect::{Dialect, ROOMS, TEAM};
use chat_core::model::{Change, Cursor, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::service::{Error, Problem};
use common::{TEAM_ROOMS, World, in_room, now};
use serde_json::{Map, json};

/// Rooms have three members at most.
fn world(dialect: &'static Dialect) -> World {
    let mut config = Config::default();
    config.members_per_room = 3;
    World::speaking_with(dialect, config)
}

const FULL: &str = "A room has at most 3 members.";

#[test]
fn nobody_comes_into_a_full_room_of_team_and_nothing_of_the_change_is_done() {
    let world = world(TEAM);
    let large = json!({ "name": "a", "room_type": "public", "participant_ids": ["2", "3", "4"] });
    let refused = world.post(1, TEAM_ROOMS, &large);
    assert_eq!((refused.status, refused.body), (400, json!({ "error": FULL })));
    let fits =
        json!({ "name": "a", "room_type": "public", "participant_ids": ["2", "3", "2", "1"] });
    let made = world.post(1, TEAM_ROOMS, &fits);
    assert_eq!(made.status, 201, "{}", made.body);
    let room = chat_core::model::RoomId::new(3).unwrap();
    assert_eq!(made.body["id"], common::uuid(3));

    let patch = json!({ "name": "b", "participant_ids": ["3", "4"] }).to_string();
    let patched = world.ask(1, "PATCH", &in_room(room, ""), &[], &patch);
    assert_eq!((patched.status, patched.body), (400, json!({ "error": FULL })));
    assert_eq!(world.get(1, &in_room(room, "")).body, made.body);
    let joined = world.post(4, &in_room(room, "join/"), &json!({}));
    assert_eq!((joined.status, joined.body), (400, json!({ "error": FULL })));
    assert_eq!(world.post(3, &in_room(room, "join/"), &json!({})).status, 200, "is there");
    assert_eq!(world.post(2, &in_room(room, "leave/"), &json!({})).status, 200);
    assert_eq!(world.post(4, &in_room(room, "join/"), &json!({})).status, 200);
}

#[test]
fn a_room_of_rooms_is_made_with_so_many_participants() {
    let world = world(ROOMS);
    let make = |others: &[u64]| {
        world.post(1, "/api/chat/rooms/", &json!({ "name": "a", "participants": others }))
    };
    let refused = make(&[2, 3, 4]);
    assert_eq!((refused.status, refused.body), (400, json!({ "participants": [FULL] })));
    assert_eq!(make(&[2, 3]).status, 201);
}

#[test]
fn the_host_makes_no_room_larger_either() {
    let world = world(TEAM);
    let users = |ids: &[u64]| ids.iter().copied().map(UserId::from).collect::<Vec<_>>();
    let make = |ids| {
        let name = RoomName::parse("a").unwrap();
        now(world.chat.create_room(RoomKind::Public, name, users(ids), Map::new()))
    };
    let is_full = |error: Error| {
        let problem = Problem::TooManyMembers { limit: 3 };
        matches!(error, Error::Invalid(fields) if fields[0].problem == problem)
    };
    assert!(is_full(make(&[1, 2, 3, 4]).unwrap_err()));
    let room = make(&[1, 2]).unwrap();
    let add = |ids| now(world.chat.add_members(room, users(ids)));
    assert!(is_full(add(&[3, 4]).unwrap_err()));
    add(&[3]).unwrap();
    assert!(is_full(now(world.chat.acting_as(4).join(room)).unwrap_err()));
    assert_eq!(now(world.chat.members(room)).unwrap().len(), 3);
    assert!(now(world.chat.acting_as(3).direct_room(4)).is_ok(), "direct rooms are of two");
}

#[test]
fn a_reading_of_changes_brings_no_more_readers_than_fit() {
    const READERS: u64 = 1_200;
    let more = (5..=READERS).map(|id| User::new(id.into(), "somebody")).collect();
    let World { chat, .. } = World::among(TEAM, Config::default(), more);
    let (name, members) = (RoomName::parse("a").unwrap(), (1..=READERS).map(UserId::from));
    let room = chat.create_room(RoomKind::Group, name, members.collect(), Map::new());
    let (room, actor) = (now(room).unwrap(), chat.acting_as(1));
    let sent: Vec<_> =
        (0..1_000).map(|_| now(actor.send(room, "hello")).unwrap().message.id).collect();
    for reader in (2..=READERS).rev() {
        now(chat.acting_as(reader).mark_all_read(room)).unwrap();
    }
    let from = now(chat.versions(&[room])).unwrap()[0].1;
    for id in &sent {
        now(actor.edit(room, *id, "hello again")).unwrap();
    }

    let (mut edited, mut after, mut readings) = (Vec::new(), Cursor::version(from), 0);
    loop {
        let batch = now(chat.changes(room, after, 10_000)).unwrap();
        let mut readers = 0;
        for change in batch.events.into_iter().flat_map(|event| event.changes) {
            let Change::Edited { message, read_by, .. } = change else { panic!("{change:?}") };
            edited.push(message.id);
            readers += read_by.len();
        }
        assert!(readers <= 1_000_000, "{readers} at once");
        (after, readings) = (batch.reached, readings + 1);
        if !batch.more {
            break;
        }
    }
    assert_eq!((edited, readings), (sent, 2));
}

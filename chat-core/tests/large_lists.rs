//! Lists that show very many people are made as they are taken.

mod common;

use chat_core::Config;
use chat_core::dialect::{CAMPUS, Dialect, ROOMS, TEAM};
use chat_core::http::{Body, dispatch};
use chat_core::model::{RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use common::{World, headers, in_room, now, request};
use futures::StreamExt;
use serde_json::{Map, Value};

/// A world with so many users, who are all in each of the rooms that are made.
fn world(dialect: &'static Dialect, users: u64, rooms: usize) -> (World, Vec<RoomId>) {
    let more = (5..=users).map(|id| User::new(id.into(), format!("user{id}"))).collect();
    let world = World::among(dialect, Config::default(), more);
    let make = |_| {
        let (name, members) = (RoomName::parse("a").unwrap(), (1..=users).map(UserId::from));
        let made = world.chat.create_room(RoomKind::Group, name, members.collect(), Map::new());
        now(made).unwrap()
    };
    let rooms = (0..rooms).map(make).collect();
    (world, rooms)
}

/// How long the pieces are in which an answer comes, and the whole of it.
fn pieces(world: &World, path: &str) -> (Vec<usize>, Value) {
    let bearer = format!("Bearer {}", world.token(1));
    let request = request("GET", path, headers(&[("authorization", &bearer)]), Vec::new());
    let asked = dispatch(&world.chat, world.dialect(), request, world.time.instant());
    let response = now(asked).response;
    assert_eq!(response.status(), 200);
    let Body::Stream(mut pieces) = response.into_body() else { panic!("it is a stream") };
    let (mut lengths, mut whole) = (Vec::new(), Vec::new());
    while let Some(piece) = now(pieces.next()) {
        let piece = piece.unwrap();
        lengths.push(piece.len());
        whole.extend_from_slice(&piece);
    }
    (lengths, serde_json::from_slice(&whole).unwrap())
}

#[track_caller]
fn assert_small((lengths, whole): &(Vec<usize>, Value), least: usize) {
    assert!(lengths.len() >= least, "{} pieces", lengths.len());
    let (most, all) = (lengths.iter().max().unwrap(), whole.to_string().len());
    assert!(most * least <= 2 * all, "a piece of {most} bytes of {all}");
}

#[test]
fn messages_with_their_readers_come_a_few_at_a_time() {
    let (world, rooms) = world(TEAM, 2_000, 1);
    for number in 0..20 {
        now(world.chat.acting_as(1).send(rooms[0], format!("hello {number}"))).unwrap();
    }
    for reader in (2..=2_000).rev() {
        now(world.chat.acting_as(reader).mark_all_read(rooms[0])).unwrap();
    }
    for path in [in_room(rooms[0], "messages/"), "/api/chat/search/messages/?q=hello".to_owned()] {
        let answer = pieces(&world, &path);
        assert_small(&answer, 10);
        let messages = answer.1.get("results").unwrap_or(&answer.1).as_array().unwrap();
        assert_eq!(messages.len(), 20);
        let readers = |message: &Value| message["read_by"].as_array().unwrap().len();
        assert!(messages.iter().all(|message| readers(message) == 1_999));
    }
}

#[test]
fn rooms_with_their_members_come_a_few_at_a_time() {
    let lists = [(TEAM, "/api/chat/rooms/"), (ROOMS, "/api/chat/rooms/"), (CAMPUS, "/chat/chats/")];
    for (dialect, path) in lists {
        let (world, _) = world(dialect, 2_000, 20);
        let answer = pieces(&world, path);
        assert_small(&answer, 10);
        let rooms = answer.1.get("results").unwrap_or(&answer.1).as_array().unwrap();
        assert_eq!(rooms.len(), 2 + 20, "with the two direct ones");
        let members = |room: &Value| room["participants"].as_array().unwrap().len();
        assert_eq!(rooms.iter().filter(|room| members(room) == 2_000).count(), 20);
    }
}

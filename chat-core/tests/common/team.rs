//! What the tests of team share.

use chat_core::dialect::TEAM;
use chat_core::model::RoomId;
use serde_json::{Value, json};

use super::{Peer, World};

pub(crate) const TEAM_ROOMS: &str = "/api/chat/rooms/";

pub(crate) fn team() -> World {
    World::speaking(TEAM)
}

/// An id as team shows it.
pub(crate) fn uuid(id: u64) -> String {
    format!("00000000-0000-8000-8000-{id:012x}")
}

/// The path of something in a room.
pub(crate) fn in_room(room: RoomId, rest: &str) -> String {
    format!("{TEAM_ROOMS}{}/{rest}", uuid(room.get()))
}

/// A message that is sent, as its sender is shown it.
#[track_caller]
pub(crate) fn sent(world: &World, user: u64, room: RoomId, content: &str) -> Value {
    let answer = world.post(user, &in_room(room, "messages/"), &json!({ "content": content }));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

/// The path of something about a message.
pub(crate) fn about(message: &Value, rest: &str) -> String {
    let id = |key: &str| message[key].as_str().unwrap().to_owned();
    format!("{TEAM_ROOMS}{}/messages/{}/{rest}", id("room"), id("id"))
}

/// Opens a socket of a user in a room; what it was told at once is left to be looked at.
#[track_caller]
pub(crate) fn open_team(world: &mut World, user: u64, room: RoomId) -> Peer {
    let token = world.token(user);
    world.open_at(&format!("/ws/chat/{}/", uuid(room.get())), &token).unwrap()
}

//! What the document's bodies look like.

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialect::wire::UserIdView;
use crate::model::{Message, RoomKind, RoomSummary, Timestamp, UserId};
use crate::service::People;

/// A room as the asking user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Room")]
pub(super) struct RoomView<'a> {
    id: u64,
    name: String,
    participants: Vec<UserIdView<'a>>,
}

impl<'a> RoomView<'a> {
    pub(super) fn new(summary: &'a RoomSummary, me: &UserId, people: &People) -> Self {
        let name = match named_after(summary, me) {
            Some(other) => people.user(other).display_name.clone(),
            None => summary.room.name.clone().unwrap_or_default(),
        };
        Self {
            id: summary.room.id.get(),
            name,
            participants: summary.members.iter().map(UserIdView).collect(),
        }
    }
}

/// The other member of a direct room, whose name it bears.
pub(super) fn named_after<'a>(summary: &'a RoomSummary, me: &UserId) -> Option<&'a UserId> {
    summary.other(me).filter(|_| summary.room.kind == RoomKind::Direct)
}

/// A message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(super) struct MessageView<'a> {
    id: u64,
    chat_room: u64,
    sender: UserIdView<'a>,
    content: &'a str,
    timestamp: Timestamp,
}

impl<'a> From<&'a Message> for MessageView<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id.get(),
            chat_room: message.room.get(),
            sender: UserIdView(&message.sender),
            content: &message.content,
            timestamp: message.created_at,
        }
    }
}

/// A page of messages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Messages")]
pub(super) struct MessagesView<'a> {
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) results: Vec<MessageView<'a>>,
}

/// What making a room takes.
#[derive(JsonSchema)]
#[schemars(rename = "CreateRoom")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct CreateBody {
    name: String,
    #[serde(default)]
    participants: Vec<UserIdView<'static>>,
}

/// What a partial update of a message takes.
#[derive(JsonSchema)]
#[schemars(rename = "UpdateMessage")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct UpdateBody {
    #[serde(default)]
    content: String,
}

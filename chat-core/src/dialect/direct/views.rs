//! What the document's bodies look like.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::dialect::wire::UserIdView;
use crate::model::{RoomSummary, Timestamp, User, UserId};
use crate::service::People;

/// A user.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct UserView(#[schemars(with = "UserFields<'static>")] pub(super) Arc<User>);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
struct UserFields<'a> {
    id: UserIdView<'a>,
    username: &'a str,
}

impl Serialize for UserView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = UserFields { id: UserIdView(&self.0.id), username: &self.0.username };
        view.serialize(serializer)
    }
}

/// A chat as the asking user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Chat")]
pub(super) struct ChatView<'a> {
    id: u64,
    participants: Vec<UserView>,
    other_user: Option<UserView>,
    created: Timestamp,
    last_message: Option<LastMessageView<'a>>,
    unread_count: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastMessage")]
struct LastMessageView<'a> {
    body: &'a str,
    created: Timestamp,
    sender: String,
}

impl<'a> ChatView<'a> {
    pub(super) fn new(summary: &'a RoomSummary, me: &UserId, people: &People) -> Self {
        let user = |id: &UserId| UserView(people.user(id));
        let last_message = summary.last_message.as_deref().map(|message| LastMessageView {
            body: &message.content,
            created: message.created_at,
            sender: people.user(&message.sender).username.clone(),
        });
        Self {
            id: summary.room.id.get(),
            participants: summary.members.iter().map(user).collect(),
            other_user: summary.other(me).map(user),
            created: summary.room.created_at,
            last_message,
            unread_count: summary.unread,
        }
    }
}

/// Everybody whom a chat view shows.
pub(super) fn shown(summary: &RoomSummary) -> impl Iterator<Item = &UserId> {
    let sender = summary.last_message.iter().map(|message| &message.sender);
    summary.members.iter().chain(sender)
}

/// What making a chat takes.
#[derive(JsonSchema)]
#[schemars(rename = "CreateChat")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct CreateBody {
    user_id: UserIdView<'static>,
}

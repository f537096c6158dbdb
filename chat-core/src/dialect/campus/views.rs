//! What the document's bodies look like.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::dialect::wire::UserIdView;
use crate::model::{Message, Presence, RoomSummary, Status, Timestamp, User};
use crate::service::People;

/// A participant or sender.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct PersonView(#[schemars(with = "PersonFields<'static>")] pub(super) Arc<User>);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Person")]
struct PersonFields<'a> {
    id: UserIdView<'a>,
    email: &'a str,
    role: &'a str,
    profile: ProfileView<'a>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
struct ProfileView<'a> {
    first_name: &'a str,
    last_name: &'a str,
    photo: Option<&'a str>,
}

impl Serialize for PersonView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = &self.0;
        let profile = ProfileView {
            first_name: &user.first_name,
            last_name: &user.last_name,
            photo: user.picture.as_deref(),
        };
        let view = PersonFields {
            id: UserIdView(&user.id),
            email: &user.email,
            role: &user.role,
            profile,
        };
        view.serialize(serializer)
    }
}

/// A chat with its participants.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Chat")]
pub(super) struct ChatView {
    id: u64,
    participants: Vec<PersonView>,
    created_at: Timestamp,
}

impl ChatView {
    pub(super) fn new(summary: &RoomSummary, people: &People) -> Self {
        let participants = summary.members.iter().map(|id| PersonView(people.user(id)));
        Self {
            id: summary.room.id.get(),
            participants: participants.collect(),
            created_at: summary.room.created_at,
        }
    }
}

/// A message with its sender.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(super) struct MessageView<'a> {
    id: u64,
    sender: PersonView,
    content: &'a str,
    timestamp: Timestamp,
    is_read: bool,
}

impl<'a> MessageView<'a> {
    pub(super) fn new(message: &'a Message, sender: Arc<User>) -> Self {
        Self {
            id: message.id.get(),
            sender: PersonView(sender),
            content: &message.content,
            timestamp: message.created_at,
            is_read: message.status() == Status::Read,
        }
    }
}

/// What came of marking a message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Marked")]
pub(super) struct MarkedView {
    pub(super) status: &'static str,
}

/// Whether a user is there.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserStatus")]
pub(super) struct StatusView {
    is_online: bool,
    last_seen: Timestamp,
}

impl StatusView {
    /// None for who never was there.
    pub(super) fn new(presence: &Presence) -> Option<Self> {
        Some(Self { is_online: presence.online, last_seen: presence.last_seen? })
    }
}

/// What starting a chat takes.
#[derive(JsonSchema)]
#[schemars(rename = "StartChat")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct StartBody {
    user_id: UserIdView<'static>,
}

//! What the document's bodies look like.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::dialect::wire::UserIdView;
use crate::model::{Message, Presence, RoomSummary, Status, Timestamp, User, UserId};
use crate::service::People;

/// A participant or sender.
pub(super) struct PersonView(pub(super) Arc<User>);

impl Serialize for PersonView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct View<'a> {
            id: UserIdView<'a>,
            email: &'a str,
            role: &'a str,
            profile: ProfileView<'a>,
        }
        #[derive(Serialize)]
        struct ProfileView<'a> {
            first_name: &'a str,
            last_name: &'a str,
            photo: Option<&'a str>,
        }
        let user = &self.0;
        let profile = ProfileView {
            first_name: &user.first_name,
            last_name: &user.last_name,
            photo: user.picture.as_deref(),
        };
        let view = View { id: UserIdView(&user.id), email: &user.email, role: &user.role, profile };
        view.serialize(serializer)
    }
}

/// A chat with its participants.
#[derive(Serialize)]
pub(super) struct ChatView {
    id: u64,
    participants: Vec<PersonView>,
    created_at: Timestamp,
}

impl ChatView {
    pub(super) fn new(summary: &RoomSummary, people: &People) -> Self {
        let participants = members(summary).map(|id| PersonView(people.user(id)));
        Self {
            id: summary.room.id.get(),
            participants: participants.collect(),
            created_at: summary.room.created_at,
        }
    }
}

/// Everybody whom a chat view shows.
pub(super) fn members(summary: &RoomSummary) -> impl Iterator<Item = &UserId> {
    summary.members.iter().map(|member| &member.user)
}

/// A message with its sender.
#[derive(Serialize)]
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
#[derive(Serialize)]
pub(super) struct MarkedView {
    pub(super) status: &'static str,
}

/// Whether a user is there.
#[derive(Serialize)]
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

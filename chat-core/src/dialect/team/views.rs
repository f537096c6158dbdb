//! What the document's bodies look like.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::fields::IdView;
use super::files;
use crate::http::Call;
use crate::model::{
    Message, Reaction, RoomId, RoomKind, RoomSummary, Session, SessionId, Timestamp, User, UserId,
};
use crate::service::{People, Readers};

/// A user.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct UserView(#[schemars(with = "UserFields<'static>")] pub(super) Arc<User>);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
struct UserFields<'a> {
    id: &'a str,
    email: &'a str,
    display_name: &'a str,
    profile_picture: Option<&'a str>,
    clerk_profile_image_url: Option<&'a str>,
}

impl Serialize for UserView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = &self.0;
        let view = UserFields {
            id: user.id.as_str(),
            email: &user.email,
            display_name: &user.display_name,
            profile_picture: user.picture.as_deref(),
            clerk_profile_image_url: user.image_urls.first().map(String::as_str),
        };
        view.serialize(serializer)
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastMessage")]
struct LastMessageView<'a> {
    id: IdView,
    content: &'a str,
    sender: UserView,
    timestamp: Timestamp,
}

/// A room as the asking user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Room")]
pub(super) struct RoomView<'a> {
    id: IdView,
    name: Option<&'a str>,
    room_type: &'static str,
    participants: Vec<UserView>,
    created_by: Option<UserView>,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_active: bool,
    last_message: Option<LastMessageView<'a>>,
    unread_count: u64,
    other_user: Option<UserView>,
}

impl<'a> RoomView<'a> {
    pub(super) fn new(summary: &'a RoomSummary, me: &UserId, people: &People) -> Self {
        let room = &summary.room;
        let user = |id: &UserId| UserView(people.user(id));
        let other = summary.other(me).filter(|_| room.kind == RoomKind::Direct);
        Self {
            id: room.id.into(),
            name: room.name.as_deref(),
            room_type: room.kind.as_str(),
            participants: summary.members.iter().map(user).collect(),
            created_by: room.created_by.as_ref().map(user),
            created_at: room.created_at,
            updated_at: room.activity_at,
            is_active: room.active,
            last_message: summary.last_message.as_ref().map(|message| LastMessageView {
                id: message.id.into(),
                content: &message.content,
                sender: user(&message.sender),
                timestamp: message.created_at,
            }),
            unread_count: summary.unread,
            other_user: other.map(user),
        }
    }
}

/// Everybody whom a room view shows.
pub(super) fn shown(summary: &RoomSummary) -> impl Iterator<Item = &UserId> {
    let sender = summary.last_message.as_ref().map(|message| &message.sender);
    summary.members.iter().chain(&summary.room.created_by).chain(sender)
}

/// Reactions: emoji and the users, in the order they came.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct ReactionsView<'a>(
    #[schemars(with = "BTreeMap<String, Vec<String>>")] pub(super) &'a [Reaction],
);

impl Serialize for ReactionsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Reaction { emoji, users } in self.0 {
            let users: Vec<_> = users.iter().map(UserId::as_str).collect();
            map.serialize_entry(emoji, &users)?;
        }
        map.end()
    }
}

/// A message with its sender and those who have read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(super) struct MessageView<'a> {
    id: IdView,
    room: IdView,
    sender: UserView,
    content: &'a str,
    message_type: &'static str,
    file_attachment: Option<String>,
    file_name: Option<&'a str>,
    file_size: Option<u64>,
    timestamp: Timestamp,
    edited_at: Option<Timestamp>,
    is_deleted: bool,
    reply_to: Option<IdView>,
    reactions: ReactionsView<'a>,
    read_by: Vec<UserView>,
    is_edited: bool,
}

impl<'a> MessageView<'a> {
    /// With the URL of its file, if it has one.
    pub(super) fn new(
        message: &'a Message,
        sender: Arc<User>,
        read_by: &[Arc<User>],
        file_attachment: Option<String>,
    ) -> Self {
        let file = message.attachment.as_ref();
        Self {
            id: message.id.into(),
            room: message.room.into(),
            sender: UserView(sender),
            content: &message.content,
            message_type: message.kind.as_str(),
            file_attachment,
            file_name: file.map(|file| file.name.as_str()),
            file_size: file.map(|file| file.size),
            timestamp: message.created_at,
            edited_at: message.edited_at,
            is_deleted: message.is_deleted(),
            reply_to: message.reply_to.map(IdView::from),
            reactions: ReactionsView(&message.reactions),
            read_by: read_by.iter().cloned().map(UserView).collect(),
            is_edited: message.edited_at.is_some(),
        }
    }

    /// As who asks sees it.
    pub(super) fn read(message: &'a Message, readers: &Readers, call: &Call) -> Self {
        let read_by = readers.of(message);
        Self::new(message, readers.user(&message.sender), &read_by, files::url(call, message))
    }
}

/// The direct answers to what was done.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(super) struct StatusView {
    pub(super) status: &'static str,
}

/// All messages of a room were marked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AllRead")]
pub(super) struct AllReadView {
    pub(super) status: &'static str,
    pub(super) count: u64,
}

/// One message was marked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Read")]
pub(super) struct ReadView {
    pub(super) status: &'static str,
    pub(super) was_already_read: bool,
}

/// A reaction was added or taken away.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reacted")]
pub(super) struct ReactedView<'a> {
    pub(super) reactions: ReactionsView<'a>,
    pub(super) message: &'static str,
}

/// Somebody who types.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Typing")]
pub(super) struct TypingView {
    room: IdView,
    user: UserView,
    is_typing: bool,
    last_seen: Timestamp,
}

impl TypingView {
    pub(super) fn new(room: RoomId, user: Arc<User>, last_seen: Timestamp) -> Self {
        Self { room: room.into(), user: UserView(user), is_typing: true, last_seen }
    }
}

/// An open socket of the asking user.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(super) struct SessionView<'a> {
    session_id: String,
    session_type: &'static str,
    is_active: bool,
    last_ping: Timestamp,
    connected_at: Timestamp,
    user_agent: &'a str,
    ip_address: Option<String>,
}

impl<'a> From<&'a Session> for SessionView<'a> {
    fn from(session: &'a Session) -> Self {
        let SessionId(id) = session.id;
        Self {
            session_id: id.to_string(),
            session_type: "web",
            is_active: true,
            last_ping: session.last_seen,
            connected_at: session.connected_at,
            user_agent: session.user_agent.as_deref().unwrap_or_default(),
            ip_address: session.ip_address.map(|address| address.to_string()),
        }
    }
}

/// Old sessions were forgotten.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Cleanup")]
pub(super) struct CleanupView {
    pub(super) status: &'static str,
    pub(super) deleted_sessions: u64,
}

/// What making a room takes.
#[derive(JsonSchema)]
#[schemars(rename = "CreateRoom")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct CreateBody {
    name: String,
    /// `group`, `project` or `public`; `group` unless given.
    #[serde(default)]
    room_type: String,
    #[serde(default)]
    participant_ids: Vec<String>,
}

/// What opening a direct room takes.
#[derive(JsonSchema)]
#[schemars(rename = "DirectMessage")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct DirectBody {
    user_id: String,
}

/// What updating a room takes; what is left out stays as it is.
#[derive(JsonSchema)]
#[schemars(rename = "UpdateRoom")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct UpdateBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    is_active: bool,
    #[serde(default)]
    participant_ids: Vec<String>,
}

/// What sending a message takes.
#[derive(JsonSchema)]
#[schemars(rename = "SendMessage")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct SendBody {
    content: String,
    /// `text`, `image` or `file`; `text` unless given.
    #[serde(default)]
    message_type: String,
    #[serde(default)]
    reply_to: Option<IdView>,
    /// Files are sent as multipart/form-data.
    #[serde(default)]
    file_attachment: Option<String>,
}

/// What reacting to a message takes.
#[derive(JsonSchema)]
#[schemars(rename = "React")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct ReactBody {
    emoji: String,
    /// `add` or `remove`; `add` unless given.
    #[serde(default)]
    action: String,
}

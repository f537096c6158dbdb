//! What the document's bodies look like.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::dialect::wire::UserIdView;
use crate::http::Call;
use crate::model::{Message, RoomSummary, Status, Timestamp, User, UserId};
use crate::service::{Error, People, Person};

/// A participant or sender, with presence.
#[derive(JsonSchema)]
#[schemars(inline)]
struct PersonView(#[schemars(with = "PersonFields<'static>")] Person);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Person")]
struct PersonFields<'a> {
    id: UserIdView<'a>,
    username: &'a str,
    display_name: &'a str,
    #[serde(rename = "imageUrls")]
    image_urls: &'a [String],
    is_online: bool,
    last_seen: Option<Timestamp>,
}

impl Serialize for PersonView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Person { user, presence } = &self.0;
        let view = PersonFields {
            id: UserIdView(&user.id),
            username: &user.username,
            display_name: &user.display_name,
            image_urls: &user.image_urls,
            is_online: presence.online,
            last_seen: presence.last_seen,
        };
        view.serialize(serializer)
    }
}

/// Somebody who types.
#[derive(JsonSchema)]
#[schemars(inline)]
struct TypingView(#[schemars(with = "TypingFields<'static>")] Arc<User>);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TypingUser")]
struct TypingFields<'a> {
    id: UserIdView<'a>,
    username: &'a str,
    display_name: &'a str,
}

impl Serialize for TypingView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = &self.0;
        let view = TypingFields {
            id: UserIdView(&user.id),
            username: &user.username,
            display_name: &user.display_name,
        };
        view.serialize(serializer)
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastMessage")]
struct LastMessageView<'a> {
    id: u64,
    content: &'a str,
    sender_id: UserIdView<'a>,
    status: Status,
    created_at: Timestamp,
}

impl<'a> From<&'a Message> for LastMessageView<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id.get(),
            content: &message.content,
            sender_id: UserIdView(&message.sender),
            status: message.status(),
            created_at: message.created_at,
        }
    }
}

/// A room as the asking user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Room")]
pub(super) struct RoomView<'a> {
    id: u64,
    participant1: Option<PersonView>,
    participant2: Option<PersonView>,
    other_participant: Option<PersonView>,
    #[serde(rename = "match")]
    matched: Option<&'a Value>,
    last_message: Option<LastMessageView<'a>>,
    unread_count: u64,
    typing_users: Vec<TypingView>,
    created_at: Timestamp,
}

impl<'a> RoomView<'a> {
    pub(super) fn new(
        call: &Call,
        summary: &'a RoomSummary,
        people: &People,
    ) -> Result<Self, Error> {
        let room = &summary.room;
        let person = |id: &UserId| PersonView(people.person(id));
        let mut members = summary.members.iter().map(person);
        let typing = call.actor.others_typing(room.id, call.now);
        Ok(Self {
            id: room.id.get(),
            participant1: members.next(),
            participant2: members.next(),
            other_participant: summary.other(call.actor.id()?).map(person),
            matched: room.metadata.get("match"),
            last_message: summary.last_message.as_deref().map(LastMessageView::from),
            unread_count: summary.unread,
            typing_users: typing.into_iter().map(|(user, _)| TypingView(user)).collect(),
            created_at: room.created_at,
        })
    }
}

/// A message with its sender.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(super) struct MessageView<'a> {
    id: u64,
    room: u64,
    sender: PersonView,
    content: &'a str,
    status: Status,
    status_display: &'static str,
    sent_at: Timestamp,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    is_read: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> MessageView<'a> {
    pub(super) fn new(message: &'a Message, people: &People) -> Self {
        let status = message.status();
        Self {
            id: message.id.get(),
            room: message.room.get(),
            sender: PersonView(people.person(&message.sender)),
            content: &message.content,
            status,
            status_display: display(status),
            sent_at: message.created_at,
            delivered_at: message.delivered_at,
            read_at: message.read_at,
            is_read: status == Status::Read,
            created_at: message.created_at,
            updated_at: message.updated_at(),
        }
    }
}

fn display(status: Status) -> &'static str {
    match status {
        Status::Sending => "Sending",
        Status::Sent => "Sent",
        Status::Delivered => "Delivered",
        Status::Read => "Read",
        Status::Failed => "Failed",
    }
}

/// Connection and chat statistics.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stats")]
pub(super) struct StatsView<'a> {
    pub(super) user_id: UserIdView<'a>,
    pub(super) total_rooms: u64,
    pub(super) active_rooms_today: u64,
    pub(super) recent_messages_24h: u64,
    pub(super) channel_layer_status: &'static str,
    pub(super) timestamp: Timestamp,
    pub(super) connection_settings: SettingsView,
}

/// The figures in force, in seconds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectionSettings")]
pub(super) struct SettingsView {
    pub(super) heartbeat_interval: u64,
    pub(super) connection_timeout: u64,
    pub(super) ping_timeout: u64,
    pub(super) max_reconnect_attempts: u32,
}

/// The health of one room's connections.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RoomHealth")]
pub(super) struct RoomHealthView {
    pub(super) room_id: u64,
    pub(super) group_name: String,
    pub(super) health_check_sent: bool,
    pub(super) recent_messages_count: u64,
    pub(super) timestamp: Timestamp,
}

/// The health of all the user's connections.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(super) struct HealthView {
    pub(super) health_checks_sent: u64,
    pub(super) total_rooms: u64,
    pub(super) timestamp: Timestamp,
}

/// What sending a message takes.
#[derive(JsonSchema)]
#[schemars(rename = "SendMessage")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct SendBody {
    room: u64,
    content: String,
}

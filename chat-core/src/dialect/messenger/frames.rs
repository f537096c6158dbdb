//! What the document's server frames look like.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::dialect::wire::{TempIdView, UserIdView};
use crate::model::{Message, Status, Timestamp, User};
use crate::socket::TempId;

/// A frame of the server's.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// The first frame on a socket; times in seconds.
    ConnectionEstablished {
        room_id: u64,
        user_id: UserIdView<'a>,
        timestamp: Timestamp,
        heartbeat_interval: u64,
        connection_timeout: u64,
    },
    /// A message was sent. Only the sending socket's own copy has its `temp_id`.
    Message {
        message: MessageView<'a>,
        delivery_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
    /// A message's status moved forward, or the message could not be stored.
    MessageStatusUpdate {
        message_id: Option<u64>,
        status: Status,
        timestamp: Timestamp,
        updated_by: UserIdView<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
    /// A user began or ended typing.
    Typing { user_id: UserIdView<'a>, username: &'a str, is_typing: bool, timestamp: Timestamp },
    /// A user came online or went offline.
    UserStatusChange {
        user_id: UserIdView<'a>,
        username: &'a str,
        is_online: bool,
        last_seen: Option<Timestamp>,
    },
    /// Is the client there? Any frame answers it.
    Ping { timestamp: Timestamp, sequence: u64 },
    /// The answer to a client's ping.
    Pong { timestamp: &'a Value, server_time: Timestamp },
    /// The answer to `connection_check`.
    ConnectionStatus {
        status: &'static str,
        duration_seconds: u64,
        last_activity: Timestamp,
        timestamp: Timestamp,
    },
    /// This socket, after a health check of its room.
    HealthCheckResponse {
        room_id: u64,
        user_id: UserIdView<'a>,
        connection_duration: u64,
        last_activity: Timestamp,
        is_alive: bool,
        timestamp: Timestamp,
    },
    /// Opening a new socket would be wise.
    ReconnectSuggested { reason: &'static str, attempts: u32, max_attempts: u32 },
    /// A frame was not understood, or what it asked for was refused.
    Error {
        message: &'a str,
        timestamp: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FrameMessage")]
pub(super) struct MessageView<'a> {
    id: u64,
    content: &'a str,
    sender_id: UserIdView<'a>,
    sender_username: &'a str,
    status: Status,
    created_at: Timestamp,
    room_id: u64,
}

impl<'a> Frame<'a> {
    pub(super) fn message(
        message: &'a Message,
        sender: &'a User,
        temp_id: Option<&'a TempId>,
    ) -> Self {
        let micros = message.created_at.as_micros();
        let (seconds, millis) = (micros / 1_000_000, micros / 1_000 % 1_000);
        Self::Message {
            message: MessageView {
                id: message.id.get(),
                content: &message.content,
                sender_id: UserIdView(&message.sender),
                sender_username: &sender.username,
                status: message.status(),
                created_at: message.created_at,
                room_id: message.room.get(),
            },
            delivery_id: format!("msg_{}_{seconds}.{millis:03}", message.id),
            temp_id: temp_id.map(TempId::value),
        }
    }

    pub(super) fn status(message: &'a Message) -> Option<Self> {
        Some(Self::MessageStatusUpdate {
            message_id: Some(message.id.get()),
            status: message.status(),
            timestamp: message.read_at.or(message.delivered_at)?,
            updated_by: UserIdView(message.status_by.as_ref()?),
            temp_id: None,
        })
    }

    pub(super) fn error(
        message: &'a str,
        temp_id: Option<&'a TempId>,
        timestamp: Timestamp,
    ) -> Self {
        Self::Error { message, timestamp, temp_id: temp_id.map(TempId::value) }
    }
}

/// A frame of a client's; `timestamp` may be anything.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used; the codec reads frames by hand")]
pub(super) enum ClientFrame {
    /// Sends a message.
    Message { content: String, temp_id: Option<TempIdView>, timestamp: Option<Value> },
    /// The user begins or goes on typing.
    TypingOn { timestamp: Option<Value> },
    /// The user has stopped typing.
    TypingOff { timestamp: Option<Value> },
    /// The user has read a message.
    MessageRead { message_id: u64, timestamp: Option<Value> },
    /// The client has received a message.
    MessageDelivered { message_id: u64, timestamp: Option<Value> },
    /// Is the server there?
    Ping { timestamp: Option<Value> },
    /// The answer to the server's ping.
    Pong { timestamp: Option<Value> },
    /// How is the connection?
    ConnectionCheck { timestamp: Option<Value> },
}

//! The frames, in both directions.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::DIALECT;
use crate::config::Config;
use crate::dialect::wire::{UserIdView, message_id, text};
use crate::http::canonical;
use crate::model::{Change, Message, RoomId, Signal, Status, Timestamp, User};
use crate::service::{Error, Problem};
use crate::socket::{About, Codec, Command, Heartbeat, Incoming, Reply, SocketRoute, TempId};
use crate::store::ReceiptKind;

pub(super) static ROUTES: [SocketRoute; 1] = [SocketRoute {
    path: "/ws/chat/{room_id}/",
    room: |_, params| {
        let room = canonical(params.text("room_id")).and_then(RoomId::new).ok_or(Error::NotFound);
        Box::pin(std::future::ready(room))
    },
}];

pub(super) const CODEC: Codec =
    Codec { heartbeat: Heartbeat::Frames, presence: true, decode, change, own_copy, signal, reply };

fn decode(frame: &Map<String, Value>, config: &Config) -> Result<Incoming, String> {
    let timestamp = || frame.get("timestamp").cloned().unwrap_or_default();
    let kind = frame.get("type").ok_or("Message type is required")?;
    match kind.as_str().ok_or("Message type must be a string")? {
        "message" => message(frame, config).map(Incoming::Command),
        "typing_on" => Ok(Incoming::Command(Command::Typing(true))),
        "typing_off" => Ok(Incoming::Command(Command::Typing(false))),
        "message_delivered" => receipt(frame, ReceiptKind::Delivered),
        "message_read" => receipt(frame, ReceiptKind::Read),
        "ping" => Ok(Incoming::Ping(timestamp())),
        "pong" => Ok(Incoming::Pong),
        "connection_check" => Ok(Incoming::Check),
        _ => Err("Unknown message type".to_owned()),
    }
}

fn message(frame: &Map<String, Value>, config: &Config) -> Result<Command, String> {
    let temp_id = TempId::parse(frame)?;
    let text = frame.get("content").ok_or("Message content is required")?;
    let text = text.as_str().ok_or("Message content must be a string")?.to_owned();
    Ok(Command::Send { text, limit: (DIALECT.message_limit)(config), reply_to: None, temp_id })
}

fn receipt(frame: &Map<String, Value>, kind: ReceiptKind) -> Result<Incoming, String> {
    let id = frame.get("message_id").ok_or("message_id is required")?;
    let id = message_id(id).ok_or("message_id must be a message's id")?;
    Ok(Incoming::Command(Command::Mark(id, kind)))
}

#[derive(Serialize)]
struct MessageFrame<'a> {
    r#type: &'static str,
    message: MessageView<'a>,
    delivery_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a Value>,
}

#[derive(Serialize)]
struct MessageView<'a> {
    id: u64,
    content: &'a str,
    sender_id: UserIdView<'a>,
    sender_username: &'a str,
    status: Status,
    created_at: Timestamp,
    room_id: u64,
}

#[derive(Serialize)]
struct StatusFrame<'a> {
    r#type: &'static str,
    message_id: Option<u64>,
    status: Status,
    timestamp: Timestamp,
    updated_by: UserIdView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a Value>,
}

fn change(change: &Change) -> Option<String> {
    match change {
        Change::Sent { message, sender, .. } => Some(message_frame(message, sender, None)),
        Change::Status { message } => status_frame(message),
        Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Reacted { .. }
        | Change::Joined { .. }
        | Change::Left { .. }
        | Change::Settings => None,
    }
}

fn own_copy(change: &Change, temp_id: &TempId) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(message_frame(message, sender, Some(temp_id)))
}

fn message_frame(message: &Message, sender: &User, temp_id: Option<&TempId>) -> String {
    let micros = message.created_at.as_micros();
    text(&MessageFrame {
        r#type: "message",
        message: MessageView {
            id: message.id.get(),
            content: &message.content,
            sender_id: UserIdView(&message.sender),
            sender_username: &sender.username,
            status: message.status(),
            created_at: message.created_at,
            room_id: message.room.get(),
        },
        delivery_id: format!(
            "msg_{}_{}.{:03}",
            message.id,
            micros / 1_000_000,
            micros / 1_000 % 1_000
        ),
        temp_id: temp_id.map(TempId::value),
    })
}

fn status_frame(message: &Message) -> Option<String> {
    Some(text(&StatusFrame {
        r#type: "message_status_update",
        message_id: Some(message.id.get()),
        status: message.status(),
        timestamp: message.read_at.or(message.delivered_at)?,
        updated_by: UserIdView(message.status_by.as_ref()?),
        temp_id: None,
    }))
}

fn signal(signal: &Signal) -> Option<String> {
    match signal {
        Signal::Typing { user, is_typing, at, .. } => Some(text(&json!({
            "type": "typing",
            "user_id": UserIdView(&user.id),
            "username": user.username,
            "is_typing": is_typing,
            "timestamp": at,
        }))),
        Signal::Presence { user, presence } => Some(text(&json!({
            "type": "user_status_change",
            "user_id": UserIdView(&user.id),
            "username": user.username,
            "is_online": presence.online,
            "last_seen": presence.last_seen,
        }))),
        Signal::Attendance { .. } | Signal::HealthCheck { .. } => None,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the signature of every dialect's")]
fn reply(reply: &Reply<'_>, about: &About<'_>) -> Option<String> {
    let now = about.now;
    let user = UserIdView(&about.user.id);
    let duration = now.since(about.connected_at).as_secs();
    let frame = match reply {
        Reply::Opened => json!({
            "type": "connection_established",
            "room_id": about.room.get(),
            "user_id": user,
            "timestamp": now,
            "heartbeat_interval": about.config.ping_interval.as_secs(),
            "connection_timeout": about.config.lifetime.as_secs(),
        }),
        Reply::Ping { sequence } => {
            json!({ "type": "ping", "timestamp": now, "sequence": sequence })
        }
        Reply::Pong { timestamp } => {
            json!({ "type": "pong", "timestamp": timestamp, "server_time": now })
        }
        Reply::Status => json!({
            "type": "connection_status",
            "status": "healthy",
            "duration_seconds": duration,
            "last_activity": about.last_activity,
            "timestamp": now,
        }),
        Reply::Health => json!({
            "type": "health_check_response",
            "room_id": about.room.get(),
            "user_id": user,
            "connection_duration": duration,
            "last_activity": about.last_activity,
            "is_alive": true,
            "timestamp": now,
        }),
        Reply::Reconnect { reason, attempts } => json!({
            "type": "reconnect_suggested",
            "reason": reason,
            "attempts": attempts,
            "max_attempts": about.config.max_missed_pings,
        }),
        Reply::BadFrame { sentence, temp_id } => error_frame(sentence, *temp_id, now),
        Reply::Refused { error, temp_id } => error_frame(&sentence(error), *temp_id, now),
        Reply::SendFailed { temp_id } => {
            return Some(text(&StatusFrame {
                r#type: "message_status_update",
                message_id: None,
                status: Status::Failed,
                timestamp: now,
                updated_by: user,
                temp_id: temp_id.map(TempId::value),
            }));
        }
    };
    Some(frame.to_string())
}

fn error_frame(sentence: &str, temp_id: Option<&TempId>, now: Timestamp) -> Value {
    let mut frame = json!({ "type": "error", "message": sentence, "timestamp": now });
    if let (Some(temp_id), Value::Object(fields)) = (temp_id, &mut frame) {
        fields.insert("temp_id".to_owned(), temp_id.value().clone());
    }
    frame
}

/// What went wrong, in the words of the document where it has some.
fn sentence(error: &Error) -> String {
    let Error::Invalid(fields) = error else {
        return match error {
            Error::NotFound => "Message not found".to_owned(),
            Error::Unavailable(_) | Error::Internal(_) => "Message sending failed".to_owned(),
            other => crate::http::sentence(&other.to_string()),
        };
    };
    match fields.first().map(|field| &field.problem) {
        Some(Problem::TooLong { limit }) => format!("Message too long (max {limit} characters)"),
        Some(Problem::Blank) => "Message content may not be empty".to_owned(),
        Some(Problem::Nul) => "Message content may not contain null characters".to_owned(),
        Some(problem) => problem.to_string(),
        None => "Invalid message".to_owned(),
    }
}

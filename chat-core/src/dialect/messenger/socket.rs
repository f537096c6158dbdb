//! The frames, in both directions.

use serde_json::{Map, Value};

use super::DIALECT;
use super::frames::{ClientFrame, Frame};
use crate::config::Config;
use crate::dialect::wire::{self, UserIdView, message_id, text};
use crate::model::{Change, Signal, Status};
use crate::service::{Error, Problem};
use crate::socket::{
    About, BothShapes, Codec, Command, FrameShapes, Heartbeat, Incoming, Reply, SocketRoute, TempId,
};
use crate::store::ReceiptKind;

pub(super) static ROUTES: [SocketRoute; 1] =
    [SocketRoute { path: "/ws/chat/{room_id}/", room: |_, params| wire::room(&params, "room_id") }];

pub(super) const CODEC: Codec = Codec {
    heartbeat: Heartbeat::Frames,
    presence: true,
    history: false,
    decode,
    change,
    personal: None,
    own_copy,
    signal,
    reply,
    frames: Some(BothShapes {
        client: FrameShapes::of::<ClientFrame>(include_str!("examples/client_frames.json")),
        server: FrameShapes::of::<Frame>(include_str!("examples/server_frames.json")),
    }),
};

fn decode(frame: &Map<String, Value>, config: &Config) -> Result<Incoming, String> {
    let timestamp = || frame.get("timestamp").unwrap_or(&Value::Null).to_string();
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

fn change(change: &Change) -> Option<String> {
    match change {
        Change::Sent { message, sender, .. } => Some(text(&Frame::message(message, sender, None))),
        Change::Status { message } => Frame::status(message).map(|frame| text(&frame)),
        Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Reacted { .. }
        | Change::Made { .. }
        | Change::Joined { .. }
        | Change::Left { .. }
        | Change::Settings
        | Change::Gone => None,
    }
}

fn own_copy(change: &Change, temp_id: &TempId) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&Frame::message(message, sender, Some(temp_id))))
}

fn signal(signal: &Signal) -> Option<String> {
    let frame = match signal {
        Signal::Typing { user, is_typing, at, .. } => Frame::Typing {
            user_id: UserIdView(&user.id),
            username: &user.username,
            is_typing: *is_typing,
            timestamp: *at,
        },
        Signal::Presence { user, presence } => Frame::UserStatusChange {
            user_id: UserIdView(&user.id),
            username: &user.username,
            is_online: presence.online,
            last_seen: presence.last_seen,
        },
        Signal::Attendance { .. } | Signal::SignedOut { .. } | Signal::HealthCheck { .. } => {
            return None;
        }
    };
    Some(text(&frame))
}

#[allow(clippy::unnecessary_wraps, reason = "the signature of every dialect's")]
fn reply(reply: &Reply<'_>, about: &About<'_>) -> Option<String> {
    let (room_id, user_id) = (about.room.get(), UserIdView(&about.user.id));
    let (now, config) = (about.now, about.config);
    let duration = now.since(about.connected_at).as_secs();
    Some(match reply {
        Reply::Opened => text(&Frame::ConnectionEstablished {
            room_id,
            user_id,
            timestamp: now,
            heartbeat_interval: config.ping_interval.as_secs(),
            connection_timeout: config.lifetime.as_secs(),
        }),
        Reply::Ping { sequence } => text(&Frame::Ping { timestamp: now, sequence: *sequence }),
        Reply::Pong { timestamp } => text(&Frame::Pong { timestamp, server_time: now }),
        Reply::Status => text(&Frame::ConnectionStatus {
            status: "healthy",
            duration_seconds: duration,
            last_activity: about.last_activity,
            timestamp: now,
        }),
        Reply::Health => text(&Frame::HealthCheckResponse {
            room_id,
            user_id,
            connection_duration: duration,
            last_activity: about.last_activity,
            is_alive: true,
            timestamp: now,
        }),
        Reply::Reconnect { reason, attempts } => text(&Frame::ReconnectSuggested {
            reason,
            attempts: *attempts,
            max_attempts: config.max_missed_pings,
        }),
        Reply::BadFrame { sentence, temp_id } => text(&Frame::error(sentence, *temp_id, now)),
        Reply::Refused { error, temp_id, is_send } => {
            text(&Frame::error(&sentence(error, *is_send), *temp_id, now))
        }
        Reply::SendFailed { temp_id } => text(&Frame::MessageStatusUpdate {
            message_id: None,
            status: Status::Failed,
            timestamp: now,
            updated_by: user_id,
            temp_id: temp_id.map(TempId::value),
        }),
    })
}

/// What went wrong, in the words of the document where it has some.
fn sentence(error: &Error, is_send: bool) -> String {
    let Error::Invalid(fields) = error else {
        return match error {
            Error::NotFound => "Message not found".to_owned(),
            Error::Unavailable(_) | Error::Internal(_) if is_send => {
                "Message sending failed".to_owned()
            }
            Error::Unavailable(_) | Error::Internal(_) => {
                "Temporarily unavailable, try again.".to_owned()
            }
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

//! The frames, in both directions.

use serde_json::{Map, Value};

use super::DIALECT;
use super::frames::{ClientFrame, Frame};
use crate::config::Config;
use crate::dialect::wire::{self, text};
use crate::model::Change;
use crate::service::Error;
use crate::socket::{
    About, BothShapes, Codec, Command, FrameShapes, Heartbeat, Incoming, Reply, SocketRoute, TempId,
};

pub(super) static ROUTES: [SocketRoute; 1] =
    [SocketRoute { path: "/ws/chat/{chat_id}/", room: |_, params| wire::room(&params, "chat_id") }];

pub(super) const CODEC: Codec = Codec {
    heartbeat: Heartbeat::Protocol,
    presence: false,
    history: false,
    decode,
    change,
    personal: None,
    own_copy,
    signal: |_| None,
    reply,
    frames: Some(BothShapes {
        client: FrameShapes::of::<ClientFrame>(include_str!("examples/client_frames.json")),
        server: FrameShapes::of::<Frame>(include_str!("examples/server_frames.json")),
    }),
};

fn decode(frame: &Map<String, Value>, config: &Config) -> Result<Incoming, String> {
    let kind = frame.get("type").ok_or("Message type is required")?;
    if kind.as_str().ok_or("Message type must be a string")? != "message" {
        return Err("Unknown message type".to_owned());
    }
    let temp_id = TempId::parse(frame)?;
    let text = frame.get("content").ok_or("Message content is required")?;
    let text = text.as_str().ok_or("Message content must be a string")?.to_owned();
    let limit = (DIALECT.message_limit)(config);
    Ok(Incoming::Command(Command::Send { text, limit, reply_to: None, temp_id }))
}

fn change(change: &Change) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&Frame::message(message, sender, None)))
}

fn own_copy(change: &Change, temp_id: &TempId) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&Frame::message(message, sender, Some(temp_id))))
}

fn reply(reply: &Reply<'_>, _: &About<'_>) -> Option<String> {
    match reply {
        Reply::BadFrame { sentence, temp_id } => Some(text(&Frame::error(sentence, *temp_id))),
        Reply::Refused { error, temp_id, is_send } => {
            Some(text(&Frame::error(&sentence(error, *is_send), *temp_id)))
        }
        _ => None,
    }
}

fn sentence(error: &Error, is_send: bool) -> String {
    match error {
        Error::Invalid(fields) => {
            fields.first().map_or_else(String::new, |field| field.problem.to_string())
        }
        Error::Unavailable(_) | Error::Internal(_) if is_send => {
            "Message sending failed".to_owned()
        }
        Error::Unavailable(_) | Error::Internal(_) => {
            "Temporarily unavailable, try again.".to_owned()
        }
        other => crate::http::sentence(&other.to_string()),
    }
}

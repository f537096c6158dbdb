//! The frames, in both directions.

use serde_json::{Map, Value};

use super::DIALECT;
use super::frames::{ClientFrame, ErrorFrame, MessageFrame, ServerFrame};
use crate::config::Config;
use crate::dialect::wire::{self, text};
use crate::model::Change;
use crate::socket::{
    About, BothShapes, Codec, Command, FrameShapes, Heartbeat, Incoming, Reply, SocketRoute, TempId,
};

pub(super) static ROUTES: [SocketRoute; 1] =
    [SocketRoute { path: "/ws/chat/{chat_id}/", room: |_, params| wire::room(&params, "chat_id") }];

pub(super) const CODEC: Codec = Codec {
    heartbeat: Heartbeat::Protocol,
    presence: false,
    history: true,
    decode,
    change,
    personal: None,
    own_copy,
    signal: |_| None,
    reply,
    frames: Some(BothShapes {
        client: FrameShapes::of::<ClientFrame>(include_str!("examples/client_frames.json")),
        server: FrameShapes::of::<ServerFrame>(include_str!("examples/server_frames.json")),
    }),
};

fn decode(frame: &Map<String, Value>, config: &Config) -> Result<Incoming, String> {
    let temp_id = TempId::parse(frame)?;
    let text = frame.get("body").ok_or("body is required")?;
    let text = text.as_str().ok_or("body must be a string")?.to_owned();
    let limit = (DIALECT.message_limit)(config);
    Ok(Incoming::Command(Command::Send { text, limit, reply_to: None, temp_id }))
}

fn change(change: &Change) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&MessageFrame::new(message, sender, None)))
}

fn own_copy(change: &Change, temp_id: &TempId) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&MessageFrame::new(message, sender, Some(temp_id))))
}

fn reply(reply: &Reply<'_>, _: &About<'_>) -> Option<String> {
    match reply {
        Reply::BadFrame { temp_id, .. } | Reply::Refused { temp_id, .. } => {
            Some(text(&ErrorFrame::new(*temp_id)))
        }
        _ => None,
    }
}

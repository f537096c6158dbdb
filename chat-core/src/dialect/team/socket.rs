//! The frames, in both directions.

use serde_json::{Map, Value};

use super::DIALECT;
use super::frames::{ClientFrame, Frame};
use super::views::MessageView;
use super::{fields, files};
use crate::config::Config;
use crate::dialect::wire::text;
use crate::model::{Change, Signal};
use crate::service::Error;
use crate::socket::{
    About, BothShapes, Codec, Command, FrameShapes, Heartbeat, Incoming, Link, Personal, Reply,
    SocketRoute, TempId,
};
use crate::store::ReceiptKind;

pub(super) static ROUTES: [SocketRoute; 2] = [
    SocketRoute {
        path: "/ws/chat/{room_id}/",
        room: |_, params| Box::pin(std::future::ready(fields::room(&params))),
    },
    SocketRoute {
        path: "/ws/direct/{user_id}/",
        room: |actor, params| {
            Box::pin(async move {
                let other = params.user("user_id").ok_or(Error::NotFound)?;
                Ok(actor.direct_room(other).await?.id)
            })
        },
    },
];

pub(super) const CODEC: Codec = Codec {
    heartbeat: Heartbeat::Protocol,
    presence: false,
    history: false,
    decode,
    change,
    personal: Some(Personal { applies: shows_a_file, change: personal_change }),
    own_copy,
    signal,
    reply,
    frames: Some(BothShapes {
        client: FrameShapes::of::<ClientFrame>(include_str!("examples/client_frames.json")),
        server: FrameShapes::of::<Frame>(include_str!("examples/server_frames.json")),
    }),
};

fn decode(frame: &Map<String, Value>, config: &Config) -> Result<Incoming, String> {
    let kind = frame.get("type").ok_or("Message type is required")?;
    let command = match kind.as_str().ok_or("Message type must be a string")? {
        "message" => message(frame, config)?,
        "typing" => {
            let is_typing = frame.get("is_typing").ok_or("is_typing is required")?;
            Command::Typing(is_typing.as_bool().ok_or("is_typing must be true or false")?)
        }
        "read_receipt" => {
            let id = frame.get("message_id").ok_or("message_id is required")?;
            let id = id.as_str().and_then(fields::message_id);
            Command::Mark(id.ok_or("message_id must be a message's id")?, ReceiptKind::Read)
        }
        _ => return Err("Unknown message type".to_owned()),
    };
    Ok(Incoming::Command(command))
}

fn message(frame: &Map<String, Value>, config: &Config) -> Result<Command, String> {
    let temp_id = TempId::parse(frame)?;
    let text = frame.get("content").ok_or("Message content is required")?;
    let text = text.as_str().ok_or("Message content must be a string")?.to_owned();
    let reply_to = fields::reply_to(frame.get("reply_to"));
    let reply_to = reply_to.map_err(|()| "reply_to must be a message's id")?;
    Ok(Command::Send { text, limit: (DIALECT.message_limit)(config), reply_to, temp_id })
}

/// Links to files are signed for one user.
fn shows_a_file(change: &Change) -> bool {
    matches!(change, Change::Edited { message, .. } if message.attachment.is_some())
}

fn personal_change(change: &Change, link: &Link<'_>) -> Option<String> {
    let Change::Edited { message, sender, read_by } = change else { return None };
    let file = files::path(message).map(|path| link(&path));
    let message = MessageView::new(message, sender.clone(), read_by, file);
    Some(text(&Frame::MessageEdited { message }))
}

fn change(change: &Change) -> Option<String> {
    let frame = match change {
        Change::Sent { message, sender, .. } => Frame::message(message, sender, None),
        Change::Edited { message, sender, read_by } => Frame::MessageEdited {
            message: MessageView::new(message, sender.clone(), read_by, files::path(message)),
        },
        Change::Deleted { message, sender, read_by } => Frame::MessageDeleted {
            message: MessageView::new(message, sender.clone(), read_by, files::path(message)),
        },
        Change::Reacted { message } => Frame::reaction(message),
        Change::Made { .. }
        | Change::Status { .. }
        | Change::Joined { .. }
        | Change::Left { .. }
        | Change::Settings
        | Change::Gone => {
            return None;
        }
    };
    Some(text(&frame))
}

fn own_copy(change: &Change, temp_id: &TempId) -> Option<String> {
    let Change::Sent { message, sender, .. } = change else { return None };
    Some(text(&Frame::message(message, sender, Some(temp_id))))
}

fn signal(signal: &Signal) -> Option<String> {
    let frame = match signal {
        Signal::Typing { user, is_typing, .. } => {
            Frame::Typing { user: &user.email, user_id: user.id.as_str(), is_typing: *is_typing }
        }
        Signal::Attendance { user, present: true, .. } => {
            Frame::UserJoined { user: &user.email, user_id: user.id.as_str() }
        }
        Signal::Attendance { user, present: false, .. } => {
            Frame::UserLeft { user: &user.email, user_id: user.id.as_str() }
        }
        Signal::Presence { .. } | Signal::SignedOut { .. } | Signal::HealthCheck { .. } => {
            return None;
        }
    };
    Some(text(&frame))
}

fn reply(reply: &Reply<'_>, _: &About<'_>) -> Option<String> {
    match reply {
        Reply::BadFrame { sentence, temp_id } => Some(text(&Frame::error(sentence, *temp_id))),
        Reply::Refused { error, temp_id, .. } => {
            Some(text(&Frame::error(&sentence(error), *temp_id)))
        }
        _ => None,
    }
}

fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            fields.first().map_or_else(String::new, |field| field.problem.to_string())
        }
        Error::NotFound => "Message not found".to_owned(),
        Error::Unavailable(_) | Error::Internal(_) => {
            "Temporarily unavailable, try again.".to_owned()
        }
        other => crate::http::sentence(&other.to_string()),
    }
}

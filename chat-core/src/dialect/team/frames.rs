//! What the document's server frames look like.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::fields::IdView;
use super::views::{MessageView, ReactionsView};
use crate::dialect::wire::TempIdView;
use crate::model::{Message, Timestamp, User};
use crate::socket::TempId;

/// A frame of the server's. What was edited, deleted and reacted to is in no frame of the document
/// (wire.md, "team").
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Frame")]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// A message was sent. Only the sending socket's own copy has its `temp_id`.
    Message {
        message: SentView<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
    /// A user began or ended typing.
    Typing { user: &'a str, user_id: &'a str, is_typing: bool },
    /// A user's first socket in the room opened.
    UserJoined { user: &'a str, user_id: &'a str },
    /// A user's last socket in the room closed.
    UserLeft { user: &'a str, user_id: &'a str },
    /// A message was edited.
    MessageEdited { message: MessageView<'a> },
    /// A message was deleted.
    MessageDeleted { message: MessageView<'a> },
    /// A message's reactions changed.
    Reaction { message_id: IdView, reactions: ReactionsView<'a> },
    /// A frame was not understood, or what it asked for was refused.
    Error {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentMessage")]
pub(super) struct SentView<'a> {
    id: IdView,
    content: &'a str,
    sender: SenderView<'a>,
    timestamp: Timestamp,
    message_type: &'static str,
    reply_to: Option<IdView>,
    reactions: ReactionsView<'a>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sender")]
struct SenderView<'a> {
    id: &'a str,
    email: &'a str,
    display_name: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn message(
        message: &'a Message,
        sender: &'a User,
        temp_id: Option<&'a TempId>,
    ) -> Self {
        let message = SentView {
            id: message.id.into(),
            content: &message.content,
            sender: SenderView {
                id: sender.id.as_str(),
                email: &sender.email,
                display_name: &sender.display_name,
            },
            timestamp: message.created_at,
            message_type: message.kind.as_str(),
            reply_to: message.reply_to.map(IdView::from),
            reactions: ReactionsView(&message.reactions),
        };
        Self::Message { message, temp_id: temp_id.map(TempId::value) }
    }

    pub(super) fn reaction(message: &'a Message) -> Self {
        let reactions = ReactionsView(&message.reactions);
        Self::Reaction { message_id: message.id.into(), reactions }
    }

    pub(super) fn error(message: &'a str, temp_id: Option<&'a TempId>) -> Self {
        Self::Error { message, temp_id: temp_id.map(TempId::value) }
    }
}

/// A frame of a client's.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used; the codec reads frames by hand")]
pub(super) enum ClientFrame {
    /// Sends a message.
    Message { content: String, reply_to: Option<IdView>, temp_id: Option<TempIdView> },
    /// The user types, or no more.
    Typing { is_typing: bool },
    /// The user has read a message.
    ReadReceipt { message_id: IdView },
}

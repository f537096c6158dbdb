//! What the document's server frames look like.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::views::PersonView;
use crate::dialect::wire::TempIdView;
use crate::model::{Message, Status, Timestamp, User};
use crate::socket::TempId;

/// A frame of the server's.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Frame")]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// A message was sent. Only the sending socket's own copy has its `temp_id`.
    Message {
        sender: PersonView,
        content: &'a str,
        timestamp: Timestamp,
        is_read: bool,
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
    /// A frame was not understood, or what it asked for was refused.
    Error {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
}

impl<'a> Frame<'a> {
    pub(super) fn message(
        message: &'a Message,
        sender: &Arc<User>,
        temp_id: Option<&'a TempId>,
    ) -> Self {
        Self::Message {
            sender: PersonView(sender.clone()),
            content: &message.content,
            timestamp: message.created_at,
            is_read: message.status() == Status::Read,
            id: message.id.get(),
            temp_id: temp_id.map(TempId::value),
        }
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
    Message { content: String, temp_id: Option<TempIdView> },
}

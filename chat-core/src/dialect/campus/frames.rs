//! What the document's server frames look like.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::views::PersonView;
use crate::model::{Message, Status, Timestamp, User};
use crate::socket::TempId;

/// A frame of the server's.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    Message {
        sender: PersonView,
        content: &'a str,
        timestamp: Timestamp,
        is_read: bool,
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_id: Option<&'a Value>,
    },
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

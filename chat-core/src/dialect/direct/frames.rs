//! What the document's server frames look like.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::dialect::wire::TempIdView;
use crate::model::{Message, Status, Timestamp, User};
use crate::socket::TempId;

/// How this dialect's sockets write times, in UTC.
const PLAIN: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// A frame of the server's with a message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageFrame")]
pub(super) struct MessageFrame<'a> {
    message: MessageView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FrameMessage")]
struct MessageView<'a> {
    id: u64,
    sender: &'a str,
    body: &'a str,
    created: PlainTime,
    is_read: bool,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct PlainTime(#[schemars(with = "String")] Timestamp);

impl Serialize for PlainTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_utc().format(PLAIN).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'a> MessageFrame<'a> {
    pub(super) fn new(message: &'a Message, sender: &'a User, temp_id: Option<&'a TempId>) -> Self {
        let message = MessageView {
            id: message.id.get(),
            sender: &sender.username,
            body: &message.content,
            created: PlainTime(message.created_at),
            is_read: message.status() == Status::Read,
        };
        Self { message, temp_id: temp_id.map(TempId::value) }
    }
}

/// The frame of the server's for everything that went wrong.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ErrorFrame")]
pub(super) struct ErrorFrame<'a> {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a Value>,
}

impl<'a> ErrorFrame<'a> {
    pub(super) fn new(temp_id: Option<&'a TempId>) -> Self {
        let error = "An error occurred while processing your message";
        Self { error, temp_id: temp_id.map(TempId::value) }
    }
}

/// The server's frames.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum ServerFrame {
    /// A message, from the history or live. Only the sending socket's own copy has its `temp_id`.
    Message(#[schemars(schema_with = "inline::<MessageFrame>")] ()),
    /// A frame was not understood, or what it asked for was refused.
    Error(#[schemars(schema_with = "inline::<ErrorFrame>")] ()),
}

fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A client's frame: sends a message.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used; the codec reads frames by hand")]
pub(super) struct ClientFrame {
    body: String,
    temp_id: Option<TempIdView>,
}

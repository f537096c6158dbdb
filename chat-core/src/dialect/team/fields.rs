//! How the document writes ids, in both directions.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::http::{Call, Params};
use crate::model::{MessageId, RoomId};
use crate::service::Error;

/// A room or message id as a UUID.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdView(Uuid);

impl From<RoomId> for IdView {
    fn from(id: RoomId) -> Self {
        Self(id.to_uuid())
    }
}

impl From<MessageId> for IdView {
    fn from(id: MessageId) -> Self {
        Self(id.to_uuid())
    }
}

impl fmt::Display for IdView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for IdView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

impl JsonSchema for IdView {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// A UUID in a text. Letter case aside there is one way to write it.
fn uuid(text: &str) -> Option<Uuid> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return None;
    }
    Uuid::try_parse(text).ok()
}

/// The room that a path names. An id of the wrong form is that of no room.
pub(super) fn room(params: &Params) -> Result<RoomId, Error> {
    uuid(params.text("room_id")).and_then(RoomId::from_uuid).ok_or(Error::NotFound)
}

/// The message that a path names, likewise.
pub(super) fn message(call: &Call) -> Result<MessageId, Error> {
    message_id(call.params.text("message_id")).ok_or(Error::NotFound)
}

/// A message id in a text.
pub(super) fn message_id(text: &str) -> Option<MessageId> {
    uuid(text).and_then(MessageId::from_uuid)
}

/// The message that a body or frame answers: none where it says so or nothing, an error where what
/// it says is no message's id.
pub(super) fn reply_to(value: Option<&Value>) -> Result<Option<MessageId>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => message_id(text).map(Some).ok_or(()),
        Some(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_as_a_uuid_and_nothing_else_is_taken() {
        let shown =
            |id: u64| serde_json::to_value(IdView::from(MessageId::new(id).unwrap())).unwrap();
        assert_eq!(shown(1), "00000000-0000-8000-8000-000000000001");
        assert_eq!(shown((1 << 48) - 1), "00000000-0000-8000-8000-ffffffffffff");
        for id in [1, 255, (1 << 48) - 1] {
            let text = shown(id).as_str().unwrap().to_owned();
            assert_eq!(message_id(&text).map(MessageId::get), Some(id));
            assert_eq!(message_id(&text.to_uppercase()).map(MessageId::get), Some(id));
        }
        for text in [
            "",
            "1",
            "00000000-0000-8000-8000-000000000000",
            "00000000-0000-4000-8000-000000000001",
            "00000000-0000-8000-9000-000000000001",
            "00000000-0001-8000-8000-000000000001",
            "10000000-0000-8000-8000-000000000001",
            "00000000000080008000000000000001",
            "{00000000-0000-8000-8000-000000000001}",
            "urn:uuid:00000000-0000-8000-8000-000000000001",
            "00000000-0000-8000-8000-00000000000g",
        ] {
            assert_eq!(message_id(text), None, "{text}");
        }
    }
}

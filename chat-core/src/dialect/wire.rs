//! What several dialects write and read alike.

use std::borrow::Cow;

use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::http::{Call, Fields, Params, canonical};
use crate::model::{MessageId, RoomId, UserId};
use crate::service::{Error, FieldError, OpenedRoom, Problem};

/// A user id as most dialects show it: a canonical integer as a number, any other as a string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserIdView<'a>(pub(crate) &'a UserId);

impl Serialize for UserIdView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_integer() {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.serialize_str(self.0.as_str()),
        }
    }
}

impl JsonSchema for UserIdView<'_> {
    fn schema_name() -> Cow<'static, str> {
        "UserId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A canonical decimal integer as a number, any other id as a string.",
            "type": ["integer", "string"],
        })
    }
}

/// A client's key as the documentation shows it.
pub(crate) struct TempIdView;

impl JsonSchema for TempIdView {
    fn schema_name() -> Cow<'static, str> {
        "TempId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The client's key for a message; 1 to 200 characters.",
            "type": ["integer", "string"],
        })
    }
}

/// What sending or changing a message takes, where that is its text alone.
#[derive(JsonSchema)]
#[schemars(rename = "SendMessage")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct SendBody {
    content: String,
}

/// A room or message id in a body: an integer, or a string of one.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| canonical(value.as_str()?))
}

/// The room of a socket's path, where it names one in decimal.
pub(crate) fn room(params: &Params, name: &str) -> BoxFuture<'static, Result<RoomId, Error>> {
    let room = canonical(params.text(name)).and_then(RoomId::new).ok_or(Error::NotFound);
    Box::pin(std::future::ready(room))
}

/// A user id in a body: an integer or a string.
pub(crate) fn user_id(value: &Value) -> Option<UserId> {
    match value {
        Value::String(text) => UserId::new(text).ok(),
        Value::Number(number) if !number.is_f64() => UserId::new(number.to_string()).ok(),
        _ => None,
    }
}

/// The direct room with the user whom a body names.
pub(crate) async fn direct_room(call: &Call) -> Result<OpenedRoom, Error> {
    let user = user_field(&call.body, "user_id")?;
    call.actor.direct_room(user).await
}

fn user_field(body: &Fields, name: &'static str) -> Result<UserId, Error> {
    let user = match body.value(name) {
        None => Err(Problem::Required),
        Some(Value::Null) => Err(Problem::Null),
        Some(value) => user_id(value)
            .ok_or_else(|| Problem::Refused("A user id is an integer or a string.".into())),
    };
    user.map_err(|problem| Error::invalid(name, problem))
}

/// Whether an error is that a body names nobody who is known.
pub(crate) fn is_unknown_user(error: &Error) -> bool {
    let is_unknown = |field: &FieldError| matches!(field.problem, Problem::UnknownUser(_));
    matches!(error, Error::Invalid(fields) if fields.iter().any(is_unknown))
}

/// What a body says that is no user id: of what is too long to be one only the beginning.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(UserId::MAX_BYTES).collect()
}

/// The users whom a body's field names; nobody where it names none.
pub(crate) fn users(body: &Fields, name: &'static str) -> Result<Vec<UserId>, Problem> {
    let list = match body.value(name) {
        None => return Ok(Vec::new()),
        Some(Value::Null) => return Err(Problem::Null),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Problem::Refused("Expected a list of items.".into())),
    };
    let user = |value: &Value| user_id(value).ok_or_else(|| Problem::UnknownUser(shown(value)));
    list.iter().map(user).collect()
}

/// A message id in a body.
pub(crate) fn message_id(value: &Value) -> Option<MessageId> {
    number(value).and_then(MessageId::new)
}

/// How many people a part of a list shows at most, where it is not a single item.
const PEOPLE: usize = 5_000;

/// A list in parts, each of which is made and written before the next one is, so that what is held
/// of a list does not grow with the people that all of its items show.
pub(crate) fn parts<T>(items: Vec<T>, people: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let (mut parts, mut shown) = (Vec::<Vec<T>>::new(), 0);
    for item in items {
        let more = people(&item);
        if let Some(part) = parts.last_mut().filter(|_| shown + more <= PEOPLE) {
            part.push(item);
        } else {
            parts.push(vec![item]);
            shown = 0;
        }
        shown += more;
    }
    parts
}

/// A view as JSON text.
pub(crate) fn text(view: &impl Serialize) -> String {
    // The views are plain structs with string keys, which always serialise.
    serde_json::to_string(view).unwrap_or_default()
}

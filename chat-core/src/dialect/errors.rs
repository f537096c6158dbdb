//! How dialects shape their 400s.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::{Rejection, Response, Shape, json, sentence, standard};
use crate::rules::Denial;
use crate::service::{Error, FieldError};

/// A 400 as [`by_field`] shapes it.
pub(super) const BY_FIELD: Shape =
    Shape::of::<BTreeMap<String, Vec<String>>>(r#"{"content": ["This field is required."]}"#);

/// What is wrong with the input as a whole goes here.
const WHOLE: &str = "non_field_errors";

/// Refuses with a map from field to sentences, as `campus`, `messenger` and `rooms` do; the rest as
/// all dialects do.
pub(super) fn by_field(rejection: &Rejection, name: fn(&str) -> &str) -> Response {
    let whole = |sentence: String| json(StatusCode::BAD_REQUEST, &json!({ WHOLE: [sentence] }));
    match rejection {
        Rejection::Chat(Error::Invalid(fields)) => {
            json(StatusCode::BAD_REQUEST, &map(fields, name))
        }
        Rejection::Chat(Error::Denied(denial @ (Denial::WrongKind | Denial::Inactive))) => {
            whole(sentence(&denial.to_string()))
        }
        Rejection::Malformed(sentence) => whole((*sentence).to_owned()),
        _ => standard(rejection),
    }
}

fn map(fields: &[FieldError], name: fn(&str) -> &str) -> Map<String, Value> {
    let mut map = Map::new();
    for FieldError { field, problem } in fields {
        let key = if field.is_empty() { WHOLE } else { name(field) };
        let sentences = map.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(sentences) = sentences {
            sentences.push(problem.to_string().into());
        }
    }
    map
}

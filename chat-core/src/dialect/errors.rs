//! How dialects shape their 400s.

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::http::{Rejection, Response, Shape, json, sentence, standard};
use crate::rules::Denial;
use crate::service::{Error, FieldError, Problem};

/// A 400 as [`by_field`] shapes it.
pub(super) const BY_FIELD: Shape =
    Shape::of::<BTreeMap<String, Vec<String>>>(r#"{"content": ["This field is required."]}"#);

/// A 400 as [`by_sentence`] shapes it.
pub(super) const BY_SENTENCE: Shape = Shape::of::<Sentence>(r#"{"error": "user_id is required"}"#);

/// A 400 as [`by_field`] shapes it, and at some endpoints [`by_sentence`].
pub(super) const BY_FIELD_OR_SENTENCE: Shape = Shape::of::<FieldsOrSentence>(BY_FIELD.example);

#[derive(JsonSchema)]
#[schemars(rename = "Error")]
#[allow(dead_code, reason = "only its schema is used")]
struct Sentence {
    error: String,
}

#[derive(JsonSchema)]
#[schemars(rename = "Errors", untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum FieldsOrSentence {
    Fields(BTreeMap<String, Vec<String>>),
    Sentence(Sentence),
}

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

/// Refuses with one sentence under `error`, as `direct` and `team` do; the rest as all dialects do.
pub(super) fn by_sentence(rejection: &Rejection) -> Response {
    let error = |sentence: &str| json(StatusCode::BAD_REQUEST, &json!({ "error": sentence }));
    match rejection {
        Rejection::Chat(Error::Invalid(fields)) => {
            error(&fields.first().map_or_else(String::new, described))
        }
        Rejection::Chat(Error::Denied(denial @ (Denial::WrongKind | Denial::Inactive))) => {
            error(&sentence(&denial.to_string()))
        }
        Rejection::Malformed(sentence) => error(sentence),
        _ => standard(rejection),
    }
}

/// What is wrong with a field, in a sentence that stands alone.
fn described(FieldError { field, problem }: &FieldError) -> String {
    match problem {
        Problem::Required => format!("{field} is required"),
        Problem::Null => format!("{field} may not be null"),
        Problem::Blank => format!("{field} may not be blank"),
        Problem::UnknownUser(_) => "User not found".to_owned(),
        problem => problem.to_string(),
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

//! How dialects shape their 400s.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::{Rejection, Response, json, sentence, standard};
use crate::rules::Denial;
use crate::service::{Error, FieldError, Problem};

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

//! From a refusal to a status and a body.

use http::StatusCode;
use serde_json::json;

use crate::dialect::errors::by_sentence;
use crate::http::{Endpoint, Rejection, Response, detail, json, sentence};
use crate::rules::Denial;
use crate::service::{Error, Problem};

pub(super) fn refuse(rejection: &Rejection, _: Option<&Endpoint>) -> Response {
    let error = |sentence: &str| json(StatusCode::BAD_REQUEST, &json!({ "error": sentence }));
    match rejection {
        Rejection::Chat(Error::Denied(Denial::NotMember)) => {
            detail(StatusCode::FORBIDDEN, "You don't have access to this room")
        }
        Rejection::Chat(Error::Denied(denial @ Denial::Deleted)) => {
            error(&sentence(&denial.to_string()))
        }
        Rejection::Chat(Error::Invalid(fields)) => match fields.first() {
            Some(first) if first.field == "term" && first.problem == Problem::Blank => {
                error("Search query is required")
            }
            _ => by_sentence(rejection),
        },
        _ => by_sentence(rejection),
    }
}

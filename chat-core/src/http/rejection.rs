//! Why a request is not answered as asked, and the answer that all dialects share.

use http::header::{ALLOW, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::{Response, json};
use crate::rules::Denial;
use crate::service::Error;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The service says no.
    #[error(transparent)]
    Chat(#[from] Error),
    /// There is nothing at this path.
    #[error("not found")]
    NoSuchPath,
    /// The path takes only these methods.
    #[error("method not allowed")]
    MethodNotAllowed(Vec<Method>),
    /// The body is of a type that is not taken.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The body is too large.
    #[error("the body is too large")]
    TooLarge,
    /// There is no such page.
    #[error("invalid page")]
    InvalidPage,
    /// We made no such cursor.
    #[error("invalid cursor")]
    InvalidCursor,
    /// The link is forged or no longer good.
    #[error("the link is not good")]
    BadLink,
    /// The file does not have the part that is asked for.
    #[error("the range is not satisfiable")]
    BadRange {
        /// How many bytes it has.
        size: u64,
    },
    /// The client means another file than there is.
    #[error("the precondition failed")]
    PreconditionFailed,
    /// The request cannot be understood as HTTP, in this way.
    #[error("{0}")]
    Malformed(&'static str),
}

/// An answer of one sentence under `detail`.
pub fn detail(status: StatusCode, sentence: &str) -> Response {
    json(status, &json!({ "detail": sentence }))
}

/// The answer that all dialects share (wire.md, "Errors"). What is a matter of the dialect, the
/// body of a 400 and what strangers are told, has been decided before.
pub fn standard(rejection: &Rejection) -> Response {
    match rejection {
        Rejection::Chat(error) => chat(error),
        Rejection::NoSuchPath => detail(StatusCode::NOT_FOUND, "Not found."),
        Rejection::InvalidPage => detail(StatusCode::NOT_FOUND, "Invalid page."),
        Rejection::InvalidCursor => detail(StatusCode::NOT_FOUND, "Invalid cursor"),
        Rejection::MethodNotAllowed(methods) => {
            let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.");
            let names: Vec<_> = methods.iter().map(Method::as_str).collect();
            with_header(&mut response, ALLOW, &names.join(", "));
            response
        }
        Rejection::BadLink => {
            detail(StatusCode::FORBIDDEN, "The link is not valid or has expired.")
        }
        Rejection::BadRange { size } => {
            let sentence = "The file does not have this range.";
            let mut response = detail(StatusCode::RANGE_NOT_SATISFIABLE, sentence);
            with_header(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            response
        }
        Rejection::PreconditionFailed => {
            detail(StatusCode::PRECONDITION_FAILED, "It is not what If-Match names.")
        }
        Rejection::UnsupportedMediaType => {
            detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type in request.")
        }
        Rejection::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large."),
        Rejection::Malformed(sentence) => detail(StatusCode::BAD_REQUEST, sentence),
    }
}

fn chat(error: &Error) -> Response {
    match error {
        Error::Unauthenticated => {
            let mut response = detail(
                StatusCode::UNAUTHORIZED,
                "Authentication credentials were not provided or are not valid.",
            );
            with_header(&mut response, WWW_AUTHENTICATE, "Bearer");
            response
        }
        Error::NotFound | Error::Denied(Denial::Hidden | Denial::NotMember) => {
            detail(StatusCode::NOT_FOUND, "Not found.")
        }
        Error::Denied(Denial::Deleted) => detail(StatusCode::NOT_FOUND, "Not found."),
        Error::Denied(Denial::NotCreator | Denial::NotSender) => {
            detail(StatusCode::FORBIDDEN, "You do not have permission to perform this action.")
        }
        Error::Denied(denial @ (Denial::WrongKind | Denial::Inactive)) => {
            detail(StatusCode::BAD_REQUEST, &sentence(&denial.to_string()))
        }
        Error::Invalid(fields) => {
            let first = fields.first().map_or(String::new(), |field| field.problem.to_string());
            detail(StatusCode::BAD_REQUEST, &first)
        }
        Error::Conflict(conflict) => detail(StatusCode::CONFLICT, &conflict.to_string()),
        Error::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "The file is too large."),
        Error::Limited { retry_after } => {
            let mut response = detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.");
            let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
            with_header(&mut response, RETRY_AFTER, &seconds.to_string());
            response
        }
        Error::Unavailable(_) => {
            let mut response =
                detail(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable, try again.");
            with_header(&mut response, RETRY_AFTER, "1");
            response
        }
        Error::Internal(_) => detail(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred."),
    }
}

/// A reason as a sentence.
pub(crate) fn sentence(reason: &str) -> String {
    let mut characters = reason.trim_end_matches('.').chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).chain(['.']).collect()
}

fn with_header(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

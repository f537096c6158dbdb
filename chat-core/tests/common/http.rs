//! Requests and answers in memory.

use bytes::Bytes;
use chat_core::http::{Body, Request, Response};
use futures::stream::{self, StreamExt, TryStreamExt};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::{World, now};

pub(crate) const ROOMS: &str = "/api/v1.0/chat/rooms/";
pub(crate) const MESSAGES: &str = "/api/v1.0/chat/messages/";
pub(crate) const STATS: &str = "/api/v1.0/chat/stats/";
pub(crate) const HEALTH: &str = "/api/v1.0/chat/health-check/";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) body: Value,
    /// The same as text, for the order of the keys.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn new(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let pieces = match body {
            Body::Full(bytes) => vec![bytes],
            Body::Stream(pieces) => now(pieces.try_collect()).unwrap(),
        };
        let status: StatusCode = parts.status;
        let text = String::from_utf8(pieces.concat()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status: status.as_u16(), headers: parts.headers, body, text }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request with a body that comes in these pieces.
pub(crate) fn request(method: &str, uri: &str, headers: HeaderMap, pieces: Vec<Bytes>) -> Request {
    let method: Method = method.parse().unwrap();
    let (mut parts, ()) =
        http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
    parts.headers = headers;
    let body = stream::iter(pieces.into_iter().map(Ok)).boxed();
    Request { parts, prefix: String::new(), body }
}

/// The seven endpoints with the room of 1 and 2.
pub(crate) fn endpoints(world: &World) -> [(&'static str, String); 7] {
    let room = format!("{ROOMS}{}/", world.room);
    [
        ("GET", ROOMS.to_owned()),
        ("GET", room.clone()),
        ("GET", format!("{room}messages/")),
        ("POST", MESSAGES.to_owned()),
        ("GET", STATS.to_owned()),
        ("GET", format!("{room}health/")),
        ("POST", HEALTH.to_owned()),
    ]
}

/// Checks that an answer is one sentence under `detail`.
#[track_caller]
pub(crate) fn assert_detail(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let fields = answer.body.as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["detail"]);
    assert!(answer.body["detail"].is_string());
    assert_eq!(answer.header("content-type"), "application/json");
}

/// The body of a 400: a map from field to sentences.
#[track_caller]
pub(crate) fn fields(answer: &Answer) -> Value {
    assert_eq!(answer.status, 400, "{}", answer.body);
    for sentences in answer.body.as_object().unwrap().values() {
        let sentences = sentences.as_array().unwrap();
        assert!(!sentences.is_empty() && sentences.iter().all(Value::is_string));
    }
    answer.body.clone()
}

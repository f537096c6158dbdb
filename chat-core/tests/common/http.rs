//! Requests and answers in memory.

use bytes::Bytes;
use chat_core::http::{Body, Request, Response};
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn new(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let Body::Full(bytes) = body else { panic!("messenger streams nothing") };
        let status: StatusCode = parts.status;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { status: status.as_u16(), headers: parts.headers, body }
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

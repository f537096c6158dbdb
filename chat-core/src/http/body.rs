//! Requests and responses, as adapters hand them over.

use bytes::Bytes;
use futures::stream::BoxStream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::service::Error;

/// Why the body of a request could not be read: the connection broke.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read")]
pub struct BodyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A request, as an adapter hands it over.
pub struct Request {
    /// Method, URI, headers. The URI's path is without the prefix that the dialect is mounted at.
    pub parts: http::request::Parts,
    /// The prefix that the dialect is mounted at, such as `/messenger`; empty for none.
    pub prefix: String,
    /// The body, as it comes.
    pub body: BoxStream<'static, Result<Bytes, BodyError>>,
}

/// Without headers and query, which hold secrets.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.parts.method)
            .field("path", &self.parts.uri.path())
            .finish_non_exhaustive()
    }
}

/// The body of a response.
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// Piece by piece, as the client takes them. An error cuts the connection, so that nobody
    /// takes the part for the whole.
    Stream(BoxStream<'static, Result<Bytes, Error>>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

/// A response.
pub type Response = http::Response<Body>;

/// A response of JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // The views are plain structs with string keys, which always serialise.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = http::Response::new(Body::Full(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

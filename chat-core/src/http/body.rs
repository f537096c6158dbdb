//! Requests and responses, as adapters hand them over.

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::Envelope;
use crate::service::Error;

/// Why the body of a request could not be read: the connection broke.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read")]
pub struct BodyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The body of a request, as it comes.
pub type Incoming = BoxStream<'static, Result<Bytes, BodyError>>;

/// A request, as an adapter hands it over.
pub struct Request {
    /// Method, URI, headers. The URI's path is without the prefix that the dialect is mounted at.
    pub parts: http::request::Parts,
    /// The prefix that the dialect is mounted at, such as `/messenger`; empty for none.
    pub prefix: String,
    /// The body, as it comes.
    pub body: Incoming,
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
    with_json(status, Body::Full(body.into()))
}

/// Items of a list that are JSON already, some at a time.
pub type Items = BoxStream<'static, Result<Vec<String>, Error>>;

/// A response of an array of JSON, written page by page as the client takes it. The first page is
/// read before, so that its failure is still said in the status.
///
/// # Errors
/// What reading the first page came to.
pub async fn json_array(pages: Items) -> Result<Response, Error> {
    json_list("[".to_owned(), pages, "]").await
}

/// A response of an envelope around items, written as they are read, like [`json_array`].
///
/// # Errors
/// What reading the first items came to.
pub async fn json_page(envelope: &Envelope<()>, items: Items) -> Result<Response, Error> {
    let mut opening = serde_json::to_string(envelope).unwrap_or_default();
    // The envelope of nothing ends with the results.
    opening.truncate(opening.len().saturating_sub("]}".len()));
    json_list(opening, items, "]}").await
}

async fn json_list(
    opening: String,
    mut pages: Items,
    end: &'static str,
) -> Result<Response, Error> {
    let first = pages.next().await.transpose()?.unwrap_or_default();
    let pages = stream::iter([Ok(first)]).chain(pages).boxed();
    let state = (pages, Some(opening), true);
    let pieces = stream::unfold(state, move |(mut pages, opening, mut is_first)| async move {
        let mut text = opening?;
        loop {
            let page = match pages.next().await {
                Some(Ok(page)) => page,
                Some(Err(error)) => {
                    tracing::warn!(%error, "a list was cut off");
                    return Some((Err(error), (pages, None, is_first)));
                }
                None => {
                    text.push_str(end);
                    return Some((Ok(Bytes::from(text)), (pages, None, is_first)));
                }
            };
            // A page may have nothing to show.
            if page.is_empty() {
                continue;
            }
            for item in page {
                if !std::mem::take(&mut is_first) {
                    text.push(',');
                }
                text.push_str(&item);
            }
            return Some((Ok(text.into()), (pages, Some(String::new()), is_first)));
        }
    });
    Ok(with_json(StatusCode::OK, Body::Stream(pieces.boxed())))
}

/// A response without a body.
pub fn no_content() -> Response {
    let mut response = http::Response::new(Body::Full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_json(status: StatusCode, body: Body) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

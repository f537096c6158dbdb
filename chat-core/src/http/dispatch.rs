//! One request from its path to its answer, decided once for all dialects and adapters.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use futures::stream;
use futures::{Stream, StreamExt};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RANGE, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use super::endpoint::find;
use super::{
    BodyError, Call, Endpoint, Fields, Form, Incoming, Input, Links, Object, Rejection, Request,
    Response, detail, json,
};
use crate::dialect::Dialect;
use crate::host::{Credentials, Transport};
use crate::model::{User, UserId};
use crate::service::{Actor, Chat, Error, LinkProof, Problem};
use crate::{asyncapi, openapi};

/// An answer, and where it is a refusal what was not read of the request.
#[must_use]
pub struct Answered {
    /// The answer.
    pub response: Response,
    /// To be read within bounds before the answer is given, as a client that sends before it reads
    /// may otherwise not get to know why it is refused. None where the client waits for leave to
    /// send it.
    pub unread: Option<Incoming>,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered").field("status", &self.response.status()).finish_non_exhaustive()
    }
}

/// Answers a request in a dialect. In this order: the path (404), who asks (401), the method
/// (405), the body (413, 415, 400), the endpoint itself.
///
/// The future should be let finish once it was polled, also when the client goes away: a message
/// that was stored is announced by it.
pub async fn dispatch(
    chat: &Chat,
    dialect: &'static Dialect,
    request: Request,
    now: Instant,
) -> Answered {
    let method = request.parts.method.clone();
    let waits = request.parts.headers.contains_key(EXPECT);
    let body = Shared(Arc::new(Mutex::new((request.body, !waits))));
    let rest = body.clone();
    let request = Request { body: body.boxed(), ..request };
    let mut endpoint = None;
    let answer = answer(chat, dialect, request, &mut endpoint, now).await;
    let unread = answer.as_ref().err().and_then(|_| rest.unread());
    let response = answer.unwrap_or_else(|rejection| {
        if let Rejection::Chat(Error::Unavailable(source) | Error::Internal(source)) = &rejection {
            tracing::warn!(dialect = dialect.name, %method, %source, "a request could not be answered");
        }
        (dialect.refuse)(&rejection, endpoint)
    });
    Answered { response, unread }
}

/// The answer of a dialect to a request that is refused before it is known what it asks for.
pub fn refuse(dialect: &Dialect, rejection: &Rejection) -> Response {
    (dialect.refuse)(rejection, None)
}

/// The answer to requests that come while the server drains.
pub fn drain_response() -> Response {
    let mut response =
        detail(StatusCode::SERVICE_UNAVAILABLE, "The server is restarting, try again.");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn answer(
    chat: &Chat,
    dialect: &'static Dialect,
    request: Request,
    endpoint: &mut Option<&'static Endpoint>,
    now: Instant,
) -> Result<Response, Rejection> {
    let Request { mut parts, prefix, body } = request;
    if let Some(document) = document(dialect, parts.uri.path(), &prefix) {
        return match parts.method {
            Method::GET | Method::HEAD => Ok(json(StatusCode::OK, &document)),
            _ => Err(Rejection::MethodNotAllowed(vec![Method::GET, Method::HEAD])),
        };
    }
    let (rows, params) = find(dialect.endpoints, parts.uri.path()).ok_or(Rejection::NoSuchPath)?;
    let link = signed_link(&rows, &parts);
    let by_link = link.is_some();
    let user = if let Some(proof) = link {
        user_of_link(chat, parts.uri.path(), proof?).await?
    } else {
        let credentials = Credentials::new(Transport::Http, &parts, dialect.schemes);
        chat.authenticate(credentials).await?.0
    };
    chat.admit(&user.id, now)?;
    if parts.method == Method::HEAD {
        // What it is told is told of the whole (RFC 9110, section 14.2).
        parts.headers.remove(RANGE);
    }
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    let Some(row) = rows.iter().find(|row| row.method == *method) else {
        let mut methods: Vec<_> = rows.iter().map(|row| row.method.clone()).collect();
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        return Err(Rejection::MethodNotAllowed(methods));
    };
    *endpoint = Some(row);
    let limit = chat.config().body_limit;
    let (fields, form) = match (row.input, boundary(&parts.headers)) {
        (Input::None | Input::Link, _) => (Map::new(), None),
        (Input::JsonOrForm, Some(boundary)) => {
            let files = chat.config().uploads.max_bytes;
            (Map::new(), Some(Form::new(body, boundary?, limit, files)))
        }
        (Input::Json | Input::JsonOrForm, _) => {
            (read_object(&parts.headers, body, limit).await?, None)
        }
    };
    let links = Links::new(&parts.uri, &parts.headers, &prefix, chat.config().trust_forwarded);
    let call = Call {
        actor: Actor::recognised(chat, user, dialect.kinds, dialect.visitors),
        by_link,
        params,
        body: Fields::new(fields),
        form,
        links,
        headers: parts.headers,
        now,
    };
    (row.handler)(call).await
}

/// What a signed link proves, where the request comes by one and brings no other credentials.
fn signed_link(rows: &[&Endpoint], parts: &Parts) -> Option<Result<LinkProof, Rejection>> {
    let takes = rows.iter().any(|row| row.input == Input::Link);
    if !takes || parts.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let query: Vec<_> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).collect();
    let value = |name| query.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let signature = value("signature")?.to_string();
    let proof = || {
        let user = UserId::new(value("user")?).ok()?;
        Some(LinkProof { user, expires: value("expires")?.parse().ok()?, signature })
    };
    Some(proof().ok_or(Rejection::BadLink))
}

async fn user_of_link(chat: &Chat, path: &str, proof: LinkProof) -> Result<Arc<User>, Rejection> {
    if !chat.verify_link(path, &proof) {
        return Err(Rejection::BadLink);
    }
    chat.user(&proof.user).await?.ok_or(Rejection::BadLink)
}

/// The boundary of a form; none where the body is no form.
fn boundary(headers: &HeaderMap) -> Option<Result<String, Rejection>> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data");
    let boundary = || multer::parse_boundary(kind);
    is_form.then(|| boundary().map_err(|_| Rejection::Malformed("The form has no boundary.")))
}

/// The document about the dialect that lies at a path. It is for anybody: it holds nothing that is
/// not in this library's source.
fn document(dialect: &Dialect, path: &str, prefix: &str) -> Option<Value> {
    let name = path.strip_prefix(dialect.base)?;
    match name {
        "openapi.json" => {
            Some(openapi::document(dialect, if prefix.is_empty() { "/" } else { prefix }))
        }
        "asyncapi.json" => asyncapi::document(dialect, prefix),
        _ => None,
    }
}

/// Reads a body that has to be a JSON object; no body at all is an object without fields.
async fn read_object(
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
) -> Result<Map<String, Value>, Rejection> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Rejection::TooLarge);
    }
    if headers.get(CONTENT_TYPE).is_some_and(|value| !is_json(value)) && announced != Some(0) {
        return Err(Rejection::UnsupportedMediaType);
    }
    let bytes = read(body, limit).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let problem = |problem| Rejection::from(Error::invalid("", problem));
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| problem(Problem::NotJson("not UTF-8".to_owned())))?;
    let is_object = text.trim_ascii_start().starts_with('{');
    match serde_json::from_str(text) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) if error.is_data() && !is_object => Err(problem(Problem::NotObject)),
        Err(error) => Err(problem(Problem::NotJson(error.to_string()))),
    }
}

async fn read(mut body: Incoming, limit: usize) -> Result<BytesMut, Rejection> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Rejection::Malformed("The body could not be read."))?;
        if whole.len() + piece.len() > limit {
            return Err(Rejection::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// A body, of which what was not read can be taken back; whether its client sends it unasked.
#[derive(Clone)]
struct Shared(Arc<Mutex<(Incoming, bool)>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Incoming, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unread(&self) -> Option<Incoming> {
        let (body, is_sent) =
            std::mem::replace(&mut *self.lock(), (stream::empty().boxed(), false));
        is_sent.then_some(body)
    }
}

impl Stream for Shared {
    type Item = Result<bytes::Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.lock();
        let piece = shared.0.poll_next_unpin(context);
        // A body that is asked for is sent, and one that has ended is not asked again.
        shared.1 = !matches!(piece, Poll::Ready(None | Some(Err(_))));
        piece
    }
}

fn is_json(value: &HeaderValue) -> bool {
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

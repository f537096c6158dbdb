//! A server behind connections in memory, so that time can be virtual.
#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::convert::Infallible;

use bytes::Bytes;
use chat_core::Error;
use chat_core::dialect::Dialect;
use chat_core::host::{AuthError, Authenticator, Credentials, Identity};
use chat_core::http::{Body, BodyError, Request, match_path};
use chat_core::model::{RoomId, UserId};
use chat_runtime::Server;
use futures::{SinkExt, StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tracing::Instrument;

/// How much a connection holds that nobody has taken, in each direction.
const BUFFER: usize = 16 * 1024;

/// Takes people at their word.
pub(crate) struct Trusting;

#[async_trait::async_trait]
impl Authenticator for Trusting {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let name = credentials.headers.get("authorization").ok_or(AuthError::Missing)?;
        let user = name.to_str().ok().and_then(|name| UserId::new(name).ok());
        Ok(Identity::new(user.ok_or(AuthError::Invalid)?))
    }
}

/// A new connection to a server that speaks one dialect.
pub(crate) fn connect(server: &Server, dialect: &'static Dialect) -> DuplexStream {
    let (ours, theirs) = duplex(BUFFER);
    let server = server.clone();
    let service = service_fn(move |request| {
        answer(server.clone(), dialect, request).instrument(tracing::info_span!("request"))
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
    tokio::spawn(connection.with_upgrades());
    ours
}

type Answer = http::Response<UnsyncBoxBody<Bytes, Error>>;

async fn answer(
    server: Server,
    dialect: &'static Dialect,
    request: http::Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let response = if dialect.sockets.iter().any(|socket| match_path(socket.path, path).is_some()) {
        server.upgrade(dialect, parts, "")
    } else {
        let body = body.into_data_stream().map_err(|error| BodyError(error.into())).boxed();
        server.respond(dialect, Request { parts, prefix: String::new(), body }).await
    };
    Ok(response.map(|body| match body {
        Body::Full(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Body::Stream(pieces) => StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync(),
    }))
}

/// A user's open socket.
pub(crate) struct Socket(WebSocketStream<DuplexStream>);

impl Socket {
    /// Opens a user's socket in a room.
    pub(crate) async fn open(
        server: &Server,
        dialect: &'static Dialect,
        room: RoomId,
        user: u64,
    ) -> Self {
        let room = match dialect.name {
            "team" => format!("00000000-0000-8000-8000-{:012x}", room.get()),
            _ => room.to_string(),
        };
        let request = http::Request::get(format!("ws://chat/ws/chat/{room}/"))
            .header("host", "chat")
            .header("authorization", user)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("a request");
        let connection = connect(server, dialect);
        let opened = tokio_tungstenite::client_async(request, connection).await;
        Self(opened.expect("a socket").0)
    }

    /// Sends a frame, where the connection still takes one.
    pub(crate) async fn send(&mut self, frame: &Value) {
        let _ = self.0.send(Message::text(frame.to_string())).await;
    }

    /// With which code the socket is closed, whatever comes before that.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The next frame, or with which code the socket was closed.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.next().await.expect("a close comes before the end").expect("a frame") {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Message::Close(close) => return Err(close.expect("a code").code.into()),
                _ => {}
            }
        }
    }
}

//! A client's socket.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::token;

/// How long anything may take. Only a failure waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A client's socket.
pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<TcpStream>,
    /// Whether it is known to be closed.
    pub(crate) ended: bool,
}

impl Socket {
    /// Opens a user's socket at a path such as `/messenger/ws/chat/1/`.
    pub(crate) async fn open(address: SocketAddr, path: &str, user: u64) -> Self {
        Self::open_with(address, path, &token(user, 3_600)).await
    }

    pub(crate) async fn open_with(address: SocketAddr, path: &str, token: &str) -> Self {
        let url = format!("ws://{address}{path}?token={token}");
        let opened = async {
            let stream = TcpStream::connect(address).await.expect("a connection");
            client_async(url, stream).await.expect("a handshake").0
        };
        let stream = tokio::time::timeout(PATIENCE, opened).await.expect("an open socket");
        Self { stream, ended: false }
    }

    /// The same where nobody may be there.
    pub(crate) async fn try_open(address: SocketAddr, path: &str, user: u64) -> Option<Self> {
        let url = format!("ws://{address}{path}?token={}", token(user, 3_600));
        let opened = async {
            let stream = TcpStream::connect(address).await.ok()?;
            client_async(url, stream).await.ok().map(|(stream, _)| stream)
        };
        let stream = tokio::time::timeout(PATIENCE, opened).await.expect("an answer")?;
        Some(Self { stream, ended: false })
    }

    /// Whether a frame was taken by the connection.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> bool {
        let sent = self.stream.send(Message::text(frame.to_string())).await;
        self.ended |= sent.is_err();
        sent.is_ok()
    }

    /// Opens a socket and takes its greeting.
    pub(crate) async fn greeted(address: SocketAddr, path: &str, user: u64) -> Self {
        let mut socket = Self::open(address, path, user).await;
        socket.expect("connection_established").await;
        socket
    }

    /// Opens a socket of a dialect without a greeting, and waits until it is surely in its room: the
    /// handshake is answered before. A bad frame is answered once it is.
    pub(crate) async fn settled(address: SocketAddr, path: &str, user: u64) -> Self {
        let mut socket = Self::open(address, path, user).await;
        socket.send(&Value::Null).await;
        socket.expect("error").await;
        socket
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.expect("a frame is taken");
    }

    /// The next frame, or the code of the close.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        let next = tokio::time::timeout(PATIENCE, self.receive()).await;
        next.expect("a frame or the end within the time")
    }

    async fn receive(&mut self) -> Result<Value, u16> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(close))) => {
                    self.ended = true;
                    return Err(close.map_or(1005, |close| close.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.ended = true;
                    return Err(1006);
                }
            }
        }
    }

    /// The next frame of a type; others before it are passed over.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        self.expect_with(|frame| frame["type"] == kind).await
    }

    /// The next frame that is such; others before it are passed over.
    #[track_caller]
    pub(crate) fn expect_with(
        &mut self,
        such: impl FnMut(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        self.expect_within(PATIENCE, such)
    }

    /// The same with more patience.
    #[track_caller]
    pub(crate) fn expect_within(
        &mut self,
        patience: Duration,
        mut such: impl FnMut(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        let asker = std::panic::Location::caller();
        async move {
            let mut passed = Vec::new();
            let found = async {
                loop {
                    match self.receive().await {
                        Ok(frame) if such(&frame) => return frame,
                        Ok(frame) => passed.push(frame),
                        Err(code) => panic!("{asker}: was closed {code}"),
                    }
                }
            };
            let found = tokio::time::timeout(patience, found).await;
            found.unwrap_or_else(|_| panic!("{asker}: no such frame came, but {passed:?}"))
        }
    }

    /// The code of the close; frames before it are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

//! An HTTP client and a WebSocket client.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::pattern::brief;

/// How long anything may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The code of a connection that ended without a close frame (RFC 6455, section 7.4.1).
const NO_CLOSE_FRAME: u16 = 1006;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Sends a request on a connection of its own.
///
/// # Errors
/// In a sentence.
pub(super) async fn request(
    address: SocketAddr,
    request: http::Request<Bytes>,
) -> Result<Answer, String> {
    let answer = async {
        let stream = TcpStream::connect(address).await.map_err(sentence)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(sentence)?;
        tokio::spawn(connection);
        let response = sender.send_request(request.map(Full::new)).await.map_err(sentence)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(sentence)?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    within(answer).await
}

/// An open socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    pings: u8,
}

/// What a socket receives.
#[derive(Debug)]
pub(super) enum Received {
    Frame(Value),
    /// The answer to a ping of the protocol.
    Pong(Bytes),
    /// The end, with its code.
    Closed(u16),
}

impl Socket {
    /// Opens a socket, or returns the answer that refuses it.
    ///
    /// # Errors
    /// In a sentence.
    pub(super) async fn open(
        address: SocketAddr,
        path: &str,
        headers: HeaderMap,
    ) -> Result<(Option<Self>, Answer), String> {
        let uri = format!("ws://{address}{path}");
        let mut request = http::Request::get(uri)
            .header("host", address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key())
            .body(())
            .map_err(sentence)?;
        request.headers_mut().extend(headers);
        let stream = TcpStream::connect(address).await.map_err(sentence)?;
        let opened = within(async { Ok(client_async(request, stream).await) }).await?;
        let answer = |response: http::Response<Option<Vec<u8>>>| {
            let (parts, body) = response.into_parts();
            let body = body.unwrap_or_default().into();
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        };
        match opened {
            Ok((stream, response)) => Ok((Some(Self { stream, pings: 0 }), answer(response))),
            Err(WsError::Http(response)) => Ok((None, answer(*response))),
            Err(error) => Err(sentence(error)),
        }
    }

    /// Sends a text, whatever it is.
    pub(super) async fn send_text(&mut self, text: String) -> Result<(), String> {
        self.send(Message::text(text)).await
    }

    /// Sends a binary frame.
    pub(super) async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.send(Message::binary(bytes)).await
    }

    /// Sends bytes as a text, which they may not be.
    pub(super) async fn send_bytes(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.send(Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true))).await
    }

    async fn send(&mut self, message: Message) -> Result<(), String> {
        within(async { self.stream.send(message).await.map_err(sentence) }).await
    }

    /// The next frame, or the end.
    pub(super) async fn next(&mut self) -> Result<Received, String> {
        within(async {
            loop {
                return match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame = serde_json::from_str(&text);
                        frame.map(Received::Frame).map_err(|_| format!("no JSON: {text}"))
                    }
                    Some(Ok(Message::Pong(payload))) => Ok(Received::Pong(payload)),
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map_or(NO_CLOSE_FRAME, |frame| frame.code.into());
                        // Our answer is written, and the server ends the connection.
                        while let Some(Ok(_)) = self.stream.next().await {}
                        Ok(Received::Closed(code))
                    }
                    Some(Ok(Message::Binary(_))) => Err("a binary frame".to_owned()),
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => Ok(Received::Closed(NO_CLOSE_FRAME)),
                };
            }
        })
        .await
    }

    /// Makes sure that nothing waits for the socket: pings of the protocol are answered, and no
    /// frame comes before. With the second answer everything has been written that the server had
    /// for the socket when it read the first ping.
    pub(super) async fn check_quiet(&mut self) -> Result<(), String> {
        for _ in 0..3 {
            self.pings = self.pings.wrapping_add(1);
            let payload = Bytes::copy_from_slice(&[self.pings]);
            self.send(Message::Ping(payload.clone())).await?;
            match self.next().await? {
                Received::Pong(answer) if answer == payload => {}
                other => return Err(format!("nothing was to come, but {other}")),
            }
        }
        Ok(())
    }

    /// Closes, and waits until the server has.
    pub(super) async fn close(mut self) -> Result<(), String> {
        self.send(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "".into() })))
            .await?;
        within(async {
            while let Some(Ok(_)) = self.stream.next().await {}
            Ok(())
        })
        .await
    }
}

impl std::fmt::Display for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(frame) => write!(f, "the frame {}", brief(&frame.to_string())),
            Self::Pong(_) => f.write_str("a pong of the protocol"),
            Self::Closed(NO_CLOSE_FRAME) => f.write_str("the end without a close frame"),
            Self::Closed(code) => write!(f, "the close {code}"),
        }
    }
}

async fn within<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| format!("nothing came within {PATIENCE:?}");
    tokio::time::timeout(PATIENCE, future).await.map_err(late)?
}

fn sentence(error: impl std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}

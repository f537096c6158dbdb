//! People who are taken at their word, and their sockets.

use std::net::SocketAddr;

use chat_core::host::{AuthError, Authenticator, Credentials, Identity, StaticDirectory};
use chat_core::model::{RoomId, User, UserId};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;

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

/// Users 1 and 2.
pub(crate) fn users() -> StaticDirectory {
    [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}"))).into_iter().collect()
}

/// A connection that takes little in advance.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

/// A user's socket in a room, where a dialect is mounted under a prefix.
pub(crate) async fn open(
    address: SocketAddr,
    prefix: &str,
    room: RoomId,
    user: &str,
) -> WebSocketStream<TcpStream> {
    let request = http::Request::get(format!("ws://{address}{prefix}/ws/chat/{room}/"))
        .header("host", address.to_string())
        .header("authorization", user)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    tokio_tungstenite::client_async(request, connect(address).await).await.unwrap().0
}

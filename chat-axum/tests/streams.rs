//! What is read from the store as the client takes it, through real connections: the history that
//! direct's sockets begin with, and campus's arrays.

use std::net::SocketAddr;
use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::{CAMPUS, DIRECT};
use chat_core::host::{AuthError, Authenticator, Credentials, Identity, StaticDirectory};
use chat_core::model::{RoomId, User};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use futures::StreamExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// More than all buffers between the two ends hold, in messages of [`LENGTH`] characters.
const MANY: usize = 6_000;
const LENGTH: usize = 4_000;

/// Takes people at their word.
struct Trusting;

#[async_trait::async_trait]
impl Authenticator for Trusting {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let name = credentials.headers.get("authorization").ok_or(AuthError::Missing)?;
        let user = name.to_str().ok().and_then(|name| name.try_into().ok());
        Ok(Identity { user: user.ok_or(AuthError::Invalid)?, expires_at: None })
    }
}

/// A chat of two users behind a port.
async fn served() -> (Chat, RoomId, SocketAddr) {
    let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let chat = Chat::new(MemoryStore::default(), StaticDirectory::from_iter(users), Trusting);
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let server = Server::start(chat.clone());
    let app = axum::Router::<()>::new()
        .nest("/direct", chat_axum::router(&server, DIRECT))
        .nest("/campus", chat_axum::router(&server, CAMPUS));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (chat, room, address)
}

async fn say(chat: &Chat, room: RoomId, number: usize) {
    let text = format!("{number} {}", "x".repeat(LENGTH));
    chat.acting_as("1").send(room, text).await.unwrap();
}

async fn unread(chat: &Chat, room: RoomId) -> u64 {
    chat.acting_as("2").room(room).await.unwrap().unread
}

/// A connection that takes little in advance.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

async fn open(address: SocketAddr, room: RoomId) -> WebSocketStream<TcpStream> {
    let request = http::Request::get(format!("ws://{address}/direct/ws/chat/{room}/"))
        .header("host", address.to_string())
        .header("authorization", "2")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    tokio_tungstenite::client_async(request, connect(address).await).await.unwrap().0
}

/// The number of the next message.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> usize {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(frame["message"]["is_read"], false, "it is shown as it stood before");
            let body = frame["message"]["body"].as_str().unwrap();
            return body.split(' ').next().unwrap().parse().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_waits_for_the_client_and_goes_on_live() {
    let (chat, room, address) = served().await;
    for number in 0..MANY {
        say(&chat, room, number).await;
    }
    let mut socket = open(address, room).await;
    while unread(&chat, room).await == MANY as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The client has taken nothing yet.
    say(&chat, room, MANY).await;
    let writer = {
        let chat = chat.clone();
        tokio::spawn(async move {
            for number in MANY + 1..MANY + 500 {
                say(&chat, room, number).await;
            }
        })
    };
    let waits = unread(&chat, room).await;
    assert!(waits > MANY as u64 / 4, "only {waits} wait for a client that takes nothing");
    for number in 0..MANY + 500 {
        assert_eq!(next(&mut socket).await, number);
    }
    writer.await.unwrap();
    while unread(&chat, room).await > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for number in MANY + 500..MANY + 510 {
        say(&chat, room, number).await;
        assert_eq!(next(&mut socket).await, number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_comes_whole_through_a_connection() {
    let (chat, room, address) = served().await;
    for number in 0..1_000 {
        say(&chat, room, number).await;
    }
    let mut connection = connect(address).await;
    let request = format!(
        "GET /campus/chat/chats/{room}/messages/?limit=900 HTTP/1.0\r\nauthorization: 2\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    let messages: Value = serde_json::from_str(body).unwrap();
    let numbers: Vec<usize> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["content"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (100..1_000).collect::<Vec<_>>());
}

//! What is read from the store as the client takes it, through real connections: the history that
//! direct's sockets begin with, and campus's arrays.

mod people;

use std::net::SocketAddr;
use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::{CAMPUS, DIRECT};
use chat_core::model::RoomId;
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use futures::StreamExt;
use people::{Trusting, connect, open, users};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// More than all buffers between the two ends hold, in messages of [`LENGTH`] characters.
const MANY: usize = 6_000;
const LENGTH: usize = 4_000;

/// A chat of two users behind a port.
async fn served() -> (Server, RoomId, SocketAddr) {
    let chat = Chat::new(MemoryStore::default(), users(), Trusting);
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let server = Server::start(chat.clone());
    let app = axum::Router::<()>::new()
        .nest("/direct", chat_axum::router(&server, DIRECT))
        .nest("/campus", chat_axum::router(&server, CAMPUS));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (server, room, address)
}

async fn say(chat: &Chat, room: RoomId, number: usize) {
    let text = format!("{number} {}", "x".repeat(LENGTH));
    chat.acting_as("1").send(room, text).await.unwrap();
}

async fn unread(chat: &Chat, room: RoomId) -> u64 {
    chat.acting_as("2").room(room).await.unwrap().unread
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
    let (server, room, address) = served().await;
    let chat = server.chat().clone();
    for number in 0..MANY {
        say(&chat, room, number).await;
    }
    let mut socket = open(address, "/direct", room, "2").await;
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
    let (server, room, address) = served().await;
    let chat = server.chat().clone();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_waits_for_an_array_that_is_being_taken() {
    let (server, room, address) = served().await;
    for number in 0..MANY {
        say(server.chat(), room, number).await;
    }
    let mut connection = connect(address).await;
    let request =
        format!("GET /campus/chat/chats/{room}/messages/ HTTP/1.0\r\nauthorization: 2\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1_000];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(server.open(), 1, "most of it has not been taken");
    let drain = {
        let server = server.clone();
        tokio::spawn(async move { server.drain(Duration::from_mins(1)).await })
    };
    connection.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"]"), "it came whole");
    assert_eq!(drain.await.unwrap(), Drained::Whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_much_before_reading_gets_to_know_why_it_is_refused() {
    let (_server, room, address) = served().await;
    let mut connection = connect(address).await;
    let body = vec![b'x'; 20 * 1024 * 1024];
    let head = format!(
        "POST /campus/chat/chats/{room}/messages/ HTTP/1.1\r\nhost: chat\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.expect("all of it is taken");
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 401");
}

#[tokio::test]
async fn who_is_refused_and_sends_no_more_is_answered_all_the_same() {
    let (server, room, address) = served().await;
    let mut connection = connect(address).await;
    let head = format!(
        "POST /campus/chat/chats/{room}/messages/ HTTP/1.1\r\nhost: chat\r\n\
         content-length: 30000000\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 401");
    assert_eq!(server.open(), 0);
}

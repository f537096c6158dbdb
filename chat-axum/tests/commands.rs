//! What a socket has begun, where the host takes its time over it or fails.

mod people;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::{Draft, Hooks, Refusal};
use chat_core::model::{RoomId, Slice};
use chat_core::store::Anchor;
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use futures::{SinkExt, StreamExt};
use people::{Trusting, open, users};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_mins(2);

/// A host that fails over some texts, and thinks about others until it is let.
#[derive(Clone)]
struct Thinking {
    asked: Arc<Semaphore>,
    answer: Arc<Semaphore>,
}

#[async_trait::async_trait]
impl Hooks for Thinking {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        assert_ne!(draft.content.as_str(), "fail", "the host fails");
        if draft.content.as_str() == "think" {
            self.asked.add_permits(1);
            self.answer.acquire().await.expect("it is never closed").forget();
        }
        Ok(())
    }
}

async fn served() -> (Server, Thinking, RoomId, SocketAddr) {
    let (asked, answer) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let host = Thinking { asked, answer };
    let chat = Chat::builder(MemoryStore::default(), users(), Trusting);
    let chat = chat.with_hooks(host.clone()).build();
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let server = Server::start(chat);
    let app: axum::Router = chat_axum::router(&server, CAMPUS);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (server, host, room, address)
}

async fn say(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    let frame = json!({ "type": "message", "content": text, "temp_id": text });
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn texts(chat: &Chat, room: RoomId) -> Vec<String> {
    let slice = Slice { skip: 0, take: 10 };
    let page = chat.acting_as("2").history(room, Anchor::Newest, slice).await.unwrap();
    page.items.iter().map(|message| message.content.clone()).collect()
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_connection_is_gone() {
    let (server, host, room, address) = served().await;
    let mut socket = open(address, "", room, "1").await;
    say(&mut socket, "think").await;
    host.asked.acquire().await.unwrap().forget();
    socket.get_ref().set_zero_linger().unwrap();
    drop(socket);
    let mut other = open(address, "", room, "2").await;
    let drain = {
        let server = server.clone();
        tokio::spawn(async move { server.drain(PATIENCE).await })
    };
    while !matches!(other.next().await, None | Some(Ok(Message::Close(_)))) {}
    drop(other);
    while server.open() > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!drain.is_finished(), "somebody still has to be told what came of it");
    host.answer.add_permits(1);
    assert_eq!(drain.await.unwrap(), Drained::Whole);
    assert_eq!(texts(server.chat(), room).await, ["think"]);
}

#[tokio::test]
async fn what_was_begun_is_finished_while_the_connection_closes() {
    let (server, host, room, address) = served().await;
    let mut socket = open(address, "", room, "1").await;
    let mut other = open(address, "", room, "2").await;
    say(&mut socket, "think").await;
    say(&mut socket, "two").await;
    host.asked.acquire().await.unwrap().forget();
    socket.send(Message::Close(None)).await.unwrap();
    // Whoever closes does not wait for the host.
    let end = async { while socket.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the connection ends");
    host.answer.add_permits(1);
    loop {
        let frame = tokio::time::timeout(PATIENCE, other.next()).await.unwrap();
        if frame.unwrap().unwrap().to_text().unwrap().contains("two") {
            break;
        }
    }
    assert_eq!(texts(server.chat(), room).await, ["two", "think"]);
}

#[tokio::test]
async fn a_host_that_fails_is_told_as_an_error_and_the_socket_goes_on() {
    let (server, _, room, address) = served().await;
    let mut socket = open(address, "", room, "1").await;
    for text in ["fail", "well"] {
        say(&mut socket, text).await;
    }
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = frame {
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
            kinds.push((frame["type"].clone(), frame["temp_id"].clone()));
        }
    }
    assert_eq!(kinds, [(json!("error"), json!("fail")), (json!("message"), json!("well"))]);
    assert_eq!(texts(server.chat(), room).await, ["well"]);
}

#[tokio::test]
async fn all_that_was_sent_before_the_end_of_the_connection_is_stored() {
    let (server, host, room, address) = served().await;
    let mut socket = open(address, "", room, "1").await;
    for text in ["think", "two", "three", "four"] {
        say(&mut socket, text).await;
    }
    host.asked.acquire().await.unwrap().forget();
    socket.get_mut().shutdown().await.unwrap();
    host.answer.add_permits(1);
    while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    assert_eq!(server.drain(PATIENCE).await, Drained::Whole);
    let mut stored = texts(server.chat(), room).await;
    stored.reverse();
    assert_eq!(stored, ["think", "two", "three", "four"]);
}

#[tokio::test]
async fn a_close_right_after_frames_that_are_answered_is_answered() {
    let (_server, _, room, address) = served().await;
    let mut socket = open(address, "", room, "1").await;
    for _ in 0..3 {
        socket.feed(Message::text("no JSON")).await.unwrap();
    }
    socket.send(Message::Close(None)).await.unwrap();
    let mut last = None;
    while let Some(frame) = socket.next().await {
        last = Some(frame.expect("the connection ends well"));
    }
    assert!(matches!(last, Some(Message::Close(_))), "{last:?}");
}

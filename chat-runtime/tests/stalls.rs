//! Clients that stop on the way, in a request or in its answer.

mod served;

use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::StaticDirectory;
use chat_core::model::{RoomId, User};
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use served::{Trusting, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

async fn server() -> (Server, RoomId) {
    let users = [1, 2].map(|id: u64| User::new(id.into(), "somebody"));
    let chat = Chat::new(MemoryStore::new(), StaticDirectory::from_iter(users), Trusting);
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    (Server::start(chat), room)
}

/// A send of which the head is there.
async fn begun(server: &Server, room: RoomId, more: &str, length: usize) -> DuplexStream {
    let mut connection = connect(server, CAMPUS);
    let head = format!(
        "POST /chat/chats/{room}/messages/ HTTP/1.1\r\nhost: chat\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("a head is taken");
    connection
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_nothing_comes_any_more_is_answered_408() {
    let (server, room) = server().await;
    let limit = server.chat().config().stall_timeout;
    let mut connection = begun(&server, room, "authorization: 1\r\n", 100).await;
    // As long as something comes it is waited for.
    for _ in 0..10 {
        sleep(limit / 2).await;
        connection.write_all(b" ").await.expect("a byte is taken");
    }
    let silent = Instant::now();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(silent.elapsed() <= limit + Duration::from_secs(1), "{:?}", silent.elapsed());
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_stops_on_the_way_holds_a_drain_for_five_seconds() {
    let (server, room) = server().await;
    let mut before = begun(&server, room, "authorization: 1\r\n", 100).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open(), 1);
    assert_eq!(server.drain(Duration::from_secs(6)).await, Drained::Whole);
    let mut answer = String::new();
    before.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn what_a_refused_client_still_sends_holds_no_drain() {
    let (server, room) = server().await;
    let mut connection = begun(&server, room, "", 1_000_000).await;
    let trickle = tokio::spawn(async move {
        while connection.write_all(b" ").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    sleep(Duration::from_secs(5)).await;
    assert_eq!(server.open(), 1);
    assert_eq!(server.drain(Duration::from_secs(1)).await, Drained::Whole);
    trickle.abort();
}

#[tokio::test(start_paused = true)]
async fn a_response_of_which_nothing_is_taken_is_let_go_of_and_broken_off() {
    let (server, room) = server().await;
    let limit = server.chat().config().stall_timeout;
    for _ in 0..300 {
        let text = "x".repeat(10_000);
        server.chat().acting_as(1).send(room, text).await.expect("it is stored");
    }
    let request = format!(
        "GET /chat/chats/{room}/messages/ HTTP/1.1\r\nhost: chat\r\nauthorization: 2\r\n\
         connection: close\r\n\r\n"
    );
    let take = async |pause: Duration| {
        let mut connection = connect(&server, CAMPUS);
        connection.write_all(request.as_bytes()).await.expect("it is taken");
        sleep(pause).await;
        let open = server.open();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        (open, answer.len(), answer.ends_with(b"\r\n0\r\n\r\n"))
    };
    let (open, length, _) = take(limit.mul_f32(0.9)).await;
    assert_eq!(open, 1);
    assert!(length > 3_000_000, "{length}");
    let (open, length, is_whole) = take(limit.mul_f32(1.1)).await;
    assert_eq!(open, 0);
    assert!(length < 3_000_000 && !is_whole, "{length}");
    assert_eq!(server.drain(Duration::from_secs(1)).await, Drained::Whole);
}

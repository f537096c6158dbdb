//! Clients that stop on the way, or hardly move, in a request or in its answer.

mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::{CAMPUS, TEAM};
use chat_core::host::{FileError, FileStore, Pieces, StaticDirectory, StoredFile};
use chat_core::model::{RoomId, User};
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use futures::StreamExt;
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
    let mut connection = begun(&server, room, "authorization: 1\r\n", 1_000_000).await;
    // As long as enough comes it is waited for.
    for _ in 0..10 {
        sleep(limit / 2).await;
        connection.write_all(&vec![b' '; 64 * 1024]).await.expect("a piece is taken");
    }
    let silent = Instant::now();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(silent.elapsed() <= limit + Duration::from_secs(1), "{:?}", silent.elapsed());
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_a_byte_comes_now_and_then_is_answered_408() {
    let (server, room) = server().await;
    let limit = server.chat().config().stall_timeout;
    let mut connection = begun(&server, room, "authorization: 1\r\n", 1_000_000).await;
    // What came fast is not counted in favour of what comes slowly.
    connection.write_all(&vec![b' '; 500_000]).await.expect("a piece is taken");
    let begun = Instant::now();
    let (mut answers, mut sends) = tokio::io::split(connection);
    let trickle = tokio::spawn(async move {
        for _ in 0..10 {
            let _ = sends.write_all(b" ").await;
            sleep(limit.mul_f32(0.9)).await;
        }
    });
    let mut answer = String::new();
    answers.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begun.elapsed() <= limit + Duration::from_secs(1), "{:?}", begun.elapsed());
    trickle.abort();
}

#[tokio::test(start_paused = true)]
async fn a_file_of_10_megabytes_comes_through_at_10_kilobytes_a_second() {
    let users = [1, 2].map(|id: u64| User::new(id.into(), "somebody"));
    let (store, shelf) = (MemoryStore::new(), Shelf::default());
    let chat = Chat::builder(store, StaticDirectory::from_iter(users), Trusting);
    let server = Server::start(chat.with_files(shelf.clone()).build());
    let room = server.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    let part =
        "--x\r\ncontent-disposition: form-data; name=\"file_attachment\"; filename=\"a\"\r\n\r\n";
    let (piece, end) = (vec![7; 50_000], "\r\n--x--\r\n");
    let length = part.len() + 200 * piece.len() + end.len();
    let mut connection = connect(&server, TEAM);
    let head = format!(
        "POST /api/chat/rooms/00000000-0000-8000-8000-{:012x}/messages/ HTTP/1.1\r\nhost: chat\r\n\
         authorization: 1\r\ncontent-type: multipart/form-data; boundary=x\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{part}",
        room.get()
    );
    connection.write_all(head.as_bytes()).await.expect("a head is taken");
    for _ in 0..200 {
        sleep(Duration::from_secs(5)).await;
        connection.write_all(&piece).await.expect("a piece is taken");
    }
    connection.write_all(end.as_bytes()).await.expect("the end is taken");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(shelf.0.load(Ordering::Relaxed), 10_000_000);
}

/// Takes files and keeps their length alone.
#[derive(Clone, Default)]
struct Shelf(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl FileStore for Shelf {
    async fn put(&self, _: &str, mut pieces: Pieces) -> Result<(), FileError> {
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(FileError::Broken)?;
            self.0.fetch_add(piece.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    async fn get(&self, _: &str) -> Result<StoredFile, FileError> {
        Err(FileError::NotFound)
    }

    async fn delete(&self, _: &str) -> Result<(), FileError> {
        Ok(())
    }
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

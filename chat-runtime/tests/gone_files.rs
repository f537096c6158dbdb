//! A file store that fails for a while.

mod served;

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::host::{Clock, FileError, FileStore, Pieces, StaticDirectory, StoredFile};
use chat_core::model::{Timestamp, User};
use chat_core::store::{ErasureStore, FIRST_FILE_PAUSE};
use chat_core::{Chat, Outgoing};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use futures::stream::{self, StreamExt};
use served::Trusting;
use tokio::time::{Instant, sleep};

/// Keeps nothing but keys.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: Mutex<BTreeSet<String>>,
    mood: Mutex<Mood>,
    tries: AtomicUsize,
}

/// What becomes of a deletion.
#[derive(Debug, Clone, Copy, Default)]
enum Mood {
    #[default]
    Works,
    Fails,
    Hangs,
}

impl Shelf {
    fn set(&self, mood: Mood) {
        *self.0.mood.lock().expect("nobody panics") = mood;
    }

    fn files(&self) -> usize {
        self.0.keys.lock().expect("nobody panics").len()
    }

    fn take_tries(&self) -> usize {
        self.0.tries.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl FileStore for Shelf {
    async fn put(&self, key: &str, mut pieces: Pieces) -> Result<(), FileError> {
        while pieces.next().await.is_some() {}
        self.0.keys.lock().expect("nobody panics").insert(key.to_owned());
        Ok(())
    }

    async fn get(&self, _: &str) -> Result<StoredFile, FileError> {
        Err(FileError::NotFound)
    }

    async fn delete(&self, key: &str) -> Result<(), FileError> {
        self.0.tries.fetch_add(1, Ordering::Relaxed);
        let mood = *self.0.mood.lock().expect("nobody panics");
        match mood {
            Mood::Works => {
                self.0.keys.lock().expect("nobody panics").remove(key);
                Ok(())
            }
            Mood::Fails => Err(FileError::Unavailable("it is away".into())),
            Mood::Hangs => pending().await,
        }
    }
}

/// A wall clock that goes with the virtual time.
#[derive(Debug, Clone)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_735_122_600_000_000).after(self.0.elapsed())
    }
}

/// A server, and so many files of messages that were deleted while the file store failed.
async fn failed(files: usize) -> (Server, Shelf) {
    let shelf = Shelf::default();
    let users = StaticDirectory::from_iter([1, 2].map(|id: u64| User::new(id.into(), "somebody")));
    let chat = Chat::builder(MemoryStore::new(), users, Trusting)
        .with_files(shelf.clone())
        .with_clock(Virtual(Instant::now()))
        .build();
    let server = Server::start(chat.clone());
    let john = chat.acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    shelf.set(Mood::Fails);
    for _ in 0..files {
        let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
        let upload = john.upload(room, "notes.txt", pieces).await.expect("it is stored");
        let sent = john.send(room, Outgoing::new("look").with_file(upload)).await;
        let message = sent.expect("it is stored").message.id;
        john.delete(room, message).await.expect("it is deleted");
    }
    assert_eq!((shelf.files(), shelf.take_tries()), (files, files));
    (server, shelf)
}

#[tokio::test(start_paused = true)]
async fn files_are_deleted_once_their_store_works_again_and_it_is_asked_less_and_less() {
    let (server, shelf) = failed(100).await;
    sleep(Duration::from_hours(1)).await;
    let (first, _) = (shelf.take_tries(), shelf.files());
    sleep(Duration::from_hours(1)).await;
    let second = shelf.take_tries();
    assert!(second < first && first <= 10 * 100, "{first} tries, then {second}");
    assert_eq!(shelf.files(), 100);
    shelf.set(Mood::Works);
    sleep(Duration::from_hours(3)).await;
    assert_eq!((shelf.files(), shelf.take_tries()), (0, 100));
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_file_store_that_hangs_once_is_asked_again() {
    let (server, shelf) = failed(3).await;
    shelf.set(Mood::Hangs);
    sleep(Duration::from_secs(32)).await;
    assert_eq!((shelf.files(), shelf.take_tries()), (3, 3));
    shelf.set(Mood::Works);
    sleep(4 * FIRST_FILE_PAUSE).await;
    assert_eq!(shelf.files(), 0);
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_room_has_left_is_swept_and_its_files_with_it() {
    let shelf = Shelf::default();
    let users = StaticDirectory::from_iter([1, 2].map(|id: u64| User::new(id.into(), "somebody")));
    let store = MemoryStore::new();
    let chat = Chat::builder(store.clone(), users, Trusting)
        .with_files(shelf.clone())
        .with_clock(Virtual(Instant::now()))
        .build();
    let server = Server::start(chat.clone());
    let john = chat.acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    for number in 0..2_500 {
        let mut message = Outgoing::new("look");
        if number % 100 == 0 {
            let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
            let upload = john.upload(room, "notes.txt", pieces).await.expect("it is stored");
            message = message.with_file(upload);
        }
        john.send(room, message).await.expect("it is stored");
    }
    assert_eq!(shelf.files(), 25);
    assert!(chat.delete_room(room).await.expect("it is deleted"));
    assert_eq!((shelf.files(), shelf.take_tries()), (25, 0), "it does not take longer for them");
    sleep(Duration::from_mins(2)).await;
    assert_eq!((shelf.files(), shelf.take_tries()), (0, 25));
    assert!(!store.sweep_gone_rooms(chat.clock().now(), 1).await.expect("it works"));
    drop(server);
}

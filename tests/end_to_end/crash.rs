//! Servers and databases that die under load: what was acknowledged is there, once, in one order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chat_test_postgres::Cluster;
use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Running, SECRET, Socket, ask, read};

pub(crate) const SENDERS: u64 = 8;
const EACH: usize = 150;
const ALL: usize = 8 * EACH;

/// How long a sender waits for an answer before it sends again.
const ANSWER: Duration = Duration::from_secs(6);

/// How long a sender waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long everything together may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_mins(3);

/// Two reference servers on one database, and a room of the senders and a reader.
pub(crate) struct World {
    pub(crate) database: Cluster,
    data: tempfile::NamedTempFile,
}

impl World {
    pub(crate) fn new() -> Self {
        let users: Vec<_> = (1..=SENDERS + 1)
            .map(|id| json!({ "id": id, "username": format!("user{id}") }))
            .collect();
        let members: Vec<_> = (1..=SENDERS + 1).collect();
        let rooms = json!([
            { "kind": "group", "name": "everybody", "members": members, "created_by": 1 },
            { "kind": "direct", "members": [1, 2] },
        ]);
        let data = tempfile::NamedTempFile::new().expect("a temporary file");
        let content = json!({ "users": users, "rooms": rooms }).to_string();
        std::fs::write(data.path(), content).expect("it can be written");
        Self { database: Cluster::start(), data }
    }

    /// Starts a server at an address; port 0 picks a free one.
    pub(crate) async fn start(&self, listen: &str) -> Running {
        let options = [
            "--listen".to_owned(),
            listen.to_owned(),
            "--store".to_owned(),
            self.database.url(),
            "--jwt-secret".to_owned(),
            SECRET.to_owned(),
            "--data".to_owned(),
            self.data.path().display().to_string(),
        ];
        let start = move || {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            Running::start(&options)
        };
        tokio::task::spawn_blocking(start).await.expect("the server starts")
    }
}

/// Sends all messages of a user, each again and again until it is acknowledged, and returns the
/// ids in the order of the messages.
async fn send_all(address: SocketAddr, user: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut socket = None;
    while ids.len() < EACH {
        let temp_id = format!("{user}-{}", ids.len());
        if socket.is_none() {
            socket = Socket::try_open(address, "/campus/ws/chat/1/", user).await;
        }
        let Some(open) = &mut socket else {
            sleep(PAUSE).await;
            continue;
        };
        let sent = timeout(ANSWER, send(open, &temp_id)).await;
        if sent.is_err() || open.ended {
            socket = None;
        }
        match sent {
            Ok(Some(id)) => ids.push(id),
            _ => sleep(PAUSE).await,
        }
    }
    ids
}

/// The id of a message that was acknowledged; none where it was not.
async fn send(socket: &mut Socket, temp_id: &str) -> Option<u64> {
    let frame = json!({ "type": "message", "content": temp_id, "temp_id": temp_id });
    if !socket.try_send(&frame).await {
        return None;
    }
    loop {
        match socket.next().await {
            Ok(frame) if frame["temp_id"] == temp_id => return frame["id"].as_u64(),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Reads all messages from one socket, which stays open, and counts them.
async fn read_all(mut socket: Socket, count: Arc<AtomicUsize>) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    while seen.len() < ALL {
        let frame = socket.expect_with(|frame| frame["type"] == "message").await;
        let content = frame["content"].as_str().expect("a text").to_owned();
        seen.push((frame["id"].as_u64().expect("an id"), content));
        count.store(seen.len(), Ordering::Relaxed);
    }
    seen
}

async fn until_seen(count: &AtomicUsize, messages: usize) {
    while count.load(Ordering::Relaxed) < messages {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Everybody sends over the first server, and somebody reads on the second, while `strike` does
/// its worst; then compares what was acknowledged, read and kept.
async fn nothing_is_lost(strike: impl AsyncFnOnce(&World, Running, Arc<AtomicUsize>) -> Running) {
    let world = World::new();
    let first = world.start("127.0.0.1:0").await;
    let second = world.start("127.0.0.1:0").await;
    let reader = Socket::settled(second.address, "/campus/ws/chat/1/", SENDERS + 1).await;
    let count = Arc::new(AtomicUsize::new(0));
    let reading = tokio::spawn(read_all(reader, Arc::clone(&count)));
    let address = first.address;
    let sending: Vec<_> = (1..=SENDERS).map(|user| tokio::spawn(send_all(address, user))).collect();
    let all = async {
        let _first = strike(&world, first, Arc::clone(&count)).await;
        (join_all(sending).await, reading.await.expect("the reader reads"))
    };
    let (acknowledged, seen) = timeout(PATIENCE, all).await.expect("all in time");

    assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "in order, none twice");
    for (ids, user) in acknowledged.into_iter().zip(1..) {
        let ids = ids.expect("a sender sends");
        assert!(ids.is_sorted_by(|a, b| a < b), "a sender's messages stand in their order");
        for (number, id) in ids.into_iter().enumerate() {
            let place = seen.binary_search_by_key(&id, |(id, _)| *id);
            let content = place.map(|place| seen[place].1.clone());
            assert_eq!(content, Ok(format!("{user}-{number}")), "acknowledged, so it is read");
        }
    }
    let kept = read(second.address, 1, "/campus/chat/chats/1/messages/").await;
    let kept = kept.as_array().expect("a list").iter();
    let kept: Vec<(u64, String)> = kept
        .map(|message: &Value| {
            let content = message["content"].as_str().expect("a text").to_owned();
            (message["id"].as_u64().expect("an id"), content)
        })
        .collect();
    assert_eq!(kept, seen, "what was read is what is kept, in the same order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing_it_has_acknowledged() {
    nothing_is_lost(async |world, mut server, count| {
        for kill in 1..=4 {
            until_seen(&count, kill * ALL / 5).await;
            let listen = server.address.to_string();
            server.kill();
            server = world.start(&listen).await;
        }
        server
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_under_load_loses_nothing_that_was_acknowledged() {
    nothing_is_lost(async |world, server, count| {
        for kill in 1..=3 {
            until_seen(&count, kill * ALL / 4).await;
            tokio::task::block_in_place(|| world.database.kill_and_resume());
        }
        server
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_on_a_server_that_is_killed_stops_typing_and_goes_offline() {
    let world = World::new();
    let mut first = world.start("127.0.0.1:0").await;
    let second = world.start("127.0.0.1:0").await;
    for address in [first.address, second.address] {
        // What is told by a server that is not ready the others may not hear.
        while ask(address, 1, Method::GET, "/readyz", None).await.0 != StatusCode::OK {
            sleep(PAUSE).await;
        }
    }
    let path = "/messenger/ws/chat/2/";
    let mut john = Socket::greeted(second.address, path, 1).await;
    let mut jane = Socket::greeted(first.address, path, 2).await;
    assert_eq!(john.expect("user_status_change").await["is_online"], true);
    jane.send(&json!({ "type": "typing_on" })).await;
    assert_eq!(john.expect("typing").await["is_typing"], true);
    first.kill();
    let killed = Instant::now();
    let (mut typing, mut online) = (true, true);
    while typing || online {
        let next = john.expect_within(Duration::from_secs(70), |frame| {
            frame["type"] == "typing" || frame["type"] == "user_status_change"
        });
        let frame = next.await;
        if frame["type"] == "typing" {
            typing = frame["is_typing"] == true;
            assert!(killed.elapsed() < Duration::from_secs(31), "typing ends within 30 seconds");
        } else {
            online = frame["is_online"] == true;
            assert!(killed.elapsed() < Duration::from_secs(61), "presence ends within 60 seconds");
        }
    }
    let status = read(second.address, 1, "/campus/chat/users/2/status/").await;
    assert_eq!(status["is_online"], false);
}

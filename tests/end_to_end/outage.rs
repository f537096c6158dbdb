//! A database that goes away, or that hangs: clients are told, sockets stay, all comes back.

use std::time::Duration;

use chat_core::Config;
use chat_store_postgres::PgStore;
use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{Adapter, Node, Setup, Socket, ask, read};

/// How long a client waits for the word that something cannot be had now.
const WORD: Duration = Duration::from_secs(5);

/// Four times what is promised, as machines may be busy.
const SOON: Duration = Duration::from_secs(20);

/// A node on a database of the test's own.
async fn node(database: &chat_test_postgres::Cluster, adapter: Adapter) -> Node {
    configured(database, adapter, Config::default()).await
}

async fn configured(
    database: &chat_test_postgres::Cluster,
    adapter: Adapter,
    config: Config,
) -> Node {
    let store = PgStore::connect(&database.url()).await.expect("a database");
    store.migrate().await.expect("migrations");
    let bus = store.bus();
    Node::start(&Setup { adapter, config, ..Setup::default() }, store, bus).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_clients_are_told_and_it_comes_back_by_itself() {
    for adapter in Adapter::ALL {
        told_and_back(adapter).await;
    }
}

async fn told_and_back(adapter: Adapter) {
    let database = chat_test_postgres::Cluster::start();
    let node = node(&database, adapter).await;
    let room = node.server.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::greeted(node.address, &path, 1).await;
    let mut jane = Socket::greeted(node.address, &path, 2).await;
    let messages = "/messenger/api/v1.0/chat/messages/";
    let list = format!("/messenger/api/v1.0/chat/rooms/{room}/messages/");
    let body = json!({ "room": room.get(), "content": "by HTTP" });

    tokio::task::block_in_place(|| database.crash());
    let asked = Instant::now();
    let (sent, listed) = tokio::join!(
        ask(node.address, 1, Method::POST, messages, Some(body.clone())),
        ask(node.address, 1, Method::GET, &list, None),
    );
    john.send(&json!({ "type": "message", "content": "by socket", "temp_id": "t1" })).await;
    let error = john.expect("error").await;
    let update = john.expect("message_status_update").await;
    assert!(asked.elapsed() < SOON, "told after {:?}", asked.elapsed());
    for (status, answer) in [sent, listed] {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert!(answer["detail"].is_string(), "{answer}");
    }
    assert_eq!(error["temp_id"], "t1");
    assert_eq!((&update["status"], &update["temp_id"]), (&json!("failed"), &json!("t1")));

    tokio::task::block_in_place(|| database.resume());
    let back = Instant::now();
    while ask(node.address, 1, Method::POST, messages, Some(body.clone())).await.0
        != StatusCode::CREATED
    {
        assert!(back.elapsed() < SOON, "nothing is taken yet");
        sleep(Duration::from_millis(20)).await;
    }
    // The sockets have stayed open, and nothing that was refused has come.
    for socket in [&mut john, &mut jane] {
        assert_eq!(socket.expect("message").await["message"]["content"], "by HTTP");
    }
    john.send(&json!({ "type": "message", "content": "by socket", "temp_id": "t1" })).await;
    assert_eq!(jane.expect("message").await["message"]["content"], "by socket");
    let history = read(node.address, 2, &list).await;
    assert_eq!(history["results"].as_array().map(Vec::len), Some(2), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stays_while_the_database_is_away_is_not_told_to_be_gone() {
    let database = chat_test_postgres::Cluster::start();
    let mut config = Config::default();
    config.session_lease = Duration::from_secs(2);
    let node = configured(&database, Adapter::Axum, config).await;
    let room = node.server.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::greeted(node.address, &path, 1).await;
    let mut jane = Socket::greeted(node.address, &path, 2).await;
    assert_eq!(john.expect("user_status_change").await["is_online"], true);
    tokio::task::block_in_place(|| database.crash());
    // Longer than the leases.
    sleep(Duration::from_secs(4)).await;
    tokio::task::block_in_place(|| database.resume());
    let told = async {
        loop {
            jane.send(&json!({ "type": "message", "content": "still here" })).await;
            let next = john.expect_with(|frame| {
                assert_ne!(frame["is_online"], false, "{frame}");
                frame["type"] == "message"
            });
            let _ = tokio::time::timeout(Duration::from_millis(200), next).await;
        }
    };
    let _ = tokio::time::timeout(WORD, told).await;
    let status = read(node.address, 1, "/campus/chat/users/2/status/").await;
    assert_eq!(status["is_online"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_caught_up_when_the_database_goes_away_is_so_when_it_is_back() {
    let database = chat_test_postgres::Cluster::start();
    let mut config = Config::default();
    config.tail_bytes = 0;
    let node = configured(&database, Adapter::Axum, config).await;
    let reader = left_behind(&database, &node).await;
    // Long enough for a read to be given up.
    sleep(Duration::from_secs(6)).await;
    assert!(!reader.is_finished(), "the rest is in the database");
    tokio::task::block_in_place(|| database.resume());
    reader.await.expect("the reader has everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_far_behind_is_caught_up_without_the_database() {
    let database = chat_test_postgres::Cluster::start();
    let node = node(&database, Adapter::Axum).await;
    let reader = left_behind(&database, &node).await;
    reader.await.expect("the reader has everything");
}

/// Someone who reads only once more has been sent than the buffers of a connection and an inbox hold
/// together, and the database is away.
async fn left_behind(database: &chat_test_postgres::Cluster, node: &Node) -> JoinHandle<()> {
    let john = node.server.chat().acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    let mut late = Socket::settled(node.address, &format!("/campus/ws/chat/{room}/"), 2).await;
    let messages = 2_500;
    for number in 0..messages {
        let text = format!("{number} {}", "x".repeat(9_000));
        john.send(room, text).await.expect("a message is stored");
    }
    tokio::task::block_in_place(|| database.crash());
    tokio::spawn(async move {
        for number in 0..messages {
            let frame = late.expect("message").await;
            let text = frame["content"].as_str().expect("text");
            assert!(text.starts_with(&format!("{number} ")), "{number} is missing");
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_fills_no_queue_without_end_and_reads_go_on() {
    let database = chat_test_postgres::Cluster::start();
    let node = node(&database, Adapter::Axum).await;
    let room = node.server.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    let actor = node.server.chat().acting_as(1);
    actor.send(room, "before").await.expect("it is sent");
    let list = format!("/campus/chat/chats/{room}/messages/");

    let mut connection = PgConnection::connect(&database.url()).await.expect("a connection");
    sqlx::raw_sql("begin; lock table chat.messages in share row exclusive mode")
        .execute(&mut connection)
        .await
        .expect("writers wait");
    // Twice what a lane's queue holds.
    let sends = (0..2_048).map(|number| {
        let actor = actor.clone();
        tokio::spawn(async move { actor.send(room, format!("number {number}")).await })
    });
    let sends: Vec<_> = sends.collect();
    let reading = Instant::now();
    let history = read(node.address, 1, &list).await;
    assert_eq!(history.as_array().map(Vec::len), Some(1), "{history}");
    assert!(reading.elapsed() < WORD, "reads do not wait for writes");
    for sent in join_all(sends).await {
        let sent = sent.expect("a send ends");
        assert!(matches!(sent, Err(chat_core::Error::Unavailable(_))), "{sent:?}");
    }
    sqlx::raw_sql("rollback").execute(&mut connection).await.expect("writers go on");

    let back = Instant::now();
    while actor.send(room, "after").await.is_err() {
        assert!(back.elapsed() < SOON, "nothing is taken yet");
    }
    let history = read(node.address, 1, &list).await;
    let history = history.as_array().expect("a list");
    let contents: Vec<_> = history.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, ["before", "after"]);
}

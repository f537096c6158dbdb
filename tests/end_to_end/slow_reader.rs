//! A client that does not read.

use std::time::Duration;

use chat_core::Config;
use chat_core::model::RoomId;
use chat_runtime::Drained;
use serde_json::json;

use crate::support::{Cluster, Setup, Socket};

/// More than the buffers of a connection and an inbox hold together.
const MESSAGES: usize = 4_000;
const LENGTH: usize = 9_000;

/// Sends in process, as fast as the store takes it.
async fn flood(cluster: &Cluster, room: RoomId) {
    let sender = cluster.actor(1);
    for number in 0..MESSAGES {
        let text = format!("{number} {}", "x".repeat(LENGTH));
        sender.send(room, text).await.expect("a message is stored");
    }
}

async fn read_all(socket: &mut Socket) {
    for number in 0..MESSAGES {
        let frame = socket.expect("message").await;
        let content = frame["content"].as_str().expect("text");
        let (first, _) = content.split_once(' ').expect("a number and the rest");
        assert_eq!(first, number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_late_is_caught_up_and_nobody_waits_for_them() {
    // From what the node keeps, from the store, and from both.
    for tail_bytes in [4 * MESSAGES * LENGTH, 0, MESSAGES * LENGTH / 2] {
        reads_late(tail_bytes).await;
    }
}

async fn reads_late(tail_bytes: usize) {
    let mut config = Config::default();
    config.tail_bytes = tail_bytes;
    let cluster = Cluster::start(Setup { config, ..Setup::default() }).await;
    let room = cluster.group(3).await;
    let path = format!("/campus/ws/chat/{room}/");
    let mut late = Socket::settled(cluster.address(), &path, 2).await;
    let mut prompt = Socket::settled(cluster.address(), &path, 3).await;
    let prompt = tokio::spawn(async move { read_all(&mut prompt).await });
    flood(&cluster, room).await;
    prompt.await.expect("the prompt reader has everything while the other reads nothing");
    read_all(&mut late).await;
    late.send(&json!({ "type": "message", "content": "still here" })).await;
    assert_eq!(late.expect("message").await["content"], "still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_is_closed() {
    let mut config = Config::default();
    config.stall_timeout = Duration::from_millis(500);
    let cluster = Cluster::start(Setup { config, ..Setup::default() }).await;
    let room = cluster.group(2).await;
    let path = format!("/campus/ws/chat/{room}/");
    let mut silent = Socket::settled(cluster.address(), &path, 2).await;
    flood(&cluster, room).await;
    let server = &cluster.nodes[0].server;
    let gone = async {
        while server.open() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, gone).await.expect("the socket is let go");
    // What was on its way can still be read, then comes the end.
    assert!([1013, 1006].contains(&silent.closed().await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_holds_no_drain() {
    let mut config = Config::default();
    config.stall_timeout = Duration::from_hours(1);
    let cluster = Cluster::start(Setup { config, ..Setup::default() }).await;
    let room = cluster.group(2).await;
    let path = format!("/campus/ws/chat/{room}/");
    let _silent = Socket::settled(cluster.address(), &path, 2).await;
    flood(&cluster, room).await;
    let drained = cluster.nodes[0].server.drain(crate::support::PATIENCE).await;
    assert_eq!(drained, Drained::Whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_falls_back_is_closed() {
    let mut config = Config::default();
    (config.tail_bytes, config.lag_limit) = (0, MESSAGES as u64);
    let cluster = Cluster::start(Setup { config, ..Setup::default() }).await;
    let room = cluster.group(2).await;
    let mut slow = Socket::settled(cluster.address(), &format!("/campus/ws/chat/{room}/"), 2).await;
    let mut read = 0;
    for round in 1..=20 {
        flood(&cluster, room).await;
        for _ in 0..MESSAGES / 2 {
            let frame = match slow.next().await {
                Ok(frame) => frame,
                Err(code) => {
                    assert_eq!(code, 1013);
                    assert!(round > 1, "it was tried");
                    return;
                }
            };
            let text = frame["content"].as_str().expect("a message and nothing else");
            assert!(text.starts_with(&format!("{} ", read % MESSAGES)), "{read} is missing");
            read += 1;
        }
    }
    panic!("the socket is still open, {read} messages behind");
}

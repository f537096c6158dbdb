//! Two nodes on one store.

use std::time::Duration;

use chat_core::Error;
use chat_core::model::UserId;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Cluster, Kept, Link, Setup, Socket, token};

/// Ten times what is promised, as machines may be busy.
const SOON: Duration = Duration::from_secs(20);

fn two_nodes(kept: Kept, link: Link) -> Setup {
    Setup { kept, nodes: 2, link, ..Setup::default() }
}

#[tokio::test]
async fn what_happens_on_one_node_is_told_on_the_other() {
    for kept in Kept::ALL {
        is_told_on_the_other(kept).await;
    }
}

async fn is_told_on_the_other(kept: Kept) {
    let cluster = Cluster::start(two_nodes(kept, Link::Bus)).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::greeted(cluster.nodes[0].address, &path, 1).await;
    let mut jane = Socket::greeted(cluster.nodes[1].address, &path, 2).await;
    assert_eq!(john.expect("user_status_change").await["is_online"], true);

    john.send(&json!({ "type": "typing_on" })).await;
    assert_eq!(jane.expect("typing").await["is_typing"], true);
    john.send(&json!({ "type": "message", "content": "hi", "temp_id": "1" })).await;
    let id = jane.expect("message").await["message"]["id"].clone();
    let own = john.expect("message").await;
    assert_eq!((&own["message"]["id"], &own["temp_id"]), (&id, &json!("1")));

    jane.send(&json!({ "type": "message_delivered", "message_id": id })).await;
    assert_eq!(john.expect("message_status_update").await["status"], "delivered");
    jane.send(&json!({ "type": "message_read", "message_id": id })).await;
    assert_eq!(john.expect("message_status_update").await["status"], "read");

    drop(jane);
    assert_eq!(john.expect("user_status_change").await["is_online"], false);
}

#[tokio::test]
async fn without_a_bus_messages_and_receipts_arrive_all_the_same_and_in_order() {
    for kept in Kept::ALL {
        arrive_all_the_same(kept).await;
    }
}

async fn arrive_all_the_same(kept: Kept) {
    let cluster = Cluster::start(two_nodes(kept, Link::Cut)).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::greeted(cluster.nodes[0].address, &path, 1).await;
    let mut jane = Socket::greeted(cluster.nodes[1].address, &path, 2).await;
    for round in 0..3 {
        for number in 0..10 {
            let content = format!("{round}.{number}");
            john.send(&json!({ "type": "message", "content": content })).await;
        }
        let mut last = json!(null);
        for number in 0..10 {
            let frame = jane.expect("message").await;
            assert_eq!(frame["message"]["content"], format!("{round}.{number}"));
            last = frame["message"]["id"].clone();
        }
        jane.send(&json!({ "type": "message_read", "message_id": last })).await;
        let update = john.expect("message_status_update").await;
        assert_eq!((&update["message_id"], &update["status"]), (&last, &json!("read")));
    }
}

#[tokio::test]
async fn who_is_removed_is_closed_on_every_node_told_or_not() {
    let links = [Link::Bus, Link::Cut];
    for (kept, link) in Kept::ALL.iter().flat_map(|kept| links.map(|link| (*kept, link))) {
        let cluster = Cluster::start(two_nodes(kept, link)).await;
        let room = cluster.group(3).await;
        let path = format!("/campus/ws/chat/{room}/");
        let mut leaving = Socket::settled(cluster.nodes[1].address, &path, 2).await;
        let mut removed = Socket::settled(cluster.nodes[1].address, &path, 3).await;
        cluster.actor(2).leave(room).await.expect("a member leaves");
        assert_eq!(timeout(SOON, leaving.closed()).await.expect("it is closed soon"), 4403);
        // The host ends a membership in the store itself, and nobody says so.
        let at = cluster.nodes[0].server.chat().clock().now();
        cluster.store.remove_member(room, &UserId::from(3), at).await.expect("a store that works");
        assert_eq!(timeout(SOON, removed.closed()).await.expect("it is closed soon"), 4403);
    }
}

#[tokio::test]
async fn a_deleted_room_is_closed_on_every_node_told_or_not_and_takes_nothing_any_more() {
    let links = [Link::Bus, Link::Cut];
    for (kept, link) in Kept::ALL.iter().flat_map(|kept| links.map(|link| (*kept, link))) {
        let cluster = Cluster::start(two_nodes(kept, link)).await;
        let room = cluster.group(2).await;
        let path = format!("/campus/ws/chat/{room}/");
        let mut open = Vec::new();
        for node in &cluster.nodes {
            open.push(Socket::settled(node.address, &path, 2).await);
        }
        // Both nodes know the room, and somebody writes to it all the time.
        let writing = cluster.nodes.iter().map(|node| {
            let john = node.server.chat().acting_as(1);
            tokio::spawn(async move {
                loop {
                    if let Err(error) = john.send(room, "hello").await {
                        return error;
                    }
                    // A store that never waits would else leave the others no thread.
                    tokio::task::yield_now().await;
                }
            })
        });
        let writing: Vec<_> = writing.collect();
        for socket in &mut open {
            socket.next().await.expect("a message");
        }
        let chat = cluster.nodes[0].server.chat();
        assert!(chat.delete_room(room).await.expect("a store that works"));
        for refused in writing {
            let error = timeout(SOON, refused).await.expect("it ends").expect("no panic");
            assert!(matches!(error, Error::NotFound), "{error:?}");
        }
        for socket in &mut open {
            assert_eq!(timeout(SOON, socket.closed()).await.expect("it is closed soon"), 4403);
        }
        for node in &cluster.nodes {
            let mut late = Socket::open(node.address, &path, 2).await;
            assert_eq!(timeout(SOON, late.closed()).await.expect("it is closed soon"), 4403);
            let chat = node.server.chat();
            assert!(matches!(chat.room(room).await, Err(Error::NotFound)));
            assert!(!chat.delete_room(room).await.expect("a store that works"));
        }
    }
}

#[tokio::test]
async fn who_is_signed_out_is_closed_on_every_node_and_nobody_else() {
    for kept in Kept::ALL {
        let cluster = Cluster::start(two_nodes(kept, Link::Bus)).await;
        let room = cluster.direct_room(1, 2).await;
        let path = format!("/messenger/ws/chat/{room}/");
        let mut gone = Vec::new();
        for node in &cluster.nodes {
            gone.push(Socket::greeted(node.address, &path, 1).await);
        }
        let mut stays = Socket::greeted(cluster.nodes[1].address, &path, 2).await;
        cluster.nodes[0].server.chat().sign_out(&UserId::from(1));
        for socket in &mut gone {
            assert_eq!(timeout(SOON, socket.closed()).await.expect("it is closed soon"), 4401);
        }
        stays.send(&json!({ "type": "connection_check" })).await;
        stays.expect("connection_status").await;
        // Whoever is let in afterwards is.
        let mut again = Socket::greeted(cluster.nodes[1].address, &path, 1).await;
        again.send(&json!({ "type": "message", "content": "back" })).await;
        assert_eq!(stays.expect("message").await["message"]["content"], "back");
    }
}

#[tokio::test]
async fn a_socket_ends_when_its_token_does() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    // Thirty seconds are the leeway.
    let mut fading = Socket::open_with(cluster.address(), &path, &token(1, -28)).await;
    fading.expect("connection_established").await;
    let mut other = Socket::greeted(cluster.address(), &path, 2).await;
    assert_eq!(fading.closed().await, 4401);
    other.send(&json!({ "type": "connection_check" })).await;
    other.expect("connection_status").await;
}

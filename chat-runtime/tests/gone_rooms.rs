//! Rooms that the host deletes while sockets are open, here and on another node.

mod served;

use std::time::Duration;

use chat_core::dialect::{CAMPUS, DIRECT, MESSENGER, TEAM};
use chat_core::host::{NoBus, StaticDirectory};
use chat_core::model::{RoomId, RoomKind, User};
use chat_core::rules::RoomName;
use chat_core::store::ErasureStore;
use chat_core::{Chat, Error, Outgoing};
use chat_runtime::{LocalBus, Server};
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// What is promised: of the node itself, and of others, told or not.
const HERE: Duration = Duration::from_secs(1);
const THERE: Duration = Duration::from_secs(2);

/// Two nodes on one store, which hear each other or not.
fn nodes(hear: bool) -> ([Server; 2], MemoryStore) {
    let (store, bus) = (MemoryStore::new(), LocalBus::new());
    let nodes = [(); 2].map(|()| {
        let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
        let chat = Chat::builder(store.clone(), StaticDirectory::from_iter(users), Trusting);
        let chat = if hear { chat.with_bus(bus.join()) } else { chat.with_bus(NoBus) };
        Server::start(chat.build())
    });
    (nodes, store)
}

async fn group(server: &Server) -> RoomId {
    let name = RoomName::parse("General").expect("a name");
    let john = server.chat().acting_as(1);
    john.create_room(RoomKind::Group, name, vec![2.into()]).await.expect("a room")
}

#[tokio::test(start_paused = true)]
async fn the_sockets_of_a_deleted_room_are_closed_in_time_on_every_node_told_or_not() {
    for hear in [true, false] {
        let ([here, there], _) = nodes(hear);
        let john = here.chat().acting_as(1);
        let pair = john.direct_room(2).await.expect("a room").id;
        let rooms = [(CAMPUS, group(&here).await), (DIRECT, pair), (MESSENGER, pair), (TEAM, pair)];
        let mut open = Vec::new();
        for (dialect, room) in rooms {
            for (node, limit) in [(&here, HERE), (&there, THERE)] {
                open.push((Socket::open(node, dialect, room, 2).await, limit));
            }
        }
        let other = group(&here).await;
        let mut stays = Socket::open(&there, CAMPUS, other, 2).await;
        sleep(Duration::from_millis(1_500)).await;
        for room in [rooms[0].1, pair] {
            assert!(here.chat().delete_room(room).await.expect("it is deleted"));
        }
        let deleted = Instant::now();
        for (mut socket, limit) in open {
            let code = timeout_at(deleted + limit, socket.closed());
            assert_eq!(code.await.expect("it is closed in time"), 4403, "heard: {hear}");
        }
        for (dialect, room) in rooms {
            for node in [&here, &there] {
                let mut late = Socket::open(node, dialect, room, 1).await;
                assert_eq!(late.closed().await, 4403);
            }
        }
        john.send(other, "hello").await.expect("it is stored");
        assert_eq!(stays.next().await.expect("a message")["content"], "hello");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_into_a_deleted_room_is_refused_and_acknowledged_to_nobody() {
    let ([here, there], store) = nodes(false);
    let room = group(&here).await;
    let mut jane = Socket::open(&there, CAMPUS, room, 2).await;
    sleep(Duration::from_millis(100)).await;
    // Nobody has told this node.
    store.delete_room(room, None).await.expect("it is deleted");
    jane.send(&json!({ "type": "message", "content": "still here?" })).await;
    let frame = jane.next().await.expect("an answer");
    assert_eq!(frame["type"], "error", "{frame}");
    assert_eq!(jane.closed().await, 4403);
    let sent = there.chat().acting_as(2).send(room, "hello").await;
    assert!(matches!(sent, Err(Error::NotFound)), "{sent:?}");
    let said = there.chat().send_as(2, room, Outgoing::new("hello")).await;
    assert!(matches!(said, Err(Error::NotFound)), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn who_opens_a_socket_while_the_room_is_deleted_is_closed() {
    for delay in 0..8 {
        let ([here, there], _) = nodes(true);
        let room = group(&here).await;
        let deleting = tokio::spawn({
            let chat = here.chat().clone();
            async move {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                chat.delete_room(room).await
            }
        });
        let (mut one, mut two) = tokio::join!(
            Socket::open(&here, CAMPUS, room, 1),
            Socket::open(&there, CAMPUS, room, 2),
        );
        deleting.await.expect("no panic").expect("it is deleted");
        for socket in [&mut one, &mut two] {
            assert_eq!(timeout(THERE, socket.closed()).await.expect("it is closed"), 4403);
        }
    }
}

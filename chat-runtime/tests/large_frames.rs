//! Frames that grow with the room.

mod served;

use chat_core::Chat;
use chat_core::dialect::TEAM;
use chat_core::host::StaticDirectory;
use chat_core::model::{RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::service::Delivered;
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use served::{Socket, Trusting};

/// A room of users whose display names have so many characters, and a message of the first of them.
async fn room(users: u64, name: usize) -> (Server, RoomId, Delivered) {
    let name = "x".repeat(name);
    let all = (1..=users).map(|id| User::new(id.into(), "somebody").with_display_name(&name));
    let directory: StaticDirectory = all.collect();
    let chat = Chat::new(MemoryStore::new(), directory, Trusting);
    let members = (1..=users).map(UserId::from).collect();
    let room = RoomName::parse("a room").expect("a name");
    let room = chat.create_room(RoomKind::Group, room, members, serde_json::Map::new());
    let room = room.await.expect("a room");
    let sent = chat.acting_as(1).send(room, "hello").await.expect("it is stored");
    (Server::start(chat), room, sent)
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_told_with_all_the_readers_of_a_room_as_large_as_may_be() {
    let (server, room, sent) = room(5_000, 600).await;
    let chat = server.chat();
    // From the last on, so that each is soon found not to be the one who was missing.
    for reader in (2..=5_000).rev() {
        chat.acting_as(reader).mark_all_read(room).await.expect("it is marked");
    }
    let mut socket = Socket::open(&server, TEAM, room, 2).await;
    chat.acting_as(1).edit(room, sent.message.id, "hello!").await.expect("it is edited");
    let edited = loop {
        let frame = socket.next().await.expect("the socket stays open");
        if frame["type"] == "message_edited" {
            break frame;
        }
    };
    assert_eq!(edited["message"]["read_by"].as_array().expect("readers").len(), 4_999);
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_closed_1011_by_a_frame_that_is_larger_than_can_be_sent() {
    let (server, room, sent) = room(2, 20 << 20).await;
    let mut socket = Socket::open(&server, TEAM, room, 2).await;
    server.chat().acting_as(1).edit(room, sent.message.id, "hello!").await.expect("it is edited");
    assert_eq!(socket.closed().await, 1011);
}

//! Members who are removed, however slowly their sockets take what is told.

mod served;

use std::time::Duration;

use chat_core::dialect::CAMPUS;
use chat_core::host::StaticDirectory;
use chat_core::model::{MessageId, RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::{Chat, Config, Outgoing};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use serde_json::Map;
use served::{Socket, Trusting};
use tokio::time::{Instant, sleep};

/// A room of three, of whom 1 writes and 2 is to be removed.
async fn server() -> (Server, RoomId) {
    server_with(Config::default()).await
}

async fn server_with(config: Config) -> (Server, RoomId) {
    let users = [1, 2, 3].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let users = StaticDirectory::from_iter(users);
    let chat = Chat::builder(MemoryStore::new(), users, Trusting).with_config(config).build();
    let name = RoomName::parse("General").expect("a name");
    let members = [1, 2, 3].map(UserId::from).to_vec();
    let room = chat.create_room(RoomKind::Group, name, members, Map::new()).await;
    (Server::start(chat), room.expect("a room"))
}

/// So many messages, each so large that a connection holds few; the first of them.
async fn talk(server: &Server, room: RoomId, messages: usize) -> MessageId {
    let mut first = None;
    for number in 0..messages {
        let text = Outgoing::new(format!("{number} {}", "x".repeat(5_000)));
        let sent = server.chat().acting_as(1).send(room, text).await.expect("it is stored");
        first.get_or_insert(sent.message.id);
    }
    first.expect("a message")
}

async fn is_online(server: &Server) -> bool {
    server.chat().presence(&[2.into()]).await.expect("it is known")[0].online
}

#[tokio::test(start_paused = true)]
async fn who_is_removed_goes_within_seconds_however_slowly_they_read() {
    for messages in [200, 600] {
        let (server, room) = server().await;
        let mut jane = Socket::open(&server, CAMPUS, room, 2).await;
        sleep(Duration::from_secs(1)).await;
        talk(&server, room, messages).await;
        // Whoever takes a frame now and then is never stalled.
        let reads = tokio::spawn(async move {
            while jane.next().await.is_ok() {
                sleep(Duration::from_secs(8)).await;
            }
        });
        sleep(Duration::from_mins(2)).await;
        assert!(is_online(&server).await);
        let removed = Instant::now();
        server.chat().remove_member(room, &2.into()).await.expect("they are removed");
        while is_online(&server).await {
            assert!(removed.elapsed() < Duration::from_secs(15), "of {messages} messages");
            sleep(Duration::from_secs(1)).await;
        }
        reads.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_removed_while_they_are_behind_is_shown_no_text_that_was_written_later() {
    let mut config = Config::default();
    // They are caught up from the store.
    config.tail_bytes = 0;
    let (server, room) = server_with(config).await;
    let mut jane = Socket::open(&server, CAMPUS, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    talk(&server, room, 300).await;
    let last = talk(&server, room, 1).await;
    sleep(Duration::from_secs(1)).await;
    server.chat().remove_member(room, &2.into()).await.expect("they are removed");
    server.chat().acting_as(1).edit(room, last, "a secret").await.expect("it is stored");
    let code = loop {
        match jane.next().await {
            Ok(frame) => assert_ne!(frame["content"], "a secret"),
            Err(code) => break code,
        }
    };
    assert_eq!(code, 4403);
}

#[tokio::test(start_paused = true)]
async fn who_is_removed_and_comes_again_stays_and_only_their_socket_of_before_goes() {
    let (server, room) = server().await;
    let mut before = Socket::open(&server, CAMPUS, room, 2).await;
    let mut elsewhere = Socket::open(&server, CAMPUS, room, 3).await;
    sleep(Duration::from_secs(1)).await;
    talk(&server, room, 300).await;
    let chat = server.chat();
    chat.remove_member(room, &2.into()).await.expect("they are removed");
    chat.add_members(room, vec![2.into()]).await.expect("they are a member again");
    let mut after = Socket::open(&server, CAMPUS, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    chat.acting_as(1).send(room, "hello").await.expect("it is stored");
    assert_eq!(before.closed().await, 4403);
    assert_eq!(after.next().await.expect("a message")["content"], "hello");
    for _ in 0..300 {
        elsewhere.next().await.expect("a message");
    }
    assert_eq!(elsewhere.next().await.expect("a message")["content"], "hello");
}

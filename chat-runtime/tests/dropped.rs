//! A server that nobody holds any more.

mod served;

use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::StaticDirectory;
use chat_core::model::User;
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn the_sockets_of_a_server_that_is_dropped_are_closed_and_their_users_gone() {
    let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let chat = Chat::new(MemoryStore::new(), StaticDirectory::from_iter(users), Trusting);
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    let server = Server::start(chat.clone());
    let mut jane = Socket::open(&server, CAMPUS, room, 2).await;
    jane.send(&json!({ "type": "message", "content": "hello" })).await;
    assert_eq!(jane.next().await.expect("a message")["content"], "hello");
    drop(server.clone());
    sleep(Duration::from_secs(1)).await;
    assert!(chat.presence(&[2.into()]).await.expect("it is known")[0].online);

    drop(server);
    let closed = timeout(Duration::from_secs(1), jane.closed()).await;
    assert_eq!(closed.expect("they are told"), 1012);
    drop(jane);
    sleep(Duration::from_secs(1)).await;
    assert!(!chat.presence(&[2.into()]).await.expect("it is known")[0].online);
}

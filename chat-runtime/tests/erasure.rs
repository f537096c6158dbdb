//! A user who is erased while a socket of theirs is open, on another node.

mod served;

use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::MESSENGER;
use chat_core::host::StaticDirectory;
use chat_core::model::{Presence, User};
use chat_runtime::{LocalBus, Server};
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::time::{sleep, timeout};

/// Within this time everybody has been told.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn the_erased_are_gone_from_every_node() {
    let (store, bus) = (MemoryStore::new(), LocalBus::new());
    let node = |bus: LocalBus| {
        let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
        let chat = Chat::builder(store.clone(), StaticDirectory::from_iter(users), Trusting);
        Server::start(chat.with_bus(bus).build())
    };
    let (here, there) = (node(bus.join()), node(bus));
    let room = here.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    let mut jane = Socket::open(&here, MESSENGER, room, 2).await;
    let mut john = Socket::open(&there, MESSENGER, room, 1).await;
    john.send(&json!({ "type": "message", "content": "mine" })).await;
    while jane.next().await.expect("a frame")["type"] != "message" {}

    here.chat().erase_user(&1.into()).await.expect("he is erased");
    let code = timeout(SOON, john.closed()).await.expect("it ends");
    assert!([4401, 4403].contains(&code), "{code}");
    let gone = async { while jane.next().await.expect("a frame")["is_online"] != json!(false) {} };
    timeout(SOON, gone).await.expect("it is told");
    sleep(2 * here.chat().config().session_lease).await;
    for node in [&here, &there] {
        let presence = node.chat().presence(&[1.into()]).await.expect("it is known");
        assert_eq!(presence, [Presence::default()]);
    }
}

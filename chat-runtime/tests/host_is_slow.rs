//! A host that takes its time to allow what is sent.

mod served;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::{Draft, Hooks, Refusal, StaticDirectory};
use chat_core::model::{RoomId, User};
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// Allows what is said once it is told to, and some things never.
#[derive(Clone, Default)]
struct Slow(Arc<Notify>);

#[async_trait]
impl Hooks for Slow {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if draft.content.as_str() == "never" {
            pending::<()>().await;
        }
        self.0.notified().await;
        Ok(())
    }
}

/// John, who has sent something and left, and Jane, who is still there.
async fn left(text: &str) -> (Server, RoomId, Slow, Socket) {
    let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let host = Slow::default();
    let chat = Chat::builder(MemoryStore::new(), StaticDirectory::from_iter(users), Trusting)
        .with_hooks(host.clone())
        .build();
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    let server = Server::start(chat);
    let jane = Socket::open(&server, CAMPUS, room, 2).await;
    let mut john = Socket::open(&server, CAMPUS, room, 1).await;
    john.send(&json!({ "type": "message", "content": text })).await;
    sleep(Duration::from_secs(1)).await;
    (server, room, host, jane)
}

async fn is_online(server: &Server, user: u64) -> bool {
    server.chat().presence(&[user.into()]).await.expect("it is known")[0].online
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_gone_while_the_host_thinks_and_what_they_sent_is_told_once_it_is_allowed()
{
    let (server, room, host, mut jane) = left("hello").await;
    server.chat().acting_as(1).start_typing(room, Instant::now().into_std()).await.expect("noted");
    sleep(Duration::from_secs(10)).await;
    assert!(!is_online(&server, 1).await);
    let now = Instant::now().into_std();
    let typing = server.chat().acting_as(2).typing_users(room, now).await.expect("it is known");
    assert!(typing.is_empty());
    assert!(is_online(&server, 2).await);
    host.0.notify_one();
    let told = timeout(Duration::from_secs(1), jane.next()).await.expect("it is told");
    assert_eq!(told.expect("a frame")["content"], "hello");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_in_its_time_with_everybody_gone_though_the_host_never_answers() {
    let (server, _room, _host, mut jane) = left("never").await;
    let begun = Instant::now();
    let (drained, closed) = tokio::join!(server.drain(Duration::from_secs(10)), jane.closed());
    assert_eq!((drained, closed), (Drained::Cut(1), 1012));
    assert!(begun.elapsed() <= Duration::from_secs(11));
    for user in [1, 2] {
        assert!(!is_online(&server, user).await);
    }
}

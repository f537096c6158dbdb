//! A host whose own code panics.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::host::{Directory, DirectoryError, Hooks, JwtAuthenticator};
use chat_core::model::{Event, RoomId, Signal, User, UserId};
use chat_core::service::Listener;
use chat_core::{Chat, Outgoing};
use chat_runtime::{LocalBus, Server};
use chat_store_memory::MemoryStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

/// A directory and hooks that panic on demand.
#[derive(Clone, Default)]
struct Rash(Arc<AtomicBool>);

impl Rash {
    fn think(&self) {
        assert!(!self.0.load(Ordering::Relaxed), "this host panics");
    }
}

#[async_trait]
impl Directory for Rash {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        self.think();
        let user = |id: &UserId| (id.clone(), Arc::new(User::new(id.clone(), id.to_string())));
        Ok(ids.iter().map(user).collect())
    }

    async fn search(&self, _: &str, _: usize) -> Result<Vec<Arc<User>>, DirectoryError> {
        Ok(Vec::new())
    }
}

impl Hooks for Rash {
    fn on_event(&self, _: &Event) {
        self.think();
    }
}

struct Told(UnboundedSender<Event>);

impl Listener for Told {
    fn on_event(&self, event: &Event) {
        let _ = self.0.send(event.clone());
    }
}

fn node(store: &MemoryStore, bus: LocalBus, host: &Rash) -> (Server, UnboundedReceiver<Event>) {
    let sign_in = JwtAuthenticator::hs256(b"a secret of at least 32 bytes, for tests");
    let builder = Chat::builder(store.clone(), host.clone(), sign_in);
    let server = Server::start(builder.with_bus(bus).with_hooks(host.clone()).build());
    let (sender, told) = unbounded_channel();
    server.chat().add_listener(Arc::new(Told(sender)));
    (server, told)
}

async fn type_in(server: &Server, room: RoomId, user: u64) {
    let user = server.chat().acting_as(user);
    user.start_typing(room, Instant::now().into_std()).await.expect("typing is noted");
}

#[tokio::test]
async fn a_server_goes_on_when_its_host_panics() {
    let (store, bus) = (MemoryStore::new(), LocalBus::new());
    let (calm, rash) = (Rash::default(), Rash::default());
    let (here, _) = node(&store, bus.join(), &calm);
    let (there, mut told) = node(&store, bus, &rash);
    let room = here.chat().acting_as(1).direct_room(2).await.expect("a room").id;

    rash.0.store(true, Ordering::Relaxed);
    type_in(&here, room, 1).await;
    // Whatever this hears it cannot follow, and says so to nobody.
    assert!(timeout(Duration::from_millis(100), told.recv()).await.is_err());
    rash.0.store(false, Ordering::Relaxed);

    type_in(&here, room, 2).await;
    let event = timeout(PATIENCE, told.recv()).await.expect("it hears on").expect("an event");
    let Event::Signal(Signal::Typing { user, .. }) = event else { panic!("{event:?}") };
    assert_eq!(user.id, UserId::from(2));
    drop(there);
}

#[tokio::test]
async fn what_was_stored_is_told_also_where_on_event_panics() {
    let (calm, rash) = (Rash::default(), Rash::default());
    let store = MemoryStore::new();
    let sign_in = JwtAuthenticator::hs256(b"a secret of at least 32 bytes, for tests");
    let chat = Chat::builder(store, calm, sign_in).with_hooks(rash.clone()).build();
    let (sender, mut told) = unbounded_channel();
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    chat.add_listener(Arc::new(Told(sender)));
    rash.0.store(true, Ordering::Relaxed);
    let sent = chat.acting_as(1).send(room, Outgoing::new("hello")).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(matches!(told.recv().await, Some(Event::Room(_))));
}

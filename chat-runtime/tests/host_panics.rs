//! A host whose own code panics.

mod served;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::dialect::{CAMPUS, DIRECT};
use chat_core::host::{Directory, DirectoryError, Hooks};
use chat_core::model::{Event, RoomId, Signal, User, UserId};
use chat_core::service::Listener;
use chat_core::{Chat, Config, Outgoing};
use chat_runtime::{LocalBus, Server};
use chat_store_memory::MemoryStore;
use served::{Socket, Trusting};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

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
    configured(store, bus, host, Config::default())
}

fn configured(
    store: &MemoryStore,
    bus: LocalBus,
    host: &Rash,
    config: Config,
) -> (Server, UnboundedReceiver<Event>) {
    let builder = Chat::builder(store.clone(), host.clone(), Trusting);
    let server =
        Server::start(builder.with_bus(bus).with_hooks(host.clone()).with_config(config).build());
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
    let chat = Chat::builder(store, calm, Trusting).with_hooks(rash.clone()).build();
    let (sender, mut told) = unbounded_channel();
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    chat.add_listener(Arc::new(Told(sender)));
    rash.0.store(true, Ordering::Relaxed);
    let sent = chat.acting_as(1).send(room, Outgoing::new("hello")).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(matches!(told.recv().await, Some(Event::Room(_))));
}

#[tokio::test(start_paused = true)]
async fn a_room_is_caught_up_after_its_host_panicked() {
    let (store, bus) = (MemoryStore::new(), LocalBus::new());
    let (calm, rash) = (Rash::default(), Rash::default());
    let (here, _) = node(&store, bus.join(), &calm);
    let (there, _) = node(&store, bus, &rash);
    let john = here.chat().acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    let mut jane = Socket::open(&there, CAMPUS, room, 2).await;
    // Until the socket is there.
    sleep(Duration::from_secs(1)).await;
    rash.0.store(true, Ordering::Relaxed);
    john.send(room, "one").await.expect("it is stored");
    sleep(Duration::from_millis(500)).await;
    rash.0.store(false, Ordering::Relaxed);
    john.send(room, "two").await.expect("it is stored");
    for text in ["one", "two"] {
        let frame = timeout(PATIENCE, jane.next()).await.expect("it comes").expect("a frame");
        assert_eq!(frame["content"], text, "{frame}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_whose_host_panics_over_its_history_is_closed_and_its_session_ends() {
    let (store, rash) = (MemoryStore::new(), Rash::default());
    let (server, _) = node(&store, LocalBus::new(), &rash);
    let john = server.chat().acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    for _ in 0..60 {
        john.send(room, "x".repeat(2_000)).await.expect("it is stored");
    }
    // More than the connection holds waits for who takes nothing.
    let mut jane = Socket::open(&server, DIRECT, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    rash.0.store(true, Ordering::Relaxed);
    assert_eq!(timeout(PATIENCE, jane.closed()).await, Ok(1011));
    rash.0.store(false, Ordering::Relaxed);
    drop(jane);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open(), 0);
    let presence = server.chat().presence(&[2.into()]).await.expect("it is known");
    assert!(!presence[0].online);
}

#[tokio::test(start_paused = true)]
async fn a_socket_whose_host_panics_while_it_opens_is_closed() {
    let (store, rash) = (MemoryStore::new(), Rash::default());
    let (server, _) = node(&store, LocalBus::new(), &rash);
    let room = server.chat().acting_as(1).direct_room(2).await.expect("a room").id;
    rash.0.store(true, Ordering::Relaxed);
    let mut jane = Socket::open(&server, CAMPUS, room, 2).await;
    assert_eq!(timeout(PATIENCE, jane.next()).await.expect("a word"), Err(1011));
}

#[tokio::test(start_paused = true)]
async fn a_slow_socket_whose_host_panics_over_what_it_missed_is_closed() {
    let (store, rash) = (MemoryStore::new(), Rash::default());
    let mut config = Config::default();
    (config.queue_frames, config.tail_bytes) = (4, 0);
    let (server, _) = configured(&store, LocalBus::new(), &rash, config);
    let john = server.chat().acting_as(1);
    let room = john.direct_room(2).await.expect("a room").id;
    let mut jane = Socket::open(&server, CAMPUS, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    for _ in 0..60 {
        john.send(room, "x".repeat(2_000)).await.expect("it is stored");
    }
    sleep(Duration::from_secs(1)).await;
    rash.0.store(true, Ordering::Relaxed);
    assert_eq!(timeout(PATIENCE, jane.closed()).await, Ok(1011));
}

//! A host whose own code does not return, once.

mod served;

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::dialect::{CAMPUS, MESSENGER};
use chat_core::host::{Directory, DirectoryError};
use chat_core::model::{Event, NodeId, Session, SessionId, Signal, Timestamp, User, UserId};
use chat_core::service::Listener;
use chat_core::store::SessionStore;
use chat_core::{Chat, Outgoing};
use chat_runtime::{LocalBus, Server, TokioClock};
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

/// When it is at the start, in seconds.
const BEGIN: i64 = 1_735_122_600;

/// Within this time all is well again.
const SOON: Duration = Duration::from_secs(15);

/// A directory of which so many calls never return.
#[derive(Clone, Default)]
struct Hanging(Arc<AtomicUsize>);

impl Hanging {
    fn hang(&self, calls: usize) {
        self.0.store(calls, Ordering::Relaxed);
    }

    fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Directory for Hanging {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        let next = |left: usize| left.checked_sub(1);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok() {
            pending::<()>().await;
        }
        let user = |id: &UserId| (id.clone(), Arc::new(User::new(id.clone(), id.to_string())));
        Ok(ids.iter().map(user).collect())
    }
}

struct Told(UnboundedSender<Event>);

impl Listener for Told {
    fn on_event(&self, event: &Event) {
        let _ = self.0.send(event.clone());
    }
}

/// Two nodes on one store, and the directory of the second.
struct Nodes {
    here: Chat,
    there: Server,
    host: Hanging,
    store: MemoryStore,
}

impl Nodes {
    fn start() -> Self {
        let (store, bus, clock) =
            (MemoryStore::new(), LocalBus::new(), TokioClock::new(Timestamp::from_seconds(BEGIN)));
        let chat = |host: Hanging, bus: LocalBus| {
            Chat::builder(store.clone(), host, Trusting).with_bus(bus).with_clock(clock).build()
        };
        let host = Hanging::default();
        let there = Server::start(chat(host.clone(), bus.join()));
        Self { here: chat(Hanging::default(), bus), there, host, store }
    }
}

#[tokio::test(start_paused = true)]
async fn rooms_are_told_again_after_the_host_hung_over_as_many_as_are_read_at_once() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let mut sockets = Vec::new();
    for user in 2..12_u64 {
        let room = here.acting_as(1).direct_room(user).await.expect("a room").id;
        sockets.push((room, Socket::open(&there, CAMPUS, room, user).await));
    }
    sleep(Duration::from_secs(1)).await;
    host.hang(8);
    for (room, _) in &sockets {
        here.acting_as(1).send(*room, Outgoing::new("hello")).await.expect("it is stored");
    }
    for (_, socket) in &mut sockets {
        let frame = timeout(SOON, socket.next()).await.expect("it comes").expect("a frame");
        assert_eq!(frame["content"], "hello");
    }
    assert_eq!(host.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_hears_again_after_the_host_hung_over_what_it_heard() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    let (sender, mut told) = unbounded_channel();
    there.chat().add_listener(Arc::new(Told(sender)));
    host.hang(1);
    for user in [1, 2_u64] {
        let now = Instant::now().into_std();
        here.acting_as(user).start_typing(room, now).await.expect("typing is noted");
    }
    let event = timeout(SOON, told.recv()).await.expect("it hears on").expect("an event");
    let Event::Signal(Signal::Typing { user, .. }) = event else { panic!("{event:?}") };
    assert_eq!(user.id, UserId::from(2));
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_let_in_while_the_host_hangs_is_sent_away_and_let_in_later() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    host.hang(1);
    let mut refused = Socket::open(&there, MESSENGER, room, 2).await;
    assert_eq!(timeout(SOON, refused.closed()).await, Ok(1013));
    assert_eq!(host.left(), 0);
    let mut jane = Socket::open(&there, MESSENGER, room, 2).await;
    jane.next().await.expect("a greeting");
}

#[tokio::test(start_paused = true)]
async fn who_types_and_stops_without_end_hides_nobody_who_comes() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    let _jane = Socket::open(&there, MESSENGER, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    let (sender, mut told) = unbounded_channel();
    there.chat().add_listener(Arc::new(Told(sender)));
    host.hang(1);
    for _ in 0..2_000 {
        let (user, now) = (here.acting_as(1), Instant::now().into_std());
        user.start_typing(room, now).await.expect("typing is noted");
        user.stop_typing(room).await.expect("typing is noted");
        sleep(Duration::from_millis(1)).await;
    }
    let _john = here.acting_as(1).open_session(room, None, None).await.expect("a session");
    let came = async {
        loop {
            let event = told.recv().await.expect("an event");
            if matches!(event, Event::Signal(Signal::Attendance { present: true, .. })) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(1), came).await.expect("it is told");
}

#[tokio::test(start_paused = true)]
async fn who_came_while_the_host_hung_over_it_is_told_to_be_there() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    let mut jane = Socket::open(&there, MESSENGER, room, 2).await;
    jane.next().await.expect("a greeting");
    host.hang(2);
    let _john = here.acting_as(1).open_session(room, None, None).await.expect("a session");
    sleep(2 * SOON).await;
    assert_eq!(host.left(), 0);
    let told = timeout(SOON, jane.next()).await.expect("it is told").expect("a frame");
    assert_eq!((&told["type"], &told["is_online"]), (&json!("user_status_change"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_renewed_while_the_host_hangs_over_who_is_gone() {
    let Nodes { here, there, host, .. } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    let _socket = Socket::open(&there, CAMPUS, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    // This one's node vouches for it no more.
    let dead = here.acting_as(1).open_session(room, None, None).await.expect("a session");
    sleep(Duration::from_secs(1)).await;
    let (sender, mut told) = unbounded_channel();
    there.chat().add_listener(Arc::new(Told(sender)));
    host.hang(2);
    for _ in 0..10 {
        sleep(there.chat().config().session_lease / 4).await;
        let presence = here.presence(&[2.into()]).await.expect("it is known");
        assert!(presence[0].online);
    }
    assert_eq!(host.left(), 0);
    loop {
        let event = timeout(SOON, told.recv()).await.expect("it is told").expect("an event");
        if let Event::Signal(Signal::Presence { user, presence }) = event {
            assert_eq!((&user.id, presence.online), (&UserId::from(1), false));
            break;
        }
    }
    drop(dead);
}

#[tokio::test(start_paused = true)]
async fn closed_sessions_are_forgotten_however_many_while_the_host_hangs_over_who_is_gone() {
    let Nodes { here, there, host, store } = Nodes::start();
    let room = here.acting_as(1).direct_room(2).await.expect("a room").id;
    let now = here.clock().now();
    let long_ago = now.before(2 * here.config().session_retention);
    for _ in 0..3_500 {
        let session = Session {
            id: SessionId::random(),
            user: 3.into(),
            room,
            node: NodeId::random(),
            connected_at: long_ago,
            last_seen: long_ago,
            lease_until: now,
            closed_at: None,
            user_agent: None,
            ip_address: None,
        };
        let id = session.id;
        store.open_session(session).await.expect("it is stored");
        store.close_session(id, long_ago).await.expect("it is stored");
    }
    let lease = there.chat().config().session_lease;
    // This one's node vouches for it no more.
    let _dead = here.acting_as(1).open_session(room, None, None).await.expect("a session");
    sleep(lease).await;
    host.hang(1);
    sleep(lease / 2).await;
    assert_eq!(host.left(), 0);
    let left = store.sessions(&3.into(), None, 10_000).await.expect("they are known");
    assert_eq!(left.len(), 0);
}

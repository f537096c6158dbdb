//! The [`Bus`] of the chat library over [NATS](https://nats.io), for
//! clusters that have outgrown the one of their database.
//!
//! ```no_run
//! use chat_bus_nats::NatsBus;
//! use chat_core::Chat;
//! # use chat_core::host::{JwtAuthenticator, StaticDirectory};
//! # use chat_core::store::Store;
//!
//! # async fn start(store: impl Store, users: StaticDirectory, sign_in: JwtAuthenticator) -> Result<(), chat_bus_nats::ConnectError> {
//! let bus = NatsBus::connect("nats://localhost").await?;
//! let chat = Chat::builder(store, users, sign_in).with_bus(bus).build();
//! # Ok(())
//! # }
//! ```
//!
//! Plain publishing is all it needs, without persistence: the store is the truth, and a hint that
//! is lost costs at most the second until the next sweep. What gathers while the last packet is
//! written is told in one. A node hears its own words too, at least every three seconds; one that
//! has heard none for nine connects again, and looks into the store for what it missed.

mod tasks;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions};
use chat_core::host::{Bus, Hint, Outbox};
use chat_core::model::NodeId;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;

pub use async_nats;

/// The subject of the packets unless the host names another one.
pub const SUBJECT: &str = "chat.hints";

/// How many hints may wait for a node that is busy; then it is told that it missed some.
const CAPACITY: usize = 4_096;

/// Why a bus could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The subject is not a plain one.
    #[error("a subject is made of words of a-z, A-Z, 0-9, _ and -, with dots between them")]
    Subject,
    /// The address is none, or the server refuses the credentials.
    #[error("the NATS server cannot be used")]
    Server(#[source] async_nats::ConnectError),
}

/// The bus between nodes that share a NATS server or cluster. Each value is a node's own; it ends
/// when it is dropped.
pub struct NatsBus {
    shared: Arc<Shared>,
    /// Dropped with the bus, and the tasks with it.
    _tasks: JoinSet<()>,
}

/// What the bus and its tasks share.
struct Shared {
    client: Client,
    subject: String,
    me: NodeId,
    /// Guards what waits to be told; held to add hints or to take all.
    outbox: Mutex<Outbox>,
    /// Something waits.
    wake: Notify,
    heard: broadcast::Sender<Hint>,
    available: AtomicBool,
}

impl NatsBus {
    /// A bus on the server of a URL such as `nats://user:password@host:4222`, on the subject
    /// [`SUBJECT`]. A server that cannot be reached is tried again and again.
    ///
    /// # Errors
    /// [`ConnectError::Server`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        let options = ConnectOptions::new()
            .name("chat")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .ping_interval(tasks::HEARTBEAT);
        let client = options.connect(url).await.map_err(ConnectError::Server)?;
        Self::new(client, SUBJECT)
    }

    /// A bus over a client of the host's, which may come with credentials and certificates, on a
    /// subject. Chats with stores of their own need subjects of their own. The client has to hear
    /// itself: `no_echo` is not to be set. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError::Subject`] where the subject is empty or has wildcards or spaces.
    pub fn new(client: Client, subject: &str) -> Result<Self, ConnectError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if subject.split('.').any(|word| word.is_empty() || !word.chars().all(plain)) {
            return Err(ConnectError::Subject);
        }
        let shared = Arc::new(Shared {
            client,
            subject: subject.to_owned(),
            me: NodeId::random(),
            outbox: Mutex::default(),
            wake: Notify::new(),
            heard: broadcast::channel(CAPACITY).0,
            available: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(tasks::publish(Arc::clone(&shared)));
        tasks.spawn(tasks::listen(Arc::clone(&shared)));
        Ok(Self { shared, _tasks: tasks })
    }
}

impl Bus for NatsBus {
    fn publish(&self, hint: Hint) {
        self.shared.tell(hint);
    }

    fn subscribe(&self) -> BoxStream<'static, Hint> {
        let hints = stream::unfold(self.shared.heard.subscribe(), |mut heard| async {
            match heard.recv().await {
                Ok(hint) => Some((hint, heard)),
                Err(RecvError::Lagged(_)) => Some((Hint::Missed, heard)),
                Err(RecvError::Closed) => None,
            }
        });
        hints.boxed()
    }

    fn is_available(&self) -> bool {
        let connected = self.shared.client.connection_state() == State::Connected;
        connected && self.shared.available.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsBus")
            .field("subject", &self.shared.subject)
            .field("available", &self.is_available())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn tell(&self, hint: Hint) {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).push(hint);
        self.wake.notify_one();
    }

    /// What waits, as texts of at most so many bytes.
    fn waiting(&self, bytes: usize) -> Vec<String> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).take(self.me, bytes)
    }

    /// What was to be told and may be lost is told again, as far as it has to be.
    fn tell_again(&self, texts: &[String]) {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).take_back(texts);
        self.wake.notify_one();
    }

    /// Passes on what another node has told.
    fn hear(&self, hint: Hint) {
        // Without a subscriber there is nobody to pass it on to.
        let _ = self.heard.send(hint);
    }
}

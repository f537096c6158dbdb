//! The bus between nodes over LISTEN and NOTIFY.

mod listener;
mod notifier;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_core::host::{Bus, Hint, Outbox};
use chat_core::model::NodeId;
use futures::stream::{self, BoxStream, StreamExt};
use sqlx::PgPool;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;

use crate::connection::{Database, Source, checked};
use crate::{ConnectError, SCHEMA};

/// How long a bus says nothing before it says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long a bus hears nothing of itself before its listener is replaced.
const SILENCE: Duration = Duration::from_secs(9);

/// How long to wait before a broken connection is replaced.
const PAUSE: Duration = Duration::from_millis(500);

/// How many hints may wait for a node that is busy; then it is told that it missed some.
const CAPACITY: usize = 4_096;

/// The bus between nodes that share a Postgres database, over LISTEN and NOTIFY.
///
/// It has two connections of its own. Over one it tells what has gathered, at most every five
/// milliseconds: outside every transaction of a message, so that no send waits for a notification.
/// Over the other it listens. It hears its own words too; a listener that has heard none for nine
/// seconds, where one is told at least every three, is replaced, and the nodes look into the store
/// for what they missed.
///
/// Each value is a node's own; it ends when it is dropped. It does not need the tables of the
/// store, and the database may be another one. A pooler in between has to give each client a
/// session of its own.
///
/// ```no_run
/// use chat_core::Chat;
/// # use chat_core::host::{JwtAuthenticator, StaticDirectory};
/// use chat_store_postgres::PgStore;
///
/// # async fn start(users: StaticDirectory, sign_in: JwtAuthenticator) -> Result<(), chat_store_postgres::ConnectError> {
/// let store = PgStore::connect("postgres://localhost/app").await?;
/// let bus = store.bus();
/// let chat = Chat::builder(store, users, sign_in).with_bus(bus).build();
/// # Ok(())
/// # }
/// ```
pub struct PgBus {
    shared: Arc<Shared>,
    /// Dropped with the bus, and the tasks with it.
    _tasks: JoinSet<()>,
}

/// What the bus and its tasks share.
struct Shared {
    database: Database,
    me: NodeId,
    /// Guards what waits to be told; held to add hints or to take all.
    outbox: Mutex<Outbox>,
    /// Something waits.
    wake: Notify,
    heard: broadcast::Sender<Hint>,
    available: AtomicBool,
}

impl PgBus {
    /// A bus in the database of a pool, on the channel [`SCHEMA`]. Opens connections of its own, with
    /// the options that the pool has then; must be called inside a tokio runtime.
    pub fn new(pool: &PgPool) -> Self {
        Self::over(Database::new(Source::Pool(pool.clone()), SCHEMA.to_owned()))
    }

    /// A bus in the database of a URL, on the channel [`SCHEMA`].
    ///
    /// # Errors
    /// [`ConnectError::Url`] where the URL is none. A database that cannot be reached is tried
    /// again and again.
    pub fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_in(url, SCHEMA)
    }

    /// The same on a channel of another name, as it goes with a store in a schema of that name.
    ///
    /// # Errors
    /// The same, and [`ConnectError::Schema`] as for [`PgStore::new_in`](crate::PgStore::new_in).
    pub fn connect_in(url: &str, channel: &str) -> Result<Self, ConnectError> {
        let channel = checked(channel)?;
        Ok(Self::over(Database::new(Source::parse(url)?, channel)))
    }

    /// A bus in a database, on a channel named like the schema.
    pub(crate) fn over(database: Database) -> Self {
        let shared = Arc::new(Shared {
            database,
            me: NodeId::random(),
            outbox: Mutex::default(),
            wake: Notify::new(),
            heard: broadcast::channel(CAPACITY).0,
            available: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(notifier::run(Arc::clone(&shared)));
        tasks.spawn(listener::run(Arc::clone(&shared)));
        Self { shared, _tasks: tasks }
    }
}

impl Bus for PgBus {
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
        self.shared.available.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for PgBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBus").field("available", &self.is_available()).finish_non_exhaustive()
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

    fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::Relaxed);
    }
}

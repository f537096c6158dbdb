//! Connections that are used again.
//!
//! sqlx's own pool asks a connection for a sign of life each time it is given back, which is a
//! round trip for each read. Here a connection is given back only after a statement that it has
//! answered, and closed otherwise, so there is nothing to ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The most connections at once.
const CONNECTIONS: usize = 10;

/// How long a connection is used, so that none is attached to an old server for ever.
const LIFETIME: Duration = Duration::from_mins(30);

/// Connections that are used again. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    idle: Arc<Mutex<Vec<Used>>>,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct Used {
    connection: PgConnection,
    since: Instant,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self { idle: Arc::default(), slots: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// A connection, made by `connect` where none is idle. Waits where all are in use.
    pub(crate) async fn acquire(
        &self,
        connect: impl AsyncFnOnce() -> Result<PgConnection, sqlx::Error>,
    ) -> Result<Pooled, sqlx::Error> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let (used, is_fresh) = match idle.filter(|used| used.since.elapsed() < LIFETIME) {
            Some(used) => (used, false),
            None => (Used { connection: connect().await?, since: Instant::now() }, true),
        };
        Ok(Pooled { used, is_fresh, pool: self.clone(), _slot: slot })
    }

    /// Closes the idle connections that were made before a moment: since then one of them was found
    /// to be dead, and where it was, the others are likely to be.
    pub(crate) fn forget(&self, before: Instant) {
        let dead: Vec<_> = self.idle().extract_if(.., |used| used.since < before).collect();
        // Out of the lock.
        drop(dead);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Used>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of the pool. It is closed where it is dropped, in whatever state it is.
#[derive(Debug)]
pub(crate) struct Pooled {
    used: Used,
    is_fresh: bool,
    pool: Pool,
    _slot: OwnedSemaphorePermit,
}

impl Pooled {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.used.connection
    }

    /// Whether it was made for this use.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Takes a new connection in place of this one, which is closed.
    pub(crate) fn replace(&mut self, connection: PgConnection) {
        self.used = Used { connection, since: Instant::now() };
    }

    /// Closes the connections that are idle now, as this one was found to be of no use.
    pub(crate) fn forget_others(&self) {
        self.pool.forget(Instant::now());
    }

    /// Gives back a connection that has answered what it was asked, outside of a transaction.
    pub(crate) fn give_back(self) {
        self.pool.idle().push(self.used);
    }
}

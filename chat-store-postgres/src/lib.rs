//! The [`Store`](chat_core::store::Store) of the chat library on Postgres 14 or newer.
//!
//! ```no_run
//! use chat_store_postgres::PgStore;
//!
//! # async fn start() -> Result<(), chat_store_postgres::ConnectError> {
//! let store = PgStore::connect("postgres://localhost/app").await?;
//! store.migrate().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The tables live in a schema of their own, `chat` unless named otherwise, with a migrations
//! table of their own; [`PgStore::migrate`] runs only when it is called, and needs the right to
//! make a schema. Connections keep settings and prepared statements for as long as they live, so a
//! pooler in between has to give each client a session of its own.
//!
//! # Lanes
//! Messages and receipts are written by lanes, each a task with a connection: one for each core,
//! two at least and eight at most. A room always uses the same lane of a store, and a lane commits
//! all that queued up while its last commit ran, up to 256 writes. There is no timer: a lone message
//! waits for nobody. A batch takes its rooms in one order, reads the facts, decides each write by
//! itself and then writes all of them at once, so one that is refused refuses no other.
//!
//! A lane remembers how it left its rooms. Whatever changes a room's members, settings or messages
//! takes a version of the room; so messages to a room that is remembered are one statement, which
//! takes the room's row, writes where it is still at that version, and is a transaction by itself.
//! Where another server has written meanwhile it writes nothing, and the room is read again; where
//! that happens in turn, nothing is remembered.
//!
//! A receipt that moves the status of more than 1,024 messages takes several commits, and a batch in
//! which a statement takes longer than 1.5 seconds is done again write by write: what is large or
//! slow stops no other.
//!
//! A room that a transaction of the host's holds ([`PgStore::send_in`]) is waited for a tenth of a
//! second, and then by a lane of its own, of which each lane has four at most: others do not wait.
//!
//! Each commit also writes its number into the lane's row of the table `lanes`. Where a connection
//! breaks during a commit, that row says afterwards whether it was done: then its answers are
//! given, else the batch is tried again. A write that got neither within 4.5 seconds is answered
//! with `Unavailable`, as is one for which the queue of 1,024 is full.
//!
//! # Connections
//! Ten connections at most serve reads and all other writes; those of them that wait for rooms are six
//! at most, so that reads go on whatever rooms transactions of the host's hold. One that was used before and says
//! nothing for two seconds, as after a failover that ended no connection, is given up for a new
//! one, and with it all that are idle: a read is asked again, a transaction has not begun yet, and
//! of a batch the row of its lane says what became of it.
//!
//! # Statements
//! Each is a round trip.
//!
//! | what | statements |
//! | --- | --- |
//! | a batch of messages to rooms that are remembered | 1 for all of them |
//! | a batch of other messages | 6 for all of them: begin, rooms, members, messages, save, commit; one more where keys are given, one where messages are answered, and one for every 8,192 messages of a room or more |
//! | a batch of receipts | 6 for all of them, one more where single messages are marked and one where statuses move |
//! | a page of history | 1; where something of it or after it was deleted, or it goes up, 2: the room, and the page as ranges of the primary key |
//! | a page of rooms with last message, unread count and members | 1 |
//! | what changed in a room | 1 |
//! | a search for rooms | 1 for every 100 rooms that it looks at, with the first members of each, and 1 for all that it finds |
//!
//! # The host's own transactions
//! [`PgStore::send_in`] stores a message inside a transaction of the host's: an order and its
//! message commit together.
//!
//! # Growth
//! All tables of a room have `room_id` first in their primary key and can be partitioned by hash of
//! it, or spread over machines by it. Two questions are asked without a room. A message by its bare
//! id is found by the index `messages_by_id`, and a user's rooms by `members_of_user`: with
//! partitions these are looked up in each one, which costs a look at an index for each. Search
//! looks up words that have the room's id in front, in each partition likewise.
//!
//! `rooms` and `members` have no index on what every message changes, so their rows are updated in
//! place, and who is in a room is read from the index `members_present` without the rows, which
//! hold what everybody has read; a message changes no row of `members` at all. Whoever sent it has read it, and that is
//! found by the index `messages_of_sender` until it is taken into the sender's set: with their next
//! receipt, or once the room has gone on by 8,192 messages or more. A message that is edited,
//! deleted, reacted to or moves its status is another matter: by `messages_changed` others catch up,
//! and Postgres writes a row anew into all indexes of its table where one of them has what changed.
//!
//! The words of new messages wait until there is 1 MB of them before they go into the index
//! `messages_words`, all at once. What waits is gone through by each search, once for each room, so
//! a partition that is made later wants `gin_pending_list_limit = 1024` for that index too.

mod batch;
mod bus;
mod connection;
mod erasure;
mod error;
mod gone_rooms;
mod host;
mod known;
mod lane;
mod locked;
mod messages;
mod migrations;
mod pool;
mod receipts;
mod recent;
mod rooms;
mod rows;
mod search;
mod sessions;
mod sql;
#[cfg(test)]
mod tests;
mod turns;
mod writes;

use std::sync::Arc;

use sqlx::PgPool;

use crate::connection::{Database, Source};
use crate::lane::Lanes;

pub use bus::PgBus;
pub use error::ConnectError;

/// The schema that holds the tables unless the host names another one.
pub const SCHEMA: &str = "chat";

/// The store on Postgres. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgStore {
    database: Database,
    lanes: Arc<Lanes>,
}

impl PgStore {
    /// A store in the database of a pool, in the schema [`SCHEMA`].
    ///
    /// It opens connections of its own to the same database, because they are set up otherwise
    /// than the host's: their search path is the schema, and their statements end in time. The pool
    /// is asked for its options each time, so that what [`PgPool::set_connect_options`] has changed
    /// since, such as a password, holds here too.
    /// Nothing is asked of the database yet. Must be called inside a tokio runtime.
    pub fn new(pool: &PgPool) -> Self {
        Self::over(Source::Pool(pool.clone()), SCHEMA.to_owned())
    }

    /// The same in a schema of another name.
    ///
    /// # Errors
    /// [`ConnectError::Schema`] where the name is not made of lower case letters, digits and `_`,
    /// at most 63 of them, beginning with a letter and not with `pg_`.
    pub fn new_in(pool: &PgPool, schema: &str) -> Result<Self, ConnectError> {
        let schema = connection::checked(schema)?;
        Ok(Self::over(Source::Pool(pool.clone()), schema))
    }

    /// A store in the database of a URL, in the schema [`SCHEMA`]; for hosts without sqlx or with
    /// another version of it.
    ///
    /// # Errors
    /// [`ConnectError::Url`] where the URL is none, [`ConnectError::Database`] where the database
    /// cannot be reached, [`ConnectError::Encoding`] where it is not encoded in UTF8.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_in(url, SCHEMA).await
    }

    /// The same in a schema of another name.
    ///
    /// # Errors
    /// As for [`PgStore::connect`] and [`PgStore::new_in`].
    pub async fn connect_in(url: &str, schema: &str) -> Result<Self, ConnectError> {
        let schema = connection::checked(schema)?;
        let store = Self::over(Source::parse(url)?, schema);
        store.database.reach().await?;
        Ok(store)
    }

    /// Brings the tables up to date, in the store's own schema with a migrations table of its own.
    /// Does nothing where they are, or where a newer version of the crate has brought them further.
    /// Nothing else ever calls it. It takes as long as it takes, whatever timeouts the role or the
    /// database has.
    ///
    /// # Errors
    /// [`ConnectError::Database`], [`ConnectError::Encoding`], [`ConnectError::Migrate`].
    pub async fn migrate(&self) -> Result<(), ConnectError> {
        migrations::run(&self.database).await
    }

    /// How many migrations of this version of the crate have not been run on the database; none
    /// where the tables are up to date.
    ///
    /// # Errors
    /// [`ConnectError::Database`].
    pub async fn pending_migrations(&self) -> Result<usize, ConnectError> {
        migrations::pending(&self.database).await
    }

    /// A bus to the other nodes on the same database and schema. Must be called inside a tokio
    /// runtime.
    pub fn bus(&self) -> PgBus {
        PgBus::over(self.database.clone())
    }

    fn over(source: Source, schema: String) -> Self {
        let database = Database::new(source, schema);
        let lanes = Arc::new(Lanes::new(&database));
        Self { database, lanes }
    }
}

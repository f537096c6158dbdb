//! Connections to the database, set up as the store needs them.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chat_core::model::RoomId;
use chat_core::store::StoreResult;
use futures::future::{Either, select};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, Row};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::{
    ConnectError, Failure, Refused, is_broken, is_passing, meaning, shut, unavailable,
};
use crate::pool::{Pool, Pooled};
use crate::sql;
use crate::turns::Turns;

/// How long a call waits for the database, all attempts together.
pub(crate) const PATIENCE: Duration = Duration::from_millis(4_500);

/// How long a connection that was good before may say nothing before another one is tried: so long
/// that there is time left for that.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// How many connections of the pool wait for rooms at once, so that others are left for reads
/// whatever transactions of the host's hold.
const WRITERS: usize = 6;

/// How long to wait before a broken connection is replaced.
const PAUSE: Duration = Duration::from_millis(50);

/// The database and its schema. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: Pool,
    turns: Turns,
    writers: Arc<Semaphore>,
    source: Source,
    schema: Arc<str>,
}

/// Where the options come from with which connections are made.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A URL.
    Url(Arc<PgConnectOptions>),
    /// A pool of the host's, which is asked each time: passwords change.
    Pool(PgPool),
}

impl Source {
    /// The options of a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        Ok(Self::Url(Arc::new(url.parse().map_err(ConnectError::Url)?)))
    }

    fn options(&self) -> PgConnectOptions {
        let options = match self {
            Self::Url(options) => Arc::clone(options),
            Self::Pool(pool) => pool.connect_options(),
        };
        Arc::unwrap_or_clone(options).disable_statement_logging()
    }
}

/// A name that can stand in quotes in a statement as it is, and that the database takes.
pub(crate) fn checked(schema: &str) -> Result<String, ConnectError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let valid = schema.len() <= 63
        && schema.starts_with(|c: char| c.is_ascii_lowercase())
        && !schema.starts_with("pg_")
        && schema.chars().all(plain);
    if valid { Ok(schema.to_owned()) } else { Err(ConnectError::Schema) }
}

impl Database {
    pub(crate) fn new(source: Source, schema: String) -> Self {
        let writers = Arc::new(Semaphore::new(WRITERS));
        Self { pool: Pool::new(), turns: Turns::default(), writers, source, schema: schema.into() }
    }

    /// Asks whether the database is there and can hold every text.
    pub(crate) async fn reach(&self) -> Result<(), ConnectError> {
        let reach = async {
            let pooled = self.pool.acquire(async || self.dedicated().await).await;
            let mut pooled = pooled.map_err(ConnectError::Database)?;
            check_encoding(pooled.connection()).await?;
            pooled.give_back();
            Ok(())
        };
        let late = |_| Err(ConnectError::Database(sqlx::Error::PoolTimedOut));
        timeout(PATIENCE, reach).await.unwrap_or_else(late)
    }

    /// A connection of the pool.
    async fn acquire(&self) -> Result<Pooled, sqlx::Error> {
        self.pool.acquire(async || self.connect().await).await
    }

    /// A connection for a call, with an error that says so where there is none.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.dedicated().await.map_err(shut)
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// A connection that belongs to the caller alone.
    pub(crate) async fn dedicated(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.source.options()).await?;
        set_up(&mut connection, &self.schema).await?;
        Ok(connection)
    }

    /// The same without a bound on how long a statement takes.
    pub(crate) async fn unhurried(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.source.options()).await?;
        sqlx::query(sql::SET_UNHURRIED).execute(&mut connection).await?;
        sqlx::query(sql::SET_PATH).bind(&*self.schema).execute(&mut connection).await?;
        Ok(connection)
    }

    /// A pool of a single connection that is not set up, for a listener.
    pub(crate) fn lone(&self) -> PgPool {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(self.source.options())
    }

    /// The rows of one statement that only reads, so that it can be asked again on another
    /// connection: where one breaks, or is used again and says nothing for long.
    pub(crate) async fn rows<'q>(
        &self,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> StoreResult<Vec<PgRow>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let start = Instant::now();
            let attempt = async {
                let mut pooled = self.acquire().await?;
                let asked = if pooled.is_fresh() {
                    query().fetch_all(pooled.connection()).await.map(|rows| (rows, None))
                } else {
                    self.ask(pooled.connection(), &query).await
                };
                let is_good = !asked.as_ref().is_err_and(is_passing);
                let rows = asked.map(|(rows, fresh)| {
                    if let Some(fresh) = fresh {
                        pooled.replace(fresh);
                        self.pool.forget(start);
                    }
                    rows
                });
                if is_good {
                    pooled.give_back();
                }
                rows
            };
            match timeout_at(deadline, attempt).await {
                Err(_) => return Err(unavailable(Refused::Late)),
                Ok(Err(error)) if is_passing(&error) && Instant::now() + PAUSE < deadline => {
                    self.doubt(&error, start);
                    sleep(PAUSE).await;
                }
                Ok(rows) => return rows.map_err(meaning),
            }
        }
    }

    /// The rows from a connection that was good before. Where it says nothing for long, a new one is
    /// asked as well, which is handed back where it answers first.
    async fn ask<'q>(
        &self,
        used: &mut PgConnection,
        query: &impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<(Vec<PgRow>, Option<PgConnection>), sqlx::Error> {
        let first = pin!(query().fetch_all(used));
        let first = match select(first, pin!(sleep(SILENCE))).await {
            Either::Left((rows, _)) => return Ok((rows?, None)),
            Either::Right(((), first)) => first,
        };
        let second = async {
            let mut fresh = self.connect().await?;
            Ok((query().fetch_all(&mut fresh).await?, fresh))
        };
        match select(first, pin!(second)).await {
            Either::Left((rows, _)) => Ok((rows?, None)),
            Either::Right((Ok((rows, fresh)), _)) => Ok((rows, Some(fresh))),
            Either::Right((Err(error), first)) if is_passing(&error) => Ok((first.await?, None)),
            Either::Right((Err(error), _)) => Err(error),
        }
    }

    /// The same for a transaction that takes a room.
    pub(crate) async fn begin_in(&self, room: RoomId) -> Result<Transaction, sqlx::Error> {
        let turn = self.turns.wait(room).await;
        let writer = Arc::clone(&self.writers).acquire_owned().await;
        let writer = writer.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Transaction { _turn: Some((turn, writer)), ..self.begin().await? })
    }

    /// A connection in a transaction, which is rolled back by dropping it. To be used within
    /// [`PATIENCE`].
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let start = Instant::now();
            let mut pooled = self.acquire().await?;
            match begin(pooled.connection(), sql::BEGIN).await {
                Ok(()) => return Ok(Transaction { pooled, _turn: None }),
                Err(error) if !is_passing(&error) || Instant::now() > deadline => {
                    return Err(error);
                }
                Err(error) => self.doubt(&error, start),
            }
        }
    }

    /// Where a connection broke, those that were idle then are not used any more.
    fn doubt(&self, error: &sqlx::Error, start: Instant) {
        if is_broken(error) {
            self.pool.forget(start);
        }
    }
}

/// Refuses a database that has no place for some texts.
pub(crate) async fn check_encoding(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let encoding = sqlx::query_scalar(sql::ENCODING).fetch_one(connection).await;
    let encoding: String = encoding.map_err(ConnectError::Database)?;
    if encoding == "UTF8" { Ok(()) } else { Err(ConnectError::Encoding(encoding)) }
}

/// Begins a transaction, which takes no time where anybody is there.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    statement: &'static str,
) -> Result<(), sqlx::Error> {
    within(SILENCE, sqlx::raw_sql(statement).execute(connection)).await.map(drop)
}

/// What comes within some time, or an error as of a connection that broke.
pub(crate) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(patience, answer)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

/// A transaction on a connection of the pool. One that is dropped without an end takes its
/// connection with it, so that the server rolls it back whatever state it is in.
pub(crate) struct Transaction {
    pooled: Pooled,
    /// In a room, and among those who write to rooms.
    _turn: Option<(OwnedMutexGuard<()>, OwnedSemaphorePermit)>,
}

impl Transaction {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.pooled.connection()
    }

    /// Commits what was done, or takes back what was refused.
    pub(crate) async fn finish<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        match &done {
            Ok(_) => self.end(sql::COMMIT).await?,
            Err(Failure::Meaning(_)) => self.end(sql::ROLLBACK).await?,
            Err(Failure::Database(error)) if is_broken(error) => self.pooled.forget_others(),
            Err(Failure::Database(_)) => {}
        }
        done
    }

    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(self.connection()).await?;
        self.pooled.give_back();
        Ok(())
    }
}

/// What a write came to, or that it took too long.
pub(crate) async fn in_time<T>(write: impl Future<Output = Result<T, Failure>>) -> StoreResult<T> {
    match timeout(PATIENCE, write).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(unavailable(Refused::Late)),
    }
}

async fn set_up(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let row = sqlx::query(sql::SET_UP).bind(schema).fetch_one(connection).await?;
    if row.try_get("is_standby")? {
        return Err(sqlx::Error::Io(io::Error::other(Refused::Standby)));
    }
    Ok(())
}

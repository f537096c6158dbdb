//! Lanes: tasks that commit what waits for them, all at once.
//!
//! A room always uses the same lane. A lane commits everything that queued up while its last
//! commit ran, so a lone write waits for nobody and a hot room is not bound to one commit for each
//! message.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread::available_parallelism;
use std::time::Duration;

use chat_core::model::RoomId;
use chat_core::store::{Mark, Marked, NewMessage, Sent, StoreError, StoreResult};
use sqlx::{PgConnection, Row};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::batch::{self, Written};
use crate::connection::{Database, PATIENCE};
use crate::error::{Refused, is_fatal, is_passing, meaning, unavailable};
use crate::known::{Attempt, Known};
use crate::sql;
use crate::writes::{self, Places};

/// How many lanes there are at least and at most, each with a connection: in between, one for each
/// core, as more would not run at once. The fewer they are, the larger are their batches.
const LANES: (usize, usize) = (2, 8);

/// The most writes that wait for a lane.
const WAITING: usize = 1_024;

/// The most writes of one commit.
const BATCH: usize = 256;

/// How long to wait before a broken connection is replaced.
const PAUSE: Duration = Duration::from_millis(50);

/// A write that goes through a lane.
pub(crate) enum Write {
    /// A message.
    Send(NewMessage),
    /// A receipt.
    Mark(Mark),
}

impl Write {
    pub(crate) fn room(&self) -> RoomId {
        match self {
            Self::Send(new) => new.room,
            Self::Mark(mark) => mark.room,
        }
    }
}

/// What came of a write.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Of a message.
    Sent(Sent),
    /// Of a receipt.
    Marked(Marked),
}

struct Job {
    write: Write,
    until: Instant,
    reply: oneshot::Sender<StoreResult<Outcome>>,
}

impl Job {
    /// Whoever has stopped waiting does not need the answer.
    fn answer(self, outcome: StoreResult<Outcome>) {
        let _ = self.reply.send(outcome);
    }
}

/// The lanes of a store. They end with it.
#[derive(Debug)]
pub(crate) struct Lanes {
    database: Database,
    queues: Vec<OnceLock<mpsc::Sender<Job>>>,
}

impl Lanes {
    pub(crate) fn new(database: &Database) -> Self {
        let cores = available_parallelism().map_or(LANES.0, NonZero::get);
        let queues = (0..cores.clamp(LANES.0, LANES.1)).map(|_| OnceLock::new()).collect();
        Self { database: database.clone(), queues }
    }

    /// Has a write committed, and tells what came of it.
    pub(crate) async fn write(&self, write: Write) -> StoreResult<Outcome> {
        let lane = usize::try_from(write.room().get()).unwrap_or(0) % self.queues.len();
        let queue = self.queues[lane].get_or_init(|| {
            let (queue, jobs) = mpsc::channel(WAITING);
            tokio::spawn(Lane::new(self.database.clone()).run(jobs));
            queue
        });
        let (reply, outcome) = oneshot::channel();
        let until = Instant::now() + PATIENCE;
        queue.try_send(Job { write, until, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => unavailable(Refused::Full),
            mpsc::error::TrySendError::Closed(_) => unavailable(Refused::Ended),
        })?;
        match timeout_at(until, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(unavailable(Refused::Ended)),
            Err(_) => Err(unavailable(Refused::Late)),
        }
    }
}

struct Lane {
    database: Database,
    id: Uuid,
    /// How many batches were tried. Each try has a number of its own.
    tried: i64,
    connection: Option<PgConnection>,
    /// What is known of rooms by what was read over that connection.
    known: Known,
}

impl Lane {
    fn new(database: Database) -> Self {
        let (id, known) = (Uuid::now_v7(), Known::new());
        Self { database, id, tried: 0, connection: None, known }
    }

    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.recv().await {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            // Nobody waits for these any more; they were told that the outcome is unknown.
            batch.retain(|job| !job.reply.is_closed());
            let others = self.commit_known(batch).await;
            self.commit_all(others).await;
        }
    }

    /// Commits the messages to rooms that are known; hands back all other writes, and those for
    /// which that was not enough.
    async fn commit_known(&mut self, batch: Vec<Job>) -> Vec<Job> {
        let Some(connection) = self.connection.take() else {
            self.known.clear();
            return batch;
        };
        let (plain, mut others) = self.known.part(batch, |job| &job.write);
        let Some(until) = plain.iter().map(|job| job.until).max() else {
            self.connection = Some(connection);
            return others;
        };
        self.tried += 1;
        let writes = || plain.iter().map(|job| &job.write);
        let mut attempt = self.known.take(writes());
        attempt.decide(writes());
        let places = match timeout_at(until, self.attempt_known(connection, &attempt)).await {
            Err(_) => {
                for job in plain {
                    job.answer(Err(unavailable(Refused::Late)));
                }
                return others;
            }
            Ok((connection, places)) => {
                self.connection = connection;
                places
            }
        };
        for (job, outcome) in plain.into_iter().zip(attempt.finish(&places, &mut self.known)) {
            match outcome {
                Some(outcome) => job.answer(Ok(outcome)),
                None => others.push(job),
            }
        }
        others
    }

    async fn commit_all(&mut self, batch: Vec<Job>) {
        let Some(until) = batch.iter().map(|job| job.until).max() else { return };
        let (writes, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|job| (job.write, job.reply)).unzip();
        let mut outcomes = match self.commit(&writes, until).await {
            Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
            // The database refuses something: each by itself, so that one does not refuse all.
            Err(StoreError::Internal(_)) if writes.len() > 1 => {
                let mut outcomes = Vec::with_capacity(writes.len());
                for write in writes.chunks(1) {
                    let one = self.commit(write, until).await;
                    outcomes.push(match one {
                        Ok(mut one) => one.pop(),
                        Err(error) => Some(Err(error)),
                    });
                }
                outcomes
            }
            Err(StoreError::Internal(error)) => vec![Some(Err(StoreError::Internal(error)))],
            Err(error) => {
                tracing::warn!(%error, writes = writes.len(), "a batch was not committed");
                Vec::new()
            }
        };
        outcomes.resize_with(replies.len(), || None);
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let outcome = outcome.unwrap_or_else(|| Err(unavailable(Refused::Late)));
            // Whoever has stopped waiting does not need the answer.
            let _ = reply.send(outcome);
        }
    }

    /// The one statement for messages to rooms that are known, and where they are after it.
    async fn attempt_known(
        &self,
        mut connection: PgConnection,
        attempt: &Attempt,
    ) -> (Option<PgConnection>, Places) {
        let (lane, new) = ((self.id, self.tried), attempt.new_rows());
        let sent = writes::insert_known(&mut connection, lane, new, attempt.rooms()).await;
        match sent {
            Ok(places) => return (Some(connection), places),
            // A key was used before, say: nothing was committed.
            Err(error) if !is_passing(&error) && !is_fatal(&error) => {
                return (Some(connection), Places::new());
            }
            Err(error) => tracing::warn!(%error, "the outcome of a commit is unknown"),
        }
        drop(connection);
        loop {
            let found = async {
                let (mut connection, last, refused) = self.committed().await?;
                if last != self.tried {
                    return Ok(Places::new());
                }
                writes::find(&mut connection, new, &refused).await
            };
            match found.await {
                // With another connection what is known of other rooms is to be read again.
                Ok(places) => return (None, places),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Commits writes, on another connection where one breaks.
    async fn commit(
        &mut self,
        writes: &[Write],
        until: Instant,
    ) -> StoreResult<Vec<StoreResult<Outcome>>> {
        loop {
            self.tried += 1;
            // Taken out, so that a try that is given up takes its connection with it.
            let connection = self.connection.take();
            let attempt = self.attempt(connection, writes);
            match timeout_at(until, attempt).await {
                Err(_) => return Err(unavailable(Refused::Late)),
                Ok(Ok((connection, written))) => {
                    self.connection = Some(connection);
                    self.known.learn(written.rooms);
                    return Ok(written.outcomes);
                }
                Ok(Err(error)) if is_passing(&error) && Instant::now() + PAUSE < until => {
                    self.known.clear();
                    sleep(PAUSE).await;
                }
                Ok(Err(error)) => return Err(meaning(error)),
            }
        }
    }

    /// One try. An error says that nothing was committed, or that nobody knows.
    async fn attempt(
        &self,
        connection: Option<PgConnection>,
        writes: &[Write],
    ) -> Result<(PgConnection, Written), sqlx::Error> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        sqlx::raw_sql(sql::BEGIN).execute(&mut connection).await?;
        let written = batch::write(&mut connection, Some((self.id, self.tried)), writes).await?;
        let Err(error) = sqlx::raw_sql(sql::COMMIT).execute(&mut connection).await else {
            return Ok((connection, written));
        };
        // The commit may have arrived. The lane's row knows, and nothing else is tried before it
        // has said so.
        tracing::warn!(%error, "the outcome of a commit is unknown");
        drop(connection);
        loop {
            match self.committed().await {
                Ok((connection, last, _)) if last == self.tried => {
                    return Ok((connection, written));
                }
                Ok(_) => return Err(error),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// The last batch that was committed, waiting for one that still is, and the rooms where it
    /// wrote nothing. After it nothing that was tried before is committed.
    async fn committed(&self) -> Result<(PgConnection, i64, Vec<i64>), sqlx::Error> {
        let mut connection = self.connect().await?;
        let row = sqlx::query(sql::batch::COMMITTED).bind(self.id).bind(self.tried);
        let row = row.fetch_one(&mut connection).await?;
        Ok((connection, row.try_get("batch")?, row.try_get("refused")?))
    }

    /// A connection, with the lane's row there before anything is committed over it.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connect = async {
            let mut connection = self.database.dedicated().await?;
            sqlx::query(sql::batch::SET_UP).execute(&mut connection).await?;
            let enter = sqlx::query(sql::batch::ENTER).bind(self.id).bind(self.tried - 1);
            enter.execute(&mut connection).await?;
            Ok(connection)
        };
        timeout(PATIENCE, connect).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

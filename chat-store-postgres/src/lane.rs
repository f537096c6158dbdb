//! Lanes: tasks that commit what waits for them, all at once.
//!
//! A room always uses the same lane. A lane commits everything that queued up while its last
//! commit ran, so a lone write waits for nobody and a hot room is not bound to one commit for each
//! message.

mod aside;
mod attempt;

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use chat_core::model::RoomId;
use chat_core::store::{Mark, Marked, NewMessage, Sent, StoreError, StoreResult, Targets};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use self::aside::Aside;
use self::attempt::Tried;
use crate::batch::{Locking, Wanted};
use crate::connection::{Database, PATIENCE};
use crate::error::{Failure, Refused, is_particular, is_passing, is_slow, meaning, unavailable};
use crate::known::Known;
use crate::sql;
use crate::writes::Places;

/// How many lanes there are at least and at most, each with a connection: in between, one for each
/// core, as more would not run at once. The fewer they are, the larger are their batches.
const LANES: (usize, usize) = (2, 8);

/// The most writes that wait for a lane.
const WAITING: usize = 1_024;

/// The most writes of one commit.
const BATCH: usize = 256;

/// How long to wait before a broken connection is replaced.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a statement of several writes may take: so that there is time left to do each by itself.
const SLOW: Duration = Duration::from_millis(1_500);

/// How long a lane waits for a room that somebody holds before that is left to one of its own: well
/// before the server looks for deadlocks.
const SHORTLY: Duration = Duration::from_millis(100);

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
    /// Of a receipt, as far as it went with this commit, and what it is still to mark.
    Marked { marked: Marked, rest: Option<Targets> },
}

type Answer = StoreResult<Outcome>;

struct Job {
    write: Write,
    until: Instant,
    reply: oneshot::Sender<Answer>,
}

impl Job {
    /// Whoever has stopped waiting does not need the answer.
    fn answer(self, outcome: Answer) {
        let _ = self.reply.send(outcome);
    }
}

/// The lanes of a store. They end with it.
#[derive(Debug)]
pub(crate) struct Lanes {
    database: Database,
    /// Of each lane that runs. A lock guards the start of one.
    queues: Vec<Mutex<Option<mpsc::Sender<Job>>>>,
}

impl Lanes {
    pub(crate) fn new(database: &Database) -> Self {
        let cores = available_parallelism().map_or(LANES.0, NonZero::get);
        let queues = (0..cores.clamp(LANES.0, LANES.1)).map(|_| Mutex::default()).collect();
        Self { database: database.clone(), queues }
    }

    /// Has a write committed, and tells what came of it.
    pub(crate) async fn write(&self, write: Write) -> Answer {
        let queue = self.queue_of(write.room());
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

    /// The queue of a room's lane. That is started where it does not run: with the first write, and
    /// after the runtime has ended in which it ran.
    fn queue_of(&self, room: RoomId) -> mpsc::Sender<Job> {
        let lane = usize::try_from(room.get()).unwrap_or(0) % self.queues.len();
        let mut queue = self.queues[lane].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref().filter(|queue| !queue.is_closed()) {
            return queue.clone();
        }
        let (started, jobs) = mpsc::channel(WAITING);
        tokio::spawn(Lane::new(self.database.clone(), SHORTLY).run(jobs));
        *queue = Some(started.clone());
        started
    }
}

/// Whether to commit writes together or, where one of them takes too long, each by itself.
#[derive(Debug, Clone, Copy)]
enum Together {
    Yes,
    No,
}

/// How to try writes.
#[derive(Debug, Clone, Copy)]
struct How {
    locking: Locking,
    /// The statement that begins the transaction.
    begin: &'static str,
}

struct Lane {
    database: Database,
    id: Uuid,
    /// How many batches were tried. Each try has a number of its own.
    tried: i64,
    connection: Option<PgConnection>,
    /// What is known of rooms by what was read over that connection.
    known: Known,
    /// How long it waits for rooms that somebody else holds: a transaction of the host's, say.
    lock_timeout: Duration,
    /// For those for which that is not enough.
    aside: Aside,
}

impl Lane {
    fn new(database: Database, lock_timeout: Duration) -> Self {
        Self {
            database,
            id: Uuid::now_v7(),
            tried: 0,
            connection: None,
            known: Known::new(),
            lock_timeout,
            aside: Aside::default(),
        }
    }

    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(batch) = self.next(&mut jobs).await {
            let (aside, batch) = self.aside.part(batch);
            self.aside.put(&self.database, aside);
            let (others, locking, together) = self.commit_known(batch).await;
            let busy = self.commit_all(others, locking, together).await;
            self.aside.put(&self.database, busy);
        }
    }

    /// What waits; nothing now and then while some of it waits for a lane aside.
    async fn next(&self, jobs: &mut mpsc::Receiver<Job>) -> Option<Vec<Job>> {
        if !self.aside.is_full() {
            return next_batch(jobs).await;
        }
        timeout(PAUSE, next_batch(jobs)).await.unwrap_or_else(|_| Some(Vec::new()))
    }

    /// Commits the messages to rooms that are known; hands back all other writes, and those for
    /// which that was not enough, what to do about their rooms, and whether to do them together.
    async fn commit_known(&mut self, batch: Vec<Job>) -> (Vec<Job>, Locking, Together) {
        let Some(connection) = self.connection.take() else {
            return (batch, Locking::Wait, Together::Yes);
        };
        let (plain, mut others) = self.known.part(batch, |job| &job.write);
        let Some(until) = plain.iter().map(|job| job.until).max() else {
            self.connection = Some(connection);
            return (others, Locking::Wait, Together::Yes);
        };
        self.tried += 1;
        let writes = || plain.iter().map(|job| &job.write);
        let mut attempt = self.known.take(writes());
        attempt.decide(writes());
        let tried = match timeout_at(until, self.attempt_known(connection, &attempt)).await {
            Err(_) => {
                for job in plain {
                    job.answer(Err(unavailable(Refused::Late)));
                }
                return (others, Locking::Wait, Together::Yes);
            }
            Ok((connection, tried)) => {
                self.connection = connection;
                tried
            }
        };
        let (places, locking, together) = match tried {
            Tried::Done(places) => (places, Locking::Wait, Together::Yes),
            Tried::Busy => (Places::new(), Locking::Skip, Together::Yes),
            Tried::Slow => (Places::new(), Locking::Skip, Together::No),
        };
        for (job, outcome) in plain.into_iter().zip(attempt.finish(&places, &mut self.known)) {
            match outcome {
                Some(outcome) => job.answer(Ok(outcome)),
                None => others.push(job),
            }
        }
        (others, locking, together)
    }

    /// Commits writes, and hands back those to rooms that somebody else holds.
    #[must_use]
    async fn commit_all(
        &mut self,
        batch: Vec<Job>,
        locking: Locking,
        together: Together,
    ) -> Vec<Job> {
        let Some(until) = batch.iter().map(|job| job.until).max() else { return Vec::new() };
        let mut writes = Vec::with_capacity(batch.len());
        let waiting = batch.into_iter().map(|Job { write, until, reply }| {
            writes.push(write);
            (until, reply)
        });
        let waiting: Vec<_> = waiting.collect();
        let is_wanted = |place: usize| !waiting[place].1.is_closed();
        let is_alone = writes.len() == 1;
        let begin = if is_alone { sql::batch::BEGIN_ALONE } else { sql::BEGIN };
        let committed = match together {
            Together::No if !is_alone => {
                Ok(self.commit_one_by_one(&writes, until, locking, &is_wanted).await)
            }
            _ => self.commit(&writes, until, How { locking, begin }, &is_wanted).await,
        };
        let outcomes = match committed {
            Ok(outcomes) => outcomes,
            // The database refuses something, or it takes long: each by itself, so that one does
            // not refuse all.
            Err(Failure::Database(error)) if !is_alone && is_particular(&error) => {
                self.commit_one_by_one(&writes, until, locking, &is_wanted).await
            }
            Err(Failure::Database(error)) if is_alone && !is_passing(&error) => {
                vec![Some(Err(meaning(error)))]
            }
            Err(error) => {
                let error = StoreError::from(error);
                tracing::warn!(%error, writes = writes.len(), "a batch was not committed");
                writes.iter().map(|_| Some(Err(unavailable(Refused::Late)))).collect()
            }
        };
        let mut busy = Vec::new();
        for ((write, (until, reply)), outcome) in writes.into_iter().zip(waiting).zip(outcomes) {
            let job = Job { write, until, reply };
            match outcome {
                Some(outcome) => job.answer(outcome),
                None if job.reply.is_closed() => {}
                None => busy.push(job),
            }
        }
        busy
    }

    async fn commit_one_by_one(
        &mut self,
        writes: &[Write],
        until: Instant,
        locking: Locking,
        is_wanted: &Wanted<'_>,
    ) -> Vec<Option<Answer>> {
        let mut how = How { locking, begin: sql::BEGIN };
        let mut busy = HashSet::new();
        let mut outcomes = Vec::with_capacity(writes.len());
        for (place, write) in writes.chunks(1).enumerate() {
            let room = write[0].room();
            let outcome = if busy.contains(&room) {
                None
            } else {
                match self.commit(write, until, how, &|_| is_wanted(place)).await {
                    Ok(mut one) => one.pop().flatten(),
                    Err(error) => {
                        if matches!(&error, Failure::Database(error) if is_slow(error)) {
                            how.begin = sql::batch::BEGIN_BRIEFLY;
                        }
                        Some(Err(error.into()))
                    }
                }
            };
            if outcome.is_none() && is_wanted(place) {
                busy.insert(room);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Commits writes, on another connection where one breaks.
    async fn commit(
        &mut self,
        writes: &[Write],
        until: Instant,
        how: How,
        is_wanted: &Wanted<'_>,
    ) -> Result<Vec<Option<Answer>>, Failure> {
        loop {
            self.tried += 1;
            // Taken out, so that a try that is given up takes its connection with it.
            let connection = self.connection.take();
            if connection.is_none() {
                self.known.clear();
            }
            let attempt = self.attempt(connection, writes, how, is_wanted);
            match timeout_at(until, attempt).await {
                Err(_) => return Err(unavailable(Refused::Late).into()),
                Ok(Ok((connection, written))) => {
                    self.connection = connection;
                    self.known.learn(written.rooms);
                    return Ok(written.outcomes);
                }
                Ok(Err(error))
                    if is_passing(&error) && !is_slow(&error) && Instant::now() + PAUSE < until =>
                {
                    sleep(PAUSE).await;
                }
                Ok(Err(error)) => return Err(error.into()),
            }
        }
    }
}

/// What waits, as much as goes into one commit. Ends with the queue.
async fn next_batch(jobs: &mut mpsc::Receiver<Job>) -> Option<Vec<Job>> {
    let mut batch = vec![jobs.recv().await?];
    while batch.len() < BATCH
        && let Ok(job) = jobs.try_recv()
    {
        batch.push(job);
    }
    // Nobody waits for these any more; they were told that the outcome is unknown.
    batch.retain(|job| !job.reply.is_closed());
    Some(batch)
}

//! Rooms that somebody else holds, in a transaction of the host's, say: they are waited for aside,
//! in the database's own order, while everything else goes on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chat_core::model::RoomId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::{Job, Lane, SHORTLY, Together, WAITING, next_batch};
use crate::batch::Locking;
use crate::connection::Database;
use crate::error::{Refused, unavailable};
use crate::sql;

/// The most rooms that are waited for aside of a lane at once, each over a connection.
const MOST: usize = 4;

/// The lanes of single rooms, until these are free again.
#[derive(Default)]
pub(super) struct Aside {
    lanes: HashMap<RoomId, mpsc::Sender<Job>>,
    /// What waits for rooms beyond those.
    parked: Vec<Job>,
}

impl Aside {
    /// Whether more rooms are waited for than there are lanes.
    pub(super) fn is_full(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Parts jobs into those for rooms that are waited for already, and all others.
    pub(super) fn part(&mut self, jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
        self.lanes.retain(|_, lane| !lane.is_closed());
        if self.lanes.is_empty() && self.parked.is_empty() {
            return (Vec::new(), jobs);
        }
        let mut parked = std::mem::take(&mut self.parked);
        parked.retain(|job| !job.reply.is_closed());
        let beyond: HashSet<RoomId> = parked.iter().map(|job| job.write.room()).collect();
        let is_aside = |room| self.lanes.contains_key(&room) || beyond.contains(&room);
        let (aside, rest) =
            jobs.into_iter().partition::<Vec<_>, _>(|job| is_aside(job.write.room()));
        parked.extend(aside);
        (parked, rest)
    }

    /// Leaves jobs to the lanes of their rooms.
    pub(super) fn put(&mut self, database: &Database, jobs: Vec<Job>) {
        for mut job in jobs {
            let room = job.write.room();
            loop {
                if !self.lanes.contains_key(&room) && self.lanes.len() < MOST {
                    let (queue, jobs) = mpsc::channel(WAITING);
                    tokio::spawn(Lane::new(database.clone(), Duration::ZERO).run_aside(jobs));
                    self.lanes.insert(room, queue);
                }
                let sent = match self.lanes.get(&room) {
                    Some(lane) => lane.try_send(job),
                    None if self.parked.len() < WAITING => {
                        self.parked.push(job);
                        break;
                    }
                    None => Err(TrySendError::Full(job)),
                };
                match sent {
                    Ok(()) => break,
                    Err(TrySendError::Full(job)) => {
                        job.answer(Err(unavailable(Refused::Full)));
                        break;
                    }
                    Err(TrySendError::Closed(back)) => {
                        self.lanes.remove(&room);
                        job = back;
                    }
                }
            }
        }
    }
}

impl Lane {
    /// Waits for one room, until it is free or nothing waits for it.
    async fn run_aside(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(batch) = next_batch(&mut jobs).await {
            let start = Instant::now();
            for job in self.commit_all(batch, Locking::Wait, Together::Yes).await {
                job.answer(Err(unavailable(Refused::Late)));
            }
            if jobs.is_empty() || start.elapsed() < SHORTLY {
                // What came since is still taken, and what comes is for the lane of all rooms.
                jobs.close();
            }
        }
        self.leave().await;
    }

    /// Takes the lane's row away, for which nobody will ask any more.
    async fn leave(self) {
        if let Some(mut connection) = self.connection {
            let leave = sqlx::query(sql::batch::LEAVE).bind(self.id);
            if let Err(error) = leave.execute(&mut connection).await {
                tracing::debug!(%error, "a lane left its row");
            }
        }
    }
}

//! Rooms that somebody else holds, in a transaction of the host's, say: they are waited for aside,
//! in the database's own order, while everything else goes on.

use std::collections::HashMap;
use std::time::Duration;

use chat_core::model::RoomId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Job, Lane, WAITING, next_batch};
use crate::batch::Locking;
use crate::connection::Database;
use crate::error::{Refused, unavailable};
use crate::sql;

/// The most rooms that a lane has waited for aside, each over a connection.
const MOST: usize = 4;

/// The lanes of single rooms, until nothing waits for these any more.
#[derive(Default)]
pub(super) struct Aside(HashMap<RoomId, mpsc::Sender<Job>>);

impl Aside {
    /// Parts jobs into those for rooms that are waited for already, and all others.
    pub(super) fn part(&mut self, jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
        self.0.retain(|_, lane| !lane.is_closed());
        if self.0.is_empty() {
            return (Vec::new(), jobs);
        }
        jobs.into_iter().partition(|job| self.0.contains_key(&job.write.room()))
    }

    /// Leaves jobs to the lanes of their rooms.
    pub(super) fn put(&mut self, database: &Database, jobs: Vec<Job>) {
        for mut job in jobs {
            let room = job.write.room();
            loop {
                if !self.0.contains_key(&room) && self.0.len() < MOST {
                    let (queue, jobs) = mpsc::channel(WAITING);
                    tokio::spawn(Lane::new(database.clone(), Duration::ZERO).run_aside(jobs));
                    self.0.insert(room, queue);
                }
                let sent = match self.0.get(&room) {
                    Some(lane) => lane.try_send(job),
                    None => Err(TrySendError::Full(job)),
                };
                match sent {
                    Ok(()) => break,
                    Err(TrySendError::Full(job)) => {
                        job.answer(Err(unavailable(Refused::Full)));
                        break;
                    }
                    Err(TrySendError::Closed(back)) => {
                        self.0.remove(&room);
                        job = back;
                    }
                }
            }
        }
    }
}

impl Lane {
    /// Waits for one room, until nothing waits for it any more.
    async fn run_aside(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(batch) = next_batch(&mut jobs).await {
            self.commit_all(batch, Locking::Wait).await;
            if jobs.is_empty() {
                // What came since is still taken, and what comes is for the room's own lane.
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

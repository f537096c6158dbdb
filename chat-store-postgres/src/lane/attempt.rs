//! Tries: a batch on a connection, and finding out what became of it where the connection breaks.

use sqlx::{PgConnection, Row};
use tokio::time::{sleep, timeout};

use super::{How, Lane, PAUSE, SLOW, Write};
use crate::batch::{self, Locking, Wanted, Written};
use crate::connection::{self, PATIENCE, SILENCE, within};
use crate::error::{is_busy, is_fatal, is_passing, is_slow};
use crate::known::Attempt;
use crate::sql;
use crate::writes::{self, Places};

/// What came of messages to rooms that are known.
pub(super) enum Tried {
    /// Those that were written, and where.
    Done(Places),
    /// None, as somebody holds one of the rooms.
    Busy,
    /// None, as it took too long.
    Slow,
}

impl Lane {
    /// The one statement for messages to rooms that are known.
    pub(super) async fn attempt_known(
        &self,
        mut connection: PgConnection,
        attempt: &Attempt,
    ) -> (Option<PgConnection>, Tried) {
        let (lane, new) = ((self.id, self.tried), attempt.new_rows());
        let send = writes::insert_known(&mut connection, lane, new, attempt.rooms());
        // Whether it was done is found out, so a connection that says nothing can be given up.
        match within(SILENCE, send).await {
            Ok(places) => return (Some(connection), Tried::Done(places)),
            Err(error) if is_busy(&error) => return (Some(connection), Tried::Busy),
            Err(error) if is_slow(&error) => return (Some(connection), Tried::Slow),
            // A key was used before, say: nothing was committed.
            Err(error) if !is_passing(&error) && !is_fatal(&error) => {
                return (Some(connection), Tried::Done(Places::new()));
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
                Ok(places) => return (None, Tried::Done(places)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// One try. An error says that nothing was committed, or that nobody knows. The connection is
    /// handed back where it is good and what is known holds for it.
    pub(super) async fn attempt(
        &self,
        connection: Option<PgConnection>,
        writes: &[Write],
        how: How,
        is_wanted: &Wanted<'_>,
    ) -> Result<(Option<PgConnection>, Written), sqlx::Error> {
        let How { locking, begin } = how;
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let lane = Some((self.id, self.tried));
        connection::begin(&mut connection, begin).await?;
        let written = match batch::write(&mut connection, lane, writes, locking, is_wanted).await {
            // Not all are to wait for one room.
            Err(error) if is_busy(&error) => {
                sqlx::raw_sql(sql::ROLLBACK).execute(&mut connection).await?;
                connection::begin(&mut connection, begin).await?;
                batch::write(&mut connection, lane, writes, Locking::Skip, is_wanted).await?
            }
            written => written?,
        };
        let Err(error) = sqlx::raw_sql(sql::COMMIT).execute(&mut connection).await else {
            return Ok((Some(connection), written));
        };
        // The commit may have arrived. The lane's row knows, and nothing else is tried before it
        // has said so.
        tracing::warn!(%error, "the outcome of a commit is unknown");
        drop(connection);
        loop {
            match self.committed().await {
                Ok((_, last, _)) if last == self.tried => return Ok((None, written)),
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
            let mut connection = self.database.connect().await?;
            let set_up = sqlx::query(sql::batch::SET_UP);
            let lock_timeout = self.lock_timeout.as_millis().to_string();
            // To wait for a room may take as long as any statement.
            let slow = (!self.lock_timeout.is_zero()).then(|| SLOW.as_millis().to_string());
            set_up.bind(lock_timeout).bind(slow).execute(&mut connection).await?;
            let enter = sqlx::query(sql::batch::ENTER).bind(self.id).bind(self.tried - 1);
            enter.execute(&mut connection).await?;
            Ok(connection)
        };
        timeout(PATIENCE, connect).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

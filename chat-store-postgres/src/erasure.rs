//! Erasure: what is to be gone for good.

use std::time::Duration;

use async_trait::async_trait;
use chat_core::model::Timestamp;
use chat_core::store::{ErasureStore, FIRST_FILE_PAUSE, LONGEST_FILE_PAUSE, StoreResult};
use sqlx::{PgConnection, Row};

use crate::PgStore;
use crate::connection::in_time;
use crate::error::Failure;
use crate::rows::int;
use crate::sql::erasure as sql;

#[async_trait]
impl ErasureStore for PgStore {
    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let noted = note_files(transaction.connection(), keys, at).await;
            transaction.finish(noted).await
        })
        .await
    }

    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let take = sqlx::query(sql::TAKE_FILES).bind(now.to_utc()).bind(int(limit as u64));
            let take = take.bind(seconds(LONGEST_FILE_PAUSE));
            let taken = take.fetch_all(transaction.connection()).await;
            let keys = taken.and_then(|rows| rows.iter().map(|row| row.try_get("key")).collect());
            transaction.finish(keys.map_err(Failure::from)).await
        })
        .await
    }

    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let forget = sqlx::query(sql::FORGET_FILES).bind(keys);
            let forgotten = forget.execute(transaction.connection()).await;
            transaction.finish(forgotten.map(drop).map_err(Failure::from)).await
        })
        .await
    }
}

/// Notes files that are to be deleted from a moment on.
pub(crate) async fn note_files(
    on: &mut PgConnection,
    keys: &[String],
    at: Timestamp,
) -> Result<(), Failure> {
    if !keys.is_empty() {
        let note = sqlx::query(sql::NOTE_FILES).bind(keys).bind(at.to_utc());
        note.bind(seconds(FIRST_FILE_PAUSE)).execute(on).await?;
    }
    Ok(())
}

fn seconds(pause: Duration) -> i64 {
    int(pause.as_secs())
}

//! Erasure: what is to be gone for good.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::model::{Message, RoomId, Seq, Timestamp, UserId, Version};
use chat_core::rules::take_reactions;
use chat_core::store::{
    Erase, Erased, ErasureStore, FIRST_FILE_PAUSE, ForgottenUser, LONGEST_FILE_PAUSE, StoreError,
    StoreResult,
};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};

use crate::connection::in_time;
use crate::error::{Failure, meaning};
use crate::locked::Locked;
use crate::rows::{self, int, uint};
use crate::sessions;
use crate::sql::{erasure as sql, sessions as session_sql};
use crate::{PgStore, gone_rooms};

/// The most messages that a step goes through.
const LOOKED: Seq = 4_096;

#[async_trait]
impl ErasureStore for PgStore {
    async fn rooms_to_erase(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        self.ids_of_rooms(sql::ROOMS, user, after, limit).await
    }

    async fn erase(&self, erase: Erase) -> StoreResult<Erased> {
        let traces = self.traces(&erase).await?;
        if traces.seqs.is_empty() && traces.is_gone && traces.more.is_some() {
            return Ok(Erased { more: traces.more, ..Erased::default() });
        }
        in_time(async {
            let mut transaction = self.database.begin_in(erase.room).await?;
            let erased = take_out(transaction.connection(), &erase, &traces).await;
            transaction.finish(erased).await
        })
        .await
    }

    async fn forget_user(
        &self,
        user: &UserId,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<ForgottenUser> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let forgotten = forget(transaction.connection(), user, now, limit).await;
            transaction.finish(forgotten).await
        })
        .await
    }

    async fn delete_room(
        &self,
        room: RoomId,
        idle_since: Option<Timestamp>,
    ) -> StoreResult<Option<Version>> {
        in_time(async {
            let mut transaction = self.database.begin_in(room).await?;
            let deleted = gone_rooms::delete(transaction.connection(), room, idle_since).await;
            transaction.finish(deleted).await
        })
        .await
    }

    async fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> StoreResult<bool> {
        let mut taken = Vec::new();
        let swept = in_time(async {
            let mut transaction = self.database.begin().await?;
            let swept = gone_rooms::sweep(transaction.connection(), at, limit, &mut taken).await;
            transaction.finish(swept).await
        })
        .await;
        if let (Err(error), false) = (&swept, taken.is_empty()) {
            tracing::warn!(%error, rooms = ?taken, "deleted rooms are swept later");
            in_time(async {
                let mut transaction = self.database.begin().await?;
                let put_off = gone_rooms::put_off(transaction.connection(), at, &taken).await;
                transaction.finish(put_off).await
            })
            .await?;
        }
        swept
    }

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

/// What a step finds of a user.
struct Traces {
    /// Whether they are no member.
    is_gone: bool,
    /// The messages that they wrote, or have reacted to; maybe some others.
    seqs: Vec<i64>,
    /// After which position to go on.
    more: Option<Seq>,
}

impl PgStore {
    /// Looks for what a user has left, without taking the room: who is no member adds nothing.
    async fn traces(&self, erase: &Erase) -> StoreResult<Traces> {
        let end = erase.after.saturating_add(LOOKED);
        let in_reactions = serde_json::Value::from(erase.user.as_str()).to_string();
        let find = || {
            sqlx::query(sql::TRACES)
                .bind(int(erase.room.get()))
                .bind(erase.user.as_str())
                .bind(int(erase.after))
                .bind(int(end))
                .bind(in_reactions.clone())
                .bind(int(Erased::TOGETHER as u64))
        };
        let rows = self.database.rows(find).await?;
        let row = rows.first().ok_or(StoreError::NotFound)?;
        let read = || {
            let last = uint(row.try_get("last_seq")?);
            let seqs: Vec<i64> = row.try_get("seqs")?;
            let end = match seqs.last() {
                Some(newest) if seqs.len() == Erased::TOGETHER => uint(*newest),
                _ => end,
            };
            let is_gone = row.try_get::<Option<bool>, _>("gone")?.unwrap_or(true);
            Ok(Traces { is_gone, seqs, more: (end < last).then_some(end) })
        };
        read().map_err(meaning)
    }
}

/// Takes what was found of a user out of a room.
async fn take_out(
    on: &mut PgConnection,
    erase: &Erase,
    traces: &Traces,
) -> Result<Erased, Failure> {
    let mut locked = Locked::take(on, erase.room).await?;
    let (room, user) = (int(erase.room.get()), erase.user.as_str());
    if !locked.present(on, std::slice::from_ref(&erase.user)).await?.is_empty() {
        let left = Some(locked.leave(on, &erase.user).await?);
        locked.save(on).await?;
        return Ok(Erased { left, more: Some(erase.after), ..Erased::default() });
    }
    if !traces.is_gone {
        // They have left since it was looked, and may have written before that.
        return Ok(Erased { more: Some(erase.after), ..Erased::default() });
    }
    let found = sqlx::query(sql::MESSAGES).bind(room).bind(&traces.seqs[..]);
    let found = messages(found, on).await?;
    let (own, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|message| message.sender == erase.user);
    let deleted = delete_own(on, &mut locked, erase, &own).await?;
    let reacted = take_away(on, &mut locked, &erase.user, others).await?;
    if !deleted.is_empty() || !reacted.is_empty() {
        locked.save(on).await?;
    }
    if traces.more.is_none() {
        let forget = sqlx::query(sql::FORGET_MEMBER).bind(room).bind(user);
        forget.bind(int(locked.room.last_seq)).execute(on).await?;
    }
    Ok(Erased { left: None, deleted, reacted, more: traces.more })
}

/// Deletes messages of a user, those that are not deleted with one version.
async fn delete_own(
    on: &mut PgConnection,
    locked: &mut Locked,
    erase: &Erase,
    own: &[Arc<Message>],
) -> Result<Vec<Arc<Message>>, Failure> {
    let room = int(erase.room.get());
    let (deleted, standing): (Vec<_>, Vec<_>) = own.iter().partition(|it| it.is_deleted());
    if !deleted.is_empty() {
        let forget = sqlx::query(sql::FORGET_KEYS).bind(room).bind(seqs(deleted));
        forget.execute(&mut *on).await?;
    }
    if standing.is_empty() {
        return Ok(Vec::new());
    }
    let version = locked.next_version();
    for message in &standing {
        locked.delete(message.seq);
    }
    let files = standing.iter().filter_map(|message| message.attachment.as_ref());
    let files: Vec<String> = files.map(|file| file.key.clone()).collect();
    note_files(on, &files, erase.at).await?;
    let delete = sqlx::query(sql::DELETE).bind(room).bind(seqs(standing));
    messages(delete.bind(erase.at.to_utc()).bind(int(version)), on).await
}

/// Takes a user's reactions away from messages, with one version.
async fn take_away(
    on: &mut PgConnection,
    locked: &mut Locked,
    user: &UserId,
    others: Vec<Arc<Message>>,
) -> Result<Vec<Arc<Message>>, Failure> {
    let (mut seqs, mut reactions) = (Vec::new(), Vec::new());
    for message in others {
        let mut left = message.reactions.clone();
        if take_reactions(&mut left, user) {
            seqs.push(int(message.seq));
            reactions.push(rows::reactions_text(&left));
        }
    }
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let version = locked.next_version();
    let react = sqlx::query(sql::REACT).bind(int(locked.room.id.get())).bind(seqs);
    messages(react.bind(reactions).bind(int(version)), on).await
}

fn seqs(messages: Vec<&Arc<Message>>) -> Vec<i64> {
    messages.into_iter().map(|message| int(message.seq)).collect()
}

/// The messages that a statement hands back, by their positions.
async fn messages(
    statement: Query<'_, Postgres, PgArguments>,
    on: &mut PgConnection,
) -> Result<Vec<Arc<Message>>, Failure> {
    let rows = statement.fetch_all(on).await?;
    let read = rows.iter().map(|row| rows::message(row).map(Arc::new));
    let mut messages = read.collect::<Result<Vec<_>, _>>()?;
    messages.sort_unstable_by_key(|message| message.seq);
    Ok(messages)
}

/// Ends the sessions of a user, and forgets so many.
async fn forget(
    on: &mut PgConnection,
    user: &UserId,
    now: Timestamp,
    limit: usize,
) -> Result<ForgottenUser, Failure> {
    let user = user.as_str();
    sqlx::query(session_sql::LOCK_VISITOR).bind(user).execute(&mut *on).await?;
    let end = sqlx::query(sql::END_SESSIONS).bind(user).bind(now.to_utc());
    let ended = end.fetch_all(&mut *on).await?;
    sessions::remove_unlisted(on, &ended).await?;
    let ended = sessions::gone(on, &ended, now).await?;
    let forget = sqlx::query(sql::FORGET_SESSIONS).bind(user).bind(int(limit as u64));
    let forgotten = forget.execute(&mut *on).await?.rows_affected();
    let more = forgotten >= limit as u64;
    if !more {
        sqlx::query(sql::FORGET_VISITOR).bind(user).execute(on).await?;
    }
    Ok(ForgottenUser { ended, more })
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

pub(crate) fn seconds(pause: Duration) -> i64 {
    int(pause.as_secs())
}

//! Rooms that are deleted: first gone for everybody, then swept in steps.
//!
//! Whoever writes to a room takes its row first, and whatever reads what is in it looks at that row.
//! So with the row all of the room is gone, and what is left is nobody's but the sweep's.

use chat_core::model::{RoomId, RoomKind, Timestamp, Version};
use chat_core::store::FIRST_FILE_PAUSE;
use sqlx::{PgConnection, Row};

use crate::erasure::seconds;
use crate::error::Failure;
use crate::locked::Locked;
use crate::rows::int;
use crate::sql::gone_rooms as sql;

/// Takes a room away from everybody, whatever it holds, and returns its last version.
pub(crate) async fn delete(on: &mut PgConnection, room: RoomId) -> Result<Version, Failure> {
    let mut locked = Locked::take(on, room).await?;
    if locked.room.kind == RoomKind::Direct {
        sqlx::query(sql::FORGET_PAIR).bind(int(room.get())).execute(&mut *on).await?;
    }
    sqlx::query(sql::DELETE).bind(int(room.get())).execute(on).await?;
    Ok(locked.next_version())
}

/// Takes so many messages or members out of a room that is gone; whether there is one.
pub(crate) async fn sweep(
    on: &mut PgConnection,
    at: Timestamp,
    limit: usize,
) -> Result<bool, Failure> {
    let Some(row) = sqlx::query(sql::TAKE).fetch_optional(&mut *on).await? else {
        return Ok(false);
    };
    let (room, last): (i64, i64) = (row.try_get("room_id")?, row.try_get("last_seq")?);
    let (swept, limit): (i64, i64) = (row.try_get("swept")?, int(limit as u64));
    if swept < last {
        let end = last.min(swept.saturating_add(limit));
        let sweep = sqlx::query(sql::SWEEP_MESSAGES).bind(room).bind(swept).bind(end);
        let sweep = sweep.bind(at.to_utc()).bind(seconds(FIRST_FILE_PAUSE));
        sweep.execute(&mut *on).await?;
        sqlx::query(sql::NOTE_SWEPT).bind(room).bind(end).execute(on).await?;
    } else {
        let sweep = sqlx::query(sql::SWEEP_MEMBERS).bind(room).bind(limit);
        if sweep.execute(&mut *on).await?.rows_affected() < limit.unsigned_abs() {
            sqlx::query(sql::FORGET).bind(room).execute(on).await?;
        }
    }
    Ok(true)
}

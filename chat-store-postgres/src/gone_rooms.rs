//! Rooms that are deleted: first gone for everybody, then swept in steps.
//!
//! Whoever writes to a room takes its row first, and whatever reads what is in it looks at that row.
//! So with the row all of the room is gone, and what is left is nobody's but the sweep's.

use chat_core::model::{RoomId, RoomKind, Timestamp, Version};
use chat_core::store::{FIRST_FILE_PAUSE, FIRST_ROOM_PAUSE, LONGEST_ROOM_PAUSE};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::erasure::seconds;
use crate::error::Failure;
use crate::locked::Locked;
use crate::rows::int;
use crate::sql::gone_rooms as sql;

/// The most rooms that a step finishes, however little is in them.
const TOGETHER: i64 = 250;

/// Takes a room away from everybody, whatever it holds, and returns its last version; `None` where
/// something was said there at a moment or after it.
pub(crate) async fn delete(
    on: &mut PgConnection,
    room: RoomId,
    idle_since: Option<Timestamp>,
) -> Result<Option<Version>, Failure> {
    let mut locked = Locked::take(on, room).await?;
    let id = int(room.get());
    let delete = sqlx::query(sql::DELETE).bind(id).bind(idle_since.map(Timestamp::to_utc));
    if delete.execute(&mut *on).await?.rows_affected() == 0 {
        return Ok(None);
    }
    if locked.room.kind == RoomKind::Direct {
        sqlx::query(sql::FORGET_PAIR).bind(id).execute(on).await?;
    }
    Ok(Some(locked.next_version()))
}

/// What is left of a room that is gone.
struct Gone {
    room: i64,
    /// The position of its newest message, and up to which one they are taken out.
    last: i64,
    swept: i64,
    /// How many rows of members there are at most, and up to whom they are taken out.
    members: i64,
    user: String,
    /// How often it could not be swept.
    failures: u32,
}

impl Gone {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            room: row.try_get("room_id")?,
            last: row.try_get("last_seq")?,
            swept: row.try_get("swept")?,
            members: row.try_get("members")?,
            user: row.try_get("swept_user")?,
            failures: row.try_get::<i32, _>("failures")?.unsigned_abs(),
        })
    }

    /// How many rows there are at most.
    fn rows(&self) -> i64 {
        (self.last - self.swept).saturating_add(self.members)
    }
}

/// Takes so many messages and members out of rooms that are gone; whether there is one. `taken` are
/// the rooms, also where that fails.
pub(crate) async fn sweep(
    on: &mut PgConnection,
    at: Timestamp,
    limit: usize,
    taken: &mut Vec<i64>,
) -> Result<bool, Failure> {
    let limit = int(limit as u64).max(1);
    let take = sqlx::query(sql::TAKE).bind(at.to_utc()).bind(limit).bind(TOGETHER);
    let rows = take.fetch_all(&mut *on).await?;
    let rooms = rows.iter().map(Gone::of).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = rooms.first() else { return Ok(false) };
    let mut left = limit;
    let whole = rooms.iter().take_while(|room| {
        left = left.saturating_sub(room.rows());
        room.failures == 0 && left >= 0
    });
    let whole: Vec<&Gone> = whole.collect();
    if whole.is_empty() {
        taken.push(first.room);
        // What took too long is done in smaller parts.
        let limit = limit.checked_shr(3 * first.failures).unwrap_or(0).max(1);
        sweep_part(on, at, first, limit).await?;
    } else {
        taken.extend(whole.iter().map(|room| room.room));
        sweep_messages(on, at, &whole, i64::MAX).await?;
        sqlx::query(sql::SWEEP_ALL_MEMBERS).bind(&taken[..]).execute(&mut *on).await?;
        sqlx::query(sql::FORGET).bind(&taken[..]).execute(on).await?;
    }
    Ok(true)
}

/// Takes so many messages and members out of one room.
async fn sweep_part(
    on: &mut PgConnection,
    at: Timestamp,
    gone: &Gone,
    limit: i64,
) -> Result<(), Failure> {
    let messages = limit.min(gone.last - gone.swept);
    if messages > 0 {
        sweep_messages(on, at, &[gone], messages).await?;
    }
    let (limit, mut user) = (limit - messages, None);
    if limit > 0 {
        let sweep = sqlx::query(sql::SWEEP_MEMBERS).bind(gone.room).bind(&gone.user).bind(limit);
        let row = sweep.fetch_one(&mut *on).await?;
        if row.try_get::<i64, _>("count")? < limit {
            sqlx::query(sql::FORGET).bind(&[gone.room][..]).execute(on).await?;
            return Ok(());
        }
        user = row.try_get::<Option<String>, _>("last")?;
    }
    let note = sqlx::query(sql::NOTE_SWEPT).bind(gone.room).bind(gone.swept + messages);
    note.bind(user).execute(on).await?;
    Ok(())
}

/// Takes so many messages out of each of these rooms.
async fn sweep_messages(
    on: &mut PgConnection,
    at: Timestamp,
    rooms: &[&Gone],
    most: i64,
) -> Result<(), Failure> {
    let ends = rooms.iter().map(|room| room.last.min(room.swept.saturating_add(most)));
    sqlx::query(sql::SWEEP_MESSAGES)
        .bind(rooms.iter().map(|room| room.room).collect::<Vec<_>>())
        .bind(rooms.iter().map(|room| room.swept).collect::<Vec<_>>())
        .bind(ends.collect::<Vec<_>>())
        .bind(at.to_utc())
        .bind(seconds(FIRST_FILE_PAUSE))
        .execute(on)
        .await?;
    Ok(())
}

/// Puts rooms off that could not be swept, so that they hold up no others.
pub(crate) async fn put_off(
    on: &mut PgConnection,
    at: Timestamp,
    rooms: &[i64],
) -> Result<(), Failure> {
    let put_off = sqlx::query(sql::PUT_OFF).bind(rooms).bind(at.to_utc());
    let put_off =
        put_off.bind(FIRST_ROOM_PAUSE.as_secs_f64()).bind(LONGEST_ROOM_PAUSE.as_secs_f64());
    put_off.execute(on).await?;
    Ok(())
}

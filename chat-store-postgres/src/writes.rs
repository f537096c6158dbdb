//! What a batch has decided, written with few statements.

use std::collections::HashMap;
use std::sync::Arc;

use chat_core::model::{
    Message, MessageId, MessageVersions, RoomId, Seq, SeqSet, Timestamp, UserId, Version,
};
use chat_core::store::{NewMessage, Once};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use uuid::Uuid;

use crate::batch::{Held, Place};
use crate::rows::{self, Sets, added, int, multirange, uint};
use crate::sql::batch as sql;

/// A message to write.
pub(crate) struct NewRow {
    pub(crate) sent: NewMessage,
    pub(crate) seq: Seq,
    pub(crate) created_at: Timestamp,
    pub(crate) versions: MessageVersions,
}

/// Statuses that move together.
pub(crate) struct Move {
    pub(crate) room: RoomId,
    pub(crate) by: UserId,
    pub(crate) at: Timestamp,
    pub(crate) version: Version,
    /// What is delivered to all and not read by all.
    pub(crate) delivered: SeqSet,
    /// What is read by all.
    pub(crate) read: SeqSet,
    /// Only messages after this position are handed back.
    pub(crate) shown_after: Seq,
}

/// Moves in waves: no message is in a wave twice, as one statement changes a row once.
#[derive(Default)]
pub(crate) struct Moves(Vec<Wave>);

#[derive(Default)]
struct Wave {
    moves: Vec<Move>,
    moved: HashMap<RoomId, SeqSet>,
}

impl Moves {
    /// Adds a move to the first wave after those that move the same messages.
    pub(crate) fn add(&mut self, step: Move) {
        let all = step.delivered.union(&step.read);
        let meets = |wave: &Wave| {
            wave.moved.get(&step.room).is_some_and(|moved| !moved.intersection(&all).is_empty())
        };
        let place = self.0.iter().rposition(meets).map_or(0, |last| last + 1);
        if place == self.0.len() {
            self.0.push(Wave::default());
        }
        let moved = self.0[place].moved.entry(step.room).or_default();
        *moved = moved.union(&all);
        self.0[place].moves.push(step);
    }
}

/// The ids of messages, by where they are.
pub(crate) type Places = HashMap<Place, MessageId>;

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Inserts messages.
pub(crate) async fn insert(on: &mut PgConnection, new: &[NewRow]) -> Result<Places, sqlx::Error> {
    if new.is_empty() {
        return Ok(Places::new());
    }
    places(bind_rows(sqlx::query(sql::SEND), new).fetch_all(on).await?)
}

/// Does all for messages to rooms of which everything is known, and notes it in the lane's row.
/// Where a room is not what it was known to be, nothing of it is written.
pub(crate) async fn insert_known<'h>(
    on: &mut PgConnection,
    lane: (Uuid, i64),
    new: &[NewRow],
    rooms: impl Iterator<Item = &'h Held>,
) -> Result<Places, sqlx::Error> {
    let held: Vec<_> = rooms.collect();
    let column = |of: fn(&Held) -> i64| held.iter().map(|held| of(held)).collect::<Vec<_>>();
    let last_at = |held: &&Held| held.last_at.map(Timestamp::to_utc);
    let sent = bind_rows(sqlx::query(sql::SEND_KNOWN), new)
        .bind(column(|held| int(held.room.id.get())))
        .bind(column(|held| int(held.found)))
        .bind(column(|held| int(held.room.last_seq)))
        .bind(column(|held| int(held.room.version)))
        .bind(held.iter().map(|held| held.activity_at.to_utc()).collect::<Vec<_>>())
        .bind(held.iter().map(last_at).collect::<Vec<_>>())
        .bind(lane.0)
        .bind(lane.1);
    places(sent.fetch_all(on).await?)
}

/// The same messages again, where it is known that they were written but not what became of them.
/// Nothing was written to the rooms that are `refused`.
pub(crate) async fn find(
    on: &mut PgConnection,
    new: &[NewRow],
    refused: &[i64],
) -> Result<Places, sqlx::Error> {
    let rows = new.iter().map(|row| (int(row.sent.room.get()), int(row.seq)));
    let (rooms, seqs): (Vec<_>, Vec<_>) = rows.filter(|(room, _)| !refused.contains(room)).unzip();
    places(sqlx::query(sql::PLACES).bind(rooms).bind(seqs).fetch_all(on).await?)
}

fn places(rows: Vec<PgRow>) -> Result<Places, sqlx::Error> {
    let place = |row: PgRow| {
        let room = rows::room_id(row.try_get("room_id")?)?;
        Ok(((room, uint(row.try_get("seq")?)), rows::message_id(row.try_get("id")?)?))
    };
    rows.into_iter().map(place).collect()
}

fn bind_rows<'q>(statement: Statement<'q>, new: &'q [NewRow]) -> Statement<'q> {
    let column = |of: fn(&NewRow) -> i64| new.iter().map(of).collect::<Vec<_>>();
    let text = |of: fn(&NewRow) -> &str| new.iter().map(of).collect::<Vec<_>>();
    let words = |row: &NewRow| rows::words(row.sent.room, row.sent.content.as_str());
    let files = || new.iter().map(|row| row.sent.attachment.as_ref());
    let once = |of: fn(Once) -> [u8; 16]| {
        new.iter().map(|row| row.sent.once.map(of).map(Uuid::from_bytes)).collect::<Vec<_>>()
    };
    statement
        .bind(column(|row| int(row.sent.room.get())))
        .bind(column(|row| int(row.seq)))
        .bind(text(|row| row.sent.by.user().as_str()))
        .bind(text(|row| row.sent.kind.as_str()))
        .bind(text(|row| row.sent.content.as_str()))
        .bind(files().map(|file| file.map(|file| file.key.as_str())).collect::<Vec<_>>())
        .bind(files().map(|file| file.map(|file| file.name.as_str())).collect::<Vec<_>>())
        .bind(files().map(|file| file.map(|file| file.content_type.as_str())).collect::<Vec<_>>())
        .bind(files().map(|file| file.map(|file| int(file.size))).collect::<Vec<_>>())
        .bind(new.iter().map(|row| row.sent.reply_to.map(|id| int(id.get()))).collect::<Vec<_>>())
        .bind(new.iter().map(|row| row.created_at.to_utc()).collect::<Vec<_>>())
        .bind(column(|row| int(row.versions.sent)))
        .bind(new.iter().map(words).collect::<Vec<_>>())
        .bind(once(|once| once.key))
        .bind(once(|once| once.content))
}

/// The messages that these rows are now; none where one is at no place.
pub(crate) fn stored(new: Vec<NewRow>, places: &Places) -> Vec<Option<Arc<Message>>> {
    let message = |row: NewRow| {
        let NewRow { sent, seq, created_at, versions } = row;
        let id = *places.get(&(sent.room, seq))?;
        Some(Arc::new(Message {
            id,
            room: sent.room,
            seq,
            sender: sent.by.user().clone(),
            kind: sent.kind,
            content: sent.content.into_string(),
            attachment: sent.attachment,
            reply_to: sent.reply_to,
            created_at,
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            delivered_at: None,
            read_at: None,
            delivered_by: None,
            status_by: None,
            versions,
        }))
    };
    new.into_iter().map(message).collect()
}

/// Writes rooms and members as they are now, and in a lane's row that the batch was.
pub(crate) async fn save(
    on: &mut PgConnection,
    lane: Option<(Uuid, i64)>,
    rooms: impl Iterator<Item = &Held>,
) -> Result<(), sqlx::Error> {
    let held: Vec<_> = rooms.filter(|held| held.changed).collect();
    let members = held.iter().flat_map(|held| {
        let marked = held.members.values().filter(|caller| caller.marked);
        marked.map(|caller| (&held.room, &caller.member))
    });
    let members: Vec<_> = members.collect();
    let column = |of: fn(&Held) -> i64| held.iter().map(|held| of(held)).collect::<Vec<_>>();
    let more = |of: fn(&Sets) -> &SeqSet| {
        held.iter().map(|held| added(of(&held.added))).collect::<Vec<_>>()
    };
    let last_at = |held: &&Held| held.last_at.map(Timestamp::to_utc);
    let statement = if members.is_empty() { sql::SAVE } else { sql::SAVE_WITH_MEMBERS };
    let mut save = sqlx::query(statement)
        .bind(lane.map(|(lane, _)| lane))
        .bind(lane.map(|(_, number)| number))
        .bind(column(|held| int(held.room.id.get())))
        .bind(column(|held| int(held.room.last_seq)))
        .bind(column(|held| int(held.room.version)))
        .bind(held.iter().map(|held| held.activity_at.to_utc()).collect::<Vec<_>>())
        .bind(held.iter().map(last_at).collect::<Vec<_>>())
        .bind(more(|added| &added.uncounted))
        .bind(more(|added| &added.delivered))
        .bind(more(|added| &added.read));
    if !members.is_empty() {
        let members = || members.iter();
        save = save
            .bind(members().map(|(room, _)| int(room.id.get())).collect::<Vec<_>>())
            .bind(members().map(|(_, member)| member.user.as_str()).collect::<Vec<_>>())
            .bind(members().map(|(_, member)| multirange(&member.read)).collect::<Vec<_>>())
            .bind(members().map(|(_, member)| multirange(&member.delivered)).collect::<Vec<_>>())
            .bind(members().map(|(room, _)| int(room.last_seq)).collect::<Vec<_>>());
    }
    let saved = save.execute(on).await?;
    if lane.is_some() && saved.rows_affected() == 0 {
        // The row of a lane that was idle for long is taken away; a new connection brings it back.
        return Err(sqlx::Error::WorkerCrashed);
    }
    Ok(())
}

/// Takes what members have sent into their sets, where it is much.
pub(crate) async fn fold(
    on: &mut PgConnection,
    rooms: impl Iterator<Item = &Held>,
) -> Result<(), sqlx::Error> {
    let (mut ids, mut users, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for held in rooms {
        for caller in held.members.values().filter(|caller| caller.folds && !caller.marked) {
            ids.push(int(held.room.id.get()));
            users.push(caller.member.user.as_str());
            seqs.push(int(held.room.last_seq));
        }
    }
    if !ids.is_empty() {
        sqlx::query(sql::FOLD).bind(ids).bind(users).bind(seqs).execute(on).await?;
    }
    Ok(())
}

/// Moves statuses, and returns the messages as they are after it: those that are asked for.
pub(crate) async fn move_statuses(
    on: &mut PgConnection,
    moves: &Moves,
) -> Result<HashMap<Place, Arc<Message>>, sqlx::Error> {
    let mut after = HashMap::new();
    for wave in &moves.0 {
        let ranges = || {
            wave.moves.iter().flat_map(|step| {
                let delivered = step.delivered.ranges().map(move |range| (step, range, false));
                delivered.chain(step.read.ranges().map(move |range| (step, range, true)))
            })
        };
        let rows = sqlx::query(sql::MOVE)
            .bind(ranges().map(|(step, ..)| int(step.room.get())).collect::<Vec<_>>())
            .bind(ranges().map(|(_, range, _)| int(*range.start())).collect::<Vec<_>>())
            .bind(ranges().map(|(_, range, _)| int(*range.end())).collect::<Vec<_>>())
            .bind(ranges().map(|(.., reads)| reads).collect::<Vec<_>>())
            .bind(ranges().map(|(step, ..)| step.at.to_utc()).collect::<Vec<_>>())
            .bind(ranges().map(|(step, ..)| step.by.as_str()).collect::<Vec<_>>())
            .bind(ranges().map(|(step, ..)| int(step.version)).collect::<Vec<_>>())
            .bind(ranges().map(|(step, ..)| int(step.shown_after)).collect::<Vec<_>>())
            .fetch_all(&mut *on)
            .await?;
        for row in rows {
            let message = crate::rows::message(&row)?;
            after.insert((message.room, message.seq), Arc::new(message));
        }
    }
    Ok(after)
}

//! Messages, their edits and reactions, and what changed since.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{
    Attachment, Cursor, Message, MessageId, Page, RoomId, SeqSet, Slice, UserId, Window,
};
use chat_core::rules::{Action, Caller, Guarded, change_reactions, permit_message};
use chat_core::store::{
    Anchor, Changed, Changes, DeleteMessage, EditMessage, HistoryQuery, MessageStore, NewMessage,
    Once, React, Sent, StoreError, StoreResult,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::PgStore;
use crate::connection::in_time;
use crate::erasure::note_files;
use crate::error::{Failure, meaning};
use crate::lane::{Outcome, Write};
use crate::locked::Locked;
use crate::rooms::bound;
use crate::rows::{self, int, uint};
use crate::sql::messages as sql;

/// How often a page is read again because a message on it, or the room, was deleted meanwhile.
const ATTEMPTS: usize = 5;

/// More than any room has; sums of it and of positions stay far below what the database counts to.
const MOST: u64 = 1 << 48;

#[async_trait]
impl MessageStore for PgStore {
    async fn send(&self, new: NewMessage) -> StoreResult<Sent> {
        match self.lanes.write(Write::Send(new)).await? {
            Outcome::Sent(sent) => Ok(sent),
            Outcome::Marked { .. } => Err(StoreError::NotFound),
        }
    }

    async fn sent_before(
        &self,
        room: RoomId,
        sender: &UserId,
        once: Once,
    ) -> StoreResult<Option<Arc<Message>>> {
        let key = || {
            sqlx::query(sql::SENT_BEFORE)
                .bind(int(room.get()))
                .bind(sender.as_str())
                .bind(Uuid::from_bytes(once.key))
        };
        let rows = self.database.rows(key).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let content: Uuid = row.try_get("m_key_content").map_err(meaning)?;
        let message = rows::message(row).map_err(meaning)?;
        let same = content.into_bytes() == once.content && !message.is_deleted();
        Ok(same.then(|| Arc::new(message)))
    }

    async fn edit(&self, edit: EditMessage) -> StoreResult<Arc<Message>> {
        in_time(async {
            let mut transaction = self.database.begin_in(edit.room).await?;
            let on = transaction.connection();
            let edited = async {
                let (mut locked, message) =
                    permitted(on, edit.room, Some(&edit.by), Action::Edit, edit.message).await?;
                let version = locked.next_version();
                locked.save(on).await?;
                let row = sqlx::query(sql::EDIT)
                    .bind(int(edit.room.get()))
                    .bind(int(message.seq))
                    .bind(edit.content.as_str())
                    .bind(rows::words(edit.room, edit.content.as_str()))
                    .bind(edit.at.to_utc())
                    .bind(int(version))
                    .fetch_one(on)
                    .await?;
                Ok(Arc::new(rows::message(&row)?))
            }
            .await;
            transaction.finish(edited).await
        })
        .await
    }

    async fn delete(
        &self,
        delete: DeleteMessage,
    ) -> StoreResult<(Arc<Message>, Option<Attachment>)> {
        in_time(async {
            let mut transaction = self.database.begin_in(delete.room).await?;
            let on = transaction.connection();
            let deleted = async {
                let (mut locked, message) =
                    permitted(on, delete.room, delete.by.as_ref(), Action::Delete, delete.message)
                        .await?;
                let version = locked.next_version();
                locked.delete(message.seq);
                locked.save(on).await?;
                let row = sqlx::query(sql::DELETE)
                    .bind(int(delete.room.get()))
                    .bind(int(message.seq))
                    .bind(delete.at.to_utc())
                    .bind(int(version))
                    .fetch_one(&mut *on)
                    .await?;
                let keys = message.attachment.iter().map(|file| file.key.clone());
                note_files(on, &keys.collect::<Vec<_>>(), delete.at).await?;
                Ok((Arc::new(rows::message(&row)?), message.attachment))
            }
            .await;
            transaction.finish(deleted).await
        })
        .await
    }

    async fn react(&self, react: React) -> StoreResult<(Arc<Message>, bool)> {
        in_time(async {
            let mut transaction = self.database.begin_in(react.room).await?;
            let on = transaction.connection();
            let reacted = async {
                let (mut locked, mut message) =
                    permitted(on, react.room, Some(&react.by), Action::React, react.message)
                        .await?;
                let reactions = &mut message.reactions;
                if !change_reactions(reactions, &react.by.user, &react.emoji, react.add)? {
                    return Ok((Arc::new(message), false));
                }
                let version = locked.next_version();
                locked.save(on).await?;
                let row = sqlx::query(sql::REACT)
                    .bind(int(react.room.get()))
                    .bind(int(message.seq))
                    .bind(rows::reactions_text(&message.reactions))
                    .bind(int(version))
                    .fetch_one(on)
                    .await?;
                Ok((Arc::new(rows::message(&row)?), true))
            }
            .await;
            transaction.finish(reacted).await
        })
        .await
    }

    async fn message(
        &self,
        by: Option<&Caller>,
        room: Option<RoomId>,
        message: MessageId,
    ) -> StoreResult<Option<Guarded<Arc<Message>>>> {
        let query = || {
            sqlx::query(sql::BY_ID)
                .bind(int(message.get()))
                .bind(by.map(|by| by.user.as_str()))
                .bind(room.map(|room| int(room.get())))
        };
        let rows = self.database.rows(query).await?;
        let read = |row| Ok(Guarded::new(rows::access(row, by)?, Arc::new(rows::message(row)?)));
        rows.first().map(read).transpose().map_err(meaning)
    }

    async fn history(
        &self,
        query: HistoryQuery,
    ) -> StoreResult<Option<Guarded<Page<Arc<Message>>>>> {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let before = match query.anchor {
                Anchor::BeforeMessage(id) => Some(int(id.get())),
                _ => None,
            };
            let below = match query.anchor {
                Anchor::BeforeSeq(seq) => seq.saturating_sub(1),
                _ => u64::MAX,
            };
            // A page that goes up is found once it is known how long the list is.
            let up = matches!(query.anchor, Anchor::AfterSeq(_));
            let take = if up { 0 } else { query.slice.take };
            let room = || {
                bound(sql::PAGE_ROOM, query.room, query.by.as_ref())
                    .bind(before)
                    .bind(int(below))
                    .bind(int(query.slice.skip.min(MOST)))
                    .bind(int((take as u64).min(MOST)))
                    .bind(query.deleted)
            };
            let rows = self.database.rows(room).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let access = rows::access(row, query.by.as_ref()).map_err(meaning)?;
            let (count, seqs) = window(row, &query).map_err(meaning)?;
            let mut items = messages_of(rows.iter().rev()).map_err(meaning)?;
            if items.iter().map(|item| item.seq).collect::<SeqSet>() != seqs {
                items = self.messages_at(query.room, &seqs).await?;
            }
            // What was deleted since the room was read is not where it is looked for any more, and
            // of a room that was deleted not all is there.
            let known = rows::room(row).map_err(meaning)?.deleted;
            let stale = |item: &Arc<Message>| {
                !query.deleted && item.is_deleted() && !known.contains(item.seq)
            };
            let is_whole = items.len() as u64 == seqs.len();
            if !is_whole || items.iter().any(stale) {
                if attempts > 0 {
                    continue;
                }
                items.retain(|item| !stale(item));
            }
            if !up {
                items.reverse();
            }
            return Ok(Some(Guarded::new(access, Page { count, items })));
        }
    }

    async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> StoreResult<Changes> {
        let limit = limit.max(1);
        let next = after.version.saturating_add(1);
        // Members come before the messages of their version.
        let members = next.saturating_add(u64::from(after.seq > 0));
        let query = || {
            sqlx::query(sql::CHANGES)
                .bind(int(room.get()))
                .bind(int(next))
                .bind(int(after.seq))
                .bind(int(members))
                .bind(int(limit as u64).saturating_add(1))
        };
        let rows = self.database.rows(query).await?;
        if rows.is_empty() {
            return Err(StoreError::NotFound);
        }
        changes(&rows, limit).map_err(meaning)
    }
}

impl PgStore {
    /// The messages at these positions, ascending.
    async fn messages_at(&self, room: RoomId, seqs: &SeqSet) -> StoreResult<Vec<Arc<Message>>> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let low: Vec<i64> = seqs.ranges().map(|range| int(*range.start())).collect();
        let high: Vec<i64> = seqs.ranges().map(|range| int(*range.end())).collect();
        let page =
            || sqlx::query(sql::PAGE).bind(int(room.get())).bind(low.clone()).bind(high.clone());
        let rows = self.database.rows(page).await?;
        let messages = rows.iter().map(|row| rows::message(row).map(Arc::new));
        messages.collect::<Result<_, _>>().map_err(meaning)
    }
}

/// Takes a room for a caller, or for the host, with a message of it with which they may do this.
async fn permitted(
    on: &mut PgConnection,
    room: RoomId,
    by: Option<&Caller>,
    action: Action,
    message: MessageId,
) -> Result<(Locked, Message), Failure> {
    let locked = Locked::permitted(on, room, by, action).await?;
    let query = sqlx::query(sql::IN_ROOM).bind(int(message.get())).bind(int(room.get()));
    let row = query.fetch_optional(on).await?.ok_or(StoreError::NotFound)?;
    let message = rows::message(&row)?;
    permit_message(action, by.map(|by| &by.user), &message)?;
    Ok((locked, message))
}

/// The messages of rows that have one.
fn messages_of<'r>(
    rows: impl Iterator<Item = &'r PgRow>,
) -> Result<Vec<Arc<Message>>, sqlx::Error> {
    rows.filter_map(|row| rows::maybe_message(row).transpose()).collect()
}

/// How many messages a list has, and where those of the page are. It is found by arithmetic,
/// whatever its number.
fn window(row: &PgRow, query: &HistoryQuery) -> Result<(u64, SeqSet), sqlx::Error> {
    let room = rows::room(row)?;
    let nothing = SeqSet::new();
    let hidden = if query.deleted { &nothing } else { &room.deleted };
    let newest = room.last_seq;
    let (low, high) = match query.anchor {
        Anchor::Newest => (1, newest),
        Anchor::BeforeMessage(_) => (1, uint(row.try_get("high")?)),
        Anchor::BeforeSeq(seq) => (1, newest.min(seq.saturating_sub(1))),
        Anchor::AfterSeq(seq) => (seq.saturating_add(1), newest),
    };
    let count = (high + 1).saturating_sub(low) - hidden.count_in(low..=high);
    let up = matches!(query.anchor, Anchor::AfterSeq(_));
    let slice = if up { from_the_other_end(query.slice, count) } else { query.slice };
    let window = Window::newest(high, hidden, slice);
    let seqs = window.map_or_else(SeqSet::new, |window| {
        SeqSet::from(window.low..=window.high).difference(hidden)
    });
    Ok((count, seqs))
}

/// The same part of a list of `count` items, counted from the list's end.
fn from_the_other_end(slice: Slice, count: u64) -> Slice {
    let start = slice.skip.min(count);
    let end = start.saturating_add(slice.take as u64).min(count);
    Slice { skip: count - end, take: usize::try_from(end - start).unwrap_or(usize::MAX) }
}

/// What changed, from rows that are in order. A page ends where a cursor can say so: not between
/// members who came together.
fn changes(rows: &[PgRow], limit: usize) -> Result<Changes, sqlx::Error> {
    let mut items = Vec::new();
    let mut newest = (0, 0);
    let mut more = None;
    for row in rows {
        let Some(version) = row.try_get::<Option<i64>, _>("x_version")?.map(uint) else { break };
        if items.len() >= limit {
            more = match newest {
                (same, seq) if same == version && seq > 0 => {
                    Some(Cursor { version: version - 1, seq })
                }
                (before, _) if before < version => Some(Cursor::version(before)),
                _ => None,
            };
            if more.is_some() {
                break;
            }
        }
        if let Some(message) = rows::maybe_message(row)? {
            newest = (version, message.seq);
            items.push(Changed::Message(message));
        } else {
            newest = (version, 0);
            items.push(Changed::Member(rows::membership(row)?));
        }
    }
    let room = rows::room(&rows[0])?;
    if items.len() > limit && more.is_none() && newest.0 < room.version {
        // Members who came together have filled the page, and what came later was not asked for.
        more = Some(Cursor::version(newest.0));
    }
    Ok(Changes { room, items, more })
}

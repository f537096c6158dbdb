//! What a batch reads before it decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chat_core::model::{RoomId, SeqSet};
use chat_core::store::{Mark, Targets};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::marks::positions;
use super::{Batch, Caller, Found, Held, Locking};
use crate::lane::Write;
use crate::rows::{self, Sets, int, multirange, uint};
use crate::sql::batch as sql;

impl Batch {
    /// Takes the rooms of these writes and reads all that decides about them.
    pub(super) async fn read(
        on: &mut PgConnection,
        all: &[Write],
        locking: Locking,
    ) -> Result<Self, sqlx::Error> {
        let mut batch = Self::default();
        batch.take(on, all, locking).await?;
        batch.read_members(on, all).await?;
        batch.read_keys(on, all).await?;
        batch.read_targets(on, all).await?;
        batch.read_others(on, all).await?;
        Ok(batch)
    }

    /// Takes the rooms.
    async fn take(
        &mut self,
        on: &mut PgConnection,
        all: &[Write],
        locking: Locking,
    ) -> Result<(), sqlx::Error> {
        let ids: BTreeSet<RoomId> = all.iter().map(Write::room).collect();
        let column =
            |ids: &BTreeSet<RoomId>| ids.iter().map(|id| int(id.get())).collect::<Vec<_>>();
        let lock = match locking {
            Locking::Wait => sql::LOCK,
            Locking::Skip => sql::LOCK_FREE,
        };
        let marked = all.iter().filter(|write| matches!(write, Write::Mark(_)));
        let marked: BTreeSet<RoomId> = marked.map(Write::room).collect();
        let lock = sqlx::query(lock).bind(column(&ids)).bind(column(&marked));
        for row in lock.fetch_all(&mut *on).await? {
            let room = rows::facts(&row)?;
            let held = Held {
                found: room.version,
                room,
                activity_at: rows::at(&row, "activity_at")?,
                last_at: rows::maybe_at(&row, "last_at")?,
                sets: rows::sets(&row)?,
                added: Sets::default(),
                members: BTreeMap::new(),
                others: None,
                changed: false,
            };
            self.rooms.insert(held.room.id, held);
        }
        if locking == Locking::Skip && self.rooms.len() < ids.len() {
            let present = sqlx::query_scalar(sql::PRESENT).bind(column(&ids)).fetch_all(on).await?;
            let present = present.into_iter().map(rows::room_id).collect::<Result<_, _>>()?;
            self.busy = &ids & &present;
            self.busy.retain(|id| !self.rooms.contains_key(id));
        }
        Ok(())
    }

    /// Reads the callers' memberships.
    async fn read_members(
        &mut self,
        on: &mut PgConnection,
        all: &[Write],
    ) -> Result<(), sqlx::Error> {
        let marked: BTreeSet<i64> = all
            .iter()
            .filter(|write| matches!(write, Write::Mark(_)))
            .map(|write| int(write.room().get()))
            .collect();
        let callers: BTreeSet<(i64, &str)> = all
            .iter()
            .map(|write| {
                let user = match write {
                    Write::Send(new) => new.by.user(),
                    Write::Mark(mark) => &mark.by.user,
                };
                (int(write.room().get()), user.as_str())
            })
            .collect();
        let (rooms, users): (Vec<i64>, Vec<&str>) = callers.into_iter().unzip();
        let marks: Vec<bool> = rooms.iter().map(|room| marked.contains(room)).collect();
        let query = sqlx::query(sql::MEMBERS).bind(rooms).bind(users).bind(marks);
        for row in query.fetch_all(on).await? {
            let member = rows::member(&row)?;
            let own_seq = uint(row.try_get("own_seq")?);
            if let Some(held) = self.rooms.get_mut(&rows::room_id(row.try_get("room_id")?)?) {
                let user = member.user.clone();
                let caller = Caller { member, own_seq, marked: false, folds: false };
                held.members.insert(user, caller);
            }
        }
        Ok(())
    }

    /// Reads for receipts what all others have, as far as that decides anything.
    async fn read_others(
        &mut self,
        on: &mut PgConnection,
        all: &[Write],
    ) -> Result<(), sqlx::Error> {
        let mut new: BTreeMap<RoomId, (SeqSet, SeqSet)> = BTreeMap::new();
        for write in all {
            let Write::Mark(mark) = write else { continue };
            let Some(held) = self.rooms.get(&mark.room) else { continue };
            // What is refused moves nothing. What the batch itself sends is read by no other.
            let Ok(targets) = positions(mark, held.room.last_seq, &self.targets) else { continue };
            let Ok(step) = held.candidates(&mark.by.user, &targets, mark.kind) else { continue };
            let (delivered, read) = new.entry(mark.room).or_default();
            *delivered = delivered.union(&step.delivered);
            *read = read.union(&step.read);
        }
        if new.is_empty() {
            return Ok(());
        }
        let callers = || {
            let rooms = new.keys().filter_map(|room| self.rooms.get(room));
            rooms.flat_map(|held| held.members.keys().map(|user| (held.room.id, user.as_str())))
        };
        let query = sqlx::query(sql::OTHERS)
            .bind(new.keys().map(|room| int(room.get())).collect::<Vec<_>>())
            .bind(new.values().map(|(delivered, _)| multirange(delivered)).collect::<Vec<_>>())
            .bind(new.values().map(|(_, read)| multirange(read)).collect::<Vec<_>>())
            .bind(callers().map(|(room, _)| int(room.get())).collect::<Vec<_>>())
            .bind(callers().map(|(_, user)| user.to_owned()).collect::<Vec<_>>());
        for row in query.fetch_all(on).await? {
            let read = rows::seq_set(row.try_get("read")?)?;
            let delivered = rows::seq_set(row.try_get("delivered")?)?;
            if let Some(held) = self.rooms.get_mut(&rows::room_id(row.try_get("room_id")?)?) {
                held.others = Some((read, delivered));
            }
        }
        Ok(())
    }

    async fn read_keys(&mut self, on: &mut PgConnection, all: &[Write]) -> Result<(), sqlx::Error> {
        let keyed = all.iter().filter_map(|write| match write {
            Write::Send(new) => Some((new, new.once?)),
            Write::Mark(_) => None,
        });
        let (mut rooms, mut users, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (new, once) in keyed {
            rooms.push(int(new.room.get()));
            users.push(new.by.user().as_str());
            keys.push(Uuid::from_bytes(once.key));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(sql::KEYS).bind(rooms).bind(users).bind(keys);
        for row in query.fetch_all(on).await? {
            let message = Arc::new(rows::message(&row)?);
            let key: Uuid = row.try_get("m_key")?;
            let content: Uuid = row.try_get("m_key_content")?;
            let under = (message.room, message.sender.clone(), key.into_bytes());
            self.keys.insert(under, (content.into_bytes(), Found::There(message)));
        }
        Ok(())
    }

    async fn read_targets(
        &mut self,
        on: &mut PgConnection,
        all: &[Write],
    ) -> Result<(), sqlx::Error> {
        let ids: BTreeSet<i64> = all
            .iter()
            .filter_map(|write| match write {
                Write::Send(new) => new.reply_to,
                Write::Mark(Mark { targets: Targets::Message(id), .. }) => Some(*id),
                Write::Mark(_) => None,
            })
            .map(|id| int(id.get()))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let rooms: Vec<i64> = self.rooms.keys().map(|room| int(room.get())).collect();
        for row in sqlx::query(sql::TARGETS).bind(ids).bind(rooms).fetch_all(on).await? {
            let message = rows::message(&row)?;
            self.targets.insert(message.id, message);
        }
        Ok(())
    }
}

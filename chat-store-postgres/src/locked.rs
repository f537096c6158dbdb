//! A room that a transaction holds, and what the rules say about it.

use chat_core::model::{RoomId, Seq, SeqSet, Timestamp, UserId, Version};
use chat_core::rules::{Action, Caller, admit};
use chat_core::store::StoreError;
use sqlx::{PgConnection, Row};

use crate::error::Failure;
use crate::rows::{self, Facts, added, int, multirange};
use crate::sql::rooms as sql;

/// A room that a transaction holds.
pub(crate) struct Locked {
    pub(crate) room: Facts,
    pub(crate) name: Option<String>,
    /// The version at which the settings change, where they do.
    pub(crate) settings: Option<Version>,
    joinings: i64,
    /// What is deleted.
    deleted: SeqSet,
}

impl Locked {
    /// Takes a room.
    pub(crate) async fn take(on: &mut PgConnection, id: RoomId) -> Result<Self, Failure> {
        let row = sqlx::query(sql::LOCK).bind(int(id.get())).fetch_optional(on).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        Ok(Self {
            room: rows::facts(&row)?,
            name: row.try_get("name")?,
            settings: None,
            joinings: row.try_get("joinings")?,
            deleted: SeqSet::new(),
        })
    }

    /// Takes a room for a caller who may do this in it, or for the host.
    pub(crate) async fn permitted(
        on: &mut PgConnection,
        id: RoomId,
        by: Option<&Caller>,
        action: Action,
    ) -> Result<Self, Failure> {
        let locked = Self::take(on, id).await?;
        let is_member = match by {
            Some(by) => !locked.present(on, std::slice::from_ref(&by.user)).await?.is_empty(),
            None => false,
        };
        locked.room.access(by, is_member).permit(action)?;
        Ok(locked)
    }

    /// The next version.
    pub(crate) fn next_version(&mut self) -> Version {
        self.room.version += 1;
        self.room.version
    }

    /// Which of these users are members.
    pub(crate) async fn present(
        &self,
        on: &mut PgConnection,
        users: &[UserId],
    ) -> Result<Vec<String>, Failure> {
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let rows = sqlx::query_scalar(sql::PRESENT).bind(int(self.room.id.get())).bind(users);
        Ok(rows.fetch_all(on).await?)
    }

    /// Refuses so many new members where the room has no place for them.
    async fn admit(&self, on: &mut PgConnection, more: usize, limit: usize) -> Result<(), Failure> {
        // Nobody is a member without having joined, so rooms that few have joined need no count.
        let joinings = usize::try_from(self.joinings).unwrap_or(usize::MAX);
        if admit(joinings, more, limit).is_ok() {
            return Ok(());
        }
        let count = sqlx::query_scalar(sql::COUNT).bind(int(self.room.id.get()));
        let present: i64 = count.bind(int(limit as u64)).fetch_one(on).await?;
        let present = usize::try_from(present).unwrap_or(usize::MAX);
        admit(present, more, limit).map_err(StoreError::from)?;
        Ok(())
    }

    /// Makes members of users who are none, with the room's next version, and returns them.
    pub(crate) async fn join(
        &mut self,
        on: &mut PgConnection,
        users: Vec<UserId>,
        limit: usize,
        at: Timestamp,
    ) -> Result<Vec<UserId>, Failure> {
        if users.is_empty() {
            return Ok(users);
        }
        let present = self.present(on, &users).await?;
        let mut joined: Vec<UserId> = Vec::new();
        let mut known: std::collections::HashSet<String> = present.into_iter().collect();
        for user in users {
            if known.insert(user.as_str().to_owned()) {
                joined.push(user);
            }
        }
        if !joined.is_empty() {
            self.admit(on, joined.len(), limit).await?;
            let version = self.next_version();
            insert_members(on, &self.room, &joined, at, version, self.joinings).await?;
            self.joinings += int(joined.len() as u64);
        }
        Ok(joined)
    }

    /// Ends the membership of a user who is a member.
    pub(crate) async fn leave(
        &mut self,
        on: &mut PgConnection,
        user: &UserId,
    ) -> Result<Version, Failure> {
        let version = self.next_version();
        let leave = sqlx::query(sql::LEAVE).bind(int(self.room.id.get())).bind(user.as_str());
        leave.bind(int(version)).execute(on).await?;
        Ok(version)
    }

    /// Notes that nobody has to read a message any more.
    pub(crate) fn delete(&mut self, seq: Seq) {
        self.deleted.insert(seq);
    }

    /// Writes the room.
    pub(crate) async fn save(&self, on: &mut PgConnection) -> Result<(), Failure> {
        let room = &self.room;
        sqlx::query(sql::SAVE)
            .bind(int(room.id.get()))
            .bind(self.name.as_deref())
            .bind(room.active)
            .bind(int(room.version))
            .bind(self.settings.map(int))
            .bind(self.joinings)
            .bind(added(&self.deleted))
            .execute(on)
            .await?;
        Ok(())
    }
}

/// Makes users members who have read and received everything so far.
pub(crate) async fn insert_members(
    on: &mut PgConnection,
    room: &Facts,
    users: &[UserId],
    at: Timestamp,
    version: Version,
    joinings: i64,
) -> Result<(), Failure> {
    let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
    sqlx::query(sql::JOIN)
        .bind(int(room.id.get()))
        .bind(users)
        .bind(at.to_utc())
        .bind(int(room.last_seq))
        .bind(multirange(&SeqSet::up_to(room.last_seq)))
        .bind(int(version))
        .bind(joinings)
        .execute(on)
        .await?;
    Ok(())
}

//! Rooms and their members.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{
    Kinds, Member, Page, Room, RoomId, RoomKind, RoomSummary, SeqSet, Timestamp, UserId, Version,
};
use chat_core::rules::{Access, Action, Caller, Denial, Guarded, admit};
use chat_core::store::{
    Added, Left, ManageRoom, NewDirectRoom, NewRoom, RoomOrder, RoomQuery, RoomStats, RoomStore,
    StatsQuery, StoreError, StoreResult,
};
use serde_json::{Map, Value};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};

use crate::PgStore;
use crate::connection::in_time;
use crate::error::{Failure, meaning};
use crate::locked::{Locked, insert_members};
use crate::rows::{self, Facts, int, uint};
use crate::sql::rooms as sql;

#[async_trait]
impl RoomStore for PgStore {
    async fn create_room(&self, new: NewRoom) -> StoreResult<RoomId> {
        if new.kind == RoomKind::Direct {
            return Err(Denial::WrongKind.into());
        }
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let made = create(transaction.connection(), new).await;
            transaction.finish(made).await
        })
        .await
    }

    async fn direct_room(&self, new: NewDirectRoom) -> StoreResult<(RoomId, bool)> {
        let NewDirectRoom { first, second, metadata, at } = new;
        if first == second {
            return Err(Denial::WrongKind.into());
        }
        if let Some(room) = self.direct_room_of(&first, &second).await? {
            return Ok((room, false));
        }
        let (low, high) = (first.clone().min(second.clone()), first.clone().max(second.clone()));
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let on = transaction.connection();
            let made = async {
                let id = new_id(on).await?;
                if let Some(room) = claim(on, &low, &high, id).await? {
                    return Ok((room, false));
                }
                let new = NewRoom {
                    kind: RoomKind::Direct,
                    name: None,
                    creator: Some(first),
                    members: vec![second],
                    member_limit: 2,
                    metadata,
                    at,
                };
                insert(on, id, new).await?;
                Ok((id, true))
            }
            .await;
            transaction.finish(made).await
        })
        .await
    }

    async fn direct_room_of(&self, first: &UserId, second: &UserId) -> StoreResult<Option<RoomId>> {
        let rows = self.database.rows(|| find_pair(first.min(second), first.max(second))).await?;
        rows.first().map(room_id).transpose().map_err(meaning)
    }

    async fn access(&self, by: &Caller, room: RoomId) -> StoreResult<Option<Access>> {
        let rows = self.database.rows(|| bound(sql::ACCESS, room, Some(by))).await?;
        rows.first().map(|row| rows::access(row, Some(by)).map_err(meaning)).transpose()
    }

    async fn summaries(
        &self,
        by: Option<&Caller>,
        rooms: &[RoomId],
    ) -> StoreResult<Vec<Guarded<RoomSummary>>> {
        let ids: Vec<i64> = rooms.iter().map(|room| int(room.get())).collect();
        let user = by.map(|by| by.user.as_str());
        let query = || sqlx::query(sql::SUMMARIES).bind(ids.clone()).bind(user);
        let rows = self.database.rows(query).await?;
        let summary = |row| Ok(Guarded::new(rows::access(row, by)?, rows::summary(row)?));
        rows.iter().map(summary).collect::<Result<_, _>>().map_err(meaning)
    }

    async fn rooms(&self, query: RoomQuery) -> StoreResult<Page<RoomSummary>> {
        let rows = self.database.rows(|| listed(sql::LIST, &query)).await?;
        let read = || {
            let mut count = 0;
            let mut items = Vec::with_capacity(rows.len());
            for row in &rows {
                count = uint(row.try_get("count")?);
                if row.try_get::<Option<i64>, _>("r_id")?.is_some() {
                    items.push(rows::summary(row)?);
                }
            }
            Ok(Page { count, items })
        };
        read().map_err(meaning)
    }

    async fn all_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomSummary>> {
        let (after, limit) = (after.map_or(0, |after| int(after.get())), int(limit as u64));
        let rows =
            self.database.rows(|| sqlx::query(sql::ALL_ROOMS).bind(after).bind(limit)).await?;
        rows.iter().map(rows::summary).collect::<Result<_, _>>().map_err(meaning)
    }

    async fn manage_room(&self, change: ManageRoom) -> StoreResult<Added> {
        in_time(async {
            let mut transaction = self.database.begin_in(change.room).await?;
            let managed = manage(transaction.connection(), change).await;
            transaction.finish(managed).await
        })
        .await
    }

    async fn join_room(
        &self,
        by: &Caller,
        room: RoomId,
        member_limit: usize,
        at: Timestamp,
    ) -> StoreResult<Option<Version>> {
        in_time(async {
            let mut transaction = self.database.begin_in(room).await?;
            let on = transaction.connection();
            let joined = async {
                let mut locked = Locked::permitted(on, room, Some(by), Action::Join).await?;
                let user = vec![by.user.clone()];
                if locked.join(on, user, member_limit, at).await?.is_empty() {
                    return Ok(None);
                }
                locked.save(on).await?;
                Ok(Some(locked.room.version))
            }
            .await;
            transaction.finish(joined).await
        })
        .await
    }

    async fn leave_room(&self, by: &Caller, room: RoomId, _at: Timestamp) -> StoreResult<Left> {
        in_time(async {
            let mut transaction = self.database.begin_in(room).await?;
            let on = transaction.connection();
            let left = async {
                let mut locked = Locked::permitted(on, room, Some(by), Action::Leave).await?;
                let version = locked.leave(on, &by.user).await?;
                locked.save(on).await?;
                Ok(Left { version })
            }
            .await;
            transaction.finish(left).await
        })
        .await
    }

    async fn remove_member(
        &self,
        room: RoomId,
        user: &UserId,
        _at: Timestamp,
    ) -> StoreResult<Option<Left>> {
        in_time(async {
            let mut transaction = self.database.begin_in(room).await?;
            let on = transaction.connection();
            let left = async {
                let mut locked = Locked::take(on, room).await?;
                let users = [user.clone()];
                if locked.present(on, &users).await?.is_empty() {
                    return Ok(None);
                }
                let version = locked.leave(on, user).await?;
                locked.save(on).await?;
                Ok(Some(Left { version }))
            }
            .await;
            transaction.finish(left).await
        })
        .await
    }

    async fn members(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Vec<Member>)>> {
        let ids: Vec<i64> = rooms.iter().map(|room| int(room.get())).collect();
        let rows = self.database.rows(|| sqlx::query(sql::MEMBERS).bind(ids.clone())).await?;
        let members =
            |row: &PgRow| Ok((rows::room_id(row.try_get("room_id")?)?, rows::members(row)?));
        rows.iter().map(members).collect::<Result<_, _>>().map_err(meaning)
    }

    async fn rooms_of(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        self.ids_of_rooms(sql::ROOMS_OF, user, after, limit).await
    }

    async fn versions(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Version)>> {
        let ids: Vec<i64> = rooms.iter().map(|room| int(room.get())).collect();
        let rows = self.database.rows(|| sqlx::query(sql::VERSIONS).bind(ids.clone())).await?;
        let version = |row: &PgRow| {
            let id = rows::room_id(row.try_get("id")?)?;
            Ok((id, uint(row.try_get("version")?)))
        };
        rows.iter().map(version).collect::<Result<_, _>>().map_err(meaning)
    }

    async fn unread(&self, by: &Caller) -> StoreResult<u64> {
        let ask = || sqlx::query(sql::UNREAD).bind(by.user.as_str()).bind(kinds(by.kinds));
        let rows = self.database.rows(ask).await?;
        let unread = |row: &PgRow| Ok(uint(row.try_get("unread")?));
        rows.first().map_or(Ok(0), unread).map_err(meaning)
    }

    async fn stats(&self, query: StatsQuery) -> StoreResult<RoomStats> {
        let count = || {
            sqlx::query(sql::STATS)
                .bind(query.by.user.as_str())
                .bind(kinds(query.by.kinds))
                .bind(query.room.map(|room| int(room.get())))
                .bind(query.since.to_utc())
                .bind(query.today.to_utc())
        };
        let rows = self.database.rows(count).await?;
        let read = || {
            let mut stats = RoomStats::default();
            for row in &rows {
                let last = uint(row.try_get("last_seq")?);
                let old = uint(row.try_get("old")?);
                let deleted: SeqSet = rows::seq_set(row.try_get("deleted")?)?;
                stats.rooms += 1;
                stats.active_today += u64::from(row.try_get::<bool, _>("today")?);
                stats.recent_messages += last - old - deleted.count_in(old + 1..=last);
            }
            Ok(stats)
        };
        read().map_err(meaning)
    }
}

/// A query with a room and a caller as its first parameters.
pub(crate) fn bound<'q>(
    statement: &'static str,
    room: RoomId,
    by: Option<&Caller>,
) -> Query<'q, Postgres, PgArguments> {
    let user = by.map(|by| by.user.as_str().to_owned());
    sqlx::query(statement).bind(int(room.get())).bind(user)
}

impl PgStore {
    /// The ids of rooms that a statement finds by a user: so many of those after one.
    pub(crate) async fn ids_of_rooms(
        &self,
        statement: &'static str,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        let (after, limit) = (after.map_or(0, |after| int(after.get())), int(limit as u64));
        let ask = || sqlx::query(statement).bind(user.as_str()).bind(after).bind(limit);
        let rows = self.database.rows(ask).await?;
        rows.iter().map(room_id).collect::<Result<_, _>>().map_err(meaning)
    }
}

/// A statement about a page of the rooms that are listed for a caller.
pub(crate) fn listed<'q>(
    statement: &'static str,
    query: &'q RoomQuery,
) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(statement)
        .bind(query.by.user.as_str())
        .bind(kinds(query.by.kinds))
        .bind(query.order == RoomOrder::Activity)
        .bind(int(query.slice.skip))
        .bind(int(query.slice.take as u64))
}

/// The names of kinds of room.
pub(crate) fn kinds(kinds: Kinds) -> Vec<&'static str> {
    kinds.iter().map(RoomKind::as_str).collect()
}

/// The room of two users, in ascending order.
fn find_pair<'q>(low: &'q UserId, high: &'q UserId) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(sql::FIND_PAIR).bind(low.as_str()).bind(high.as_str())
}

/// Claims a pair for a room; hands back that which stands, where one does.
async fn claim(
    on: &mut PgConnection,
    low: &UserId,
    high: &UserId,
    id: RoomId,
) -> Result<Option<RoomId>, Failure> {
    loop {
        let claim = sqlx::query(sql::CLAIM_PAIR).bind(low.as_str()).bind(high.as_str());
        if claim.bind(int(id.get())).execute(&mut *on).await?.rows_affected() > 0 {
            return Ok(None);
        }
        if let Some(row) = find_pair(low, high).fetch_optional(&mut *on).await? {
            return Ok(Some(room_id(&row)?));
        }
        // It was deleted in between.
    }
}

fn room_id(row: &PgRow) -> Result<RoomId, sqlx::Error> {
    rows::room_id(row.try_get("room_id")?)
}

async fn new_id(on: &mut PgConnection) -> Result<RoomId, Failure> {
    let id: i64 = sqlx::query_scalar(sql::NEW_ID).fetch_one(on).await?;
    Ok(RoomId::new(uint(id)).ok_or(StoreError::Limit("no room id is left"))?)
}

async fn create(on: &mut PgConnection, new: NewRoom) -> Result<RoomId, Failure> {
    let id = new_id(on).await?;
    insert(on, id, new).await?;
    Ok(id)
}

/// Inserts a room at version 1, with its creator as the first member.
async fn insert(on: &mut PgConnection, id: RoomId, new: NewRoom) -> Result<(), Failure> {
    let room = Room {
        id,
        kind: new.kind,
        name: new.name.map(|name| name.as_str().to_owned()),
        created_by: new.creator.clone(),
        created_at: new.at,
        active: true,
        metadata: Arc::new(new.metadata),
        last_seq: 0,
        version: 1,
        settings_version: 1,
        activity_at: new.at,
        deleted: SeqSet::new(),
        uncounted: SeqSet::new(),
    };
    let mut known = HashSet::new();
    let mut members: Vec<UserId> = new.creator.into_iter().chain(new.members).collect();
    members.retain(|user| known.insert(user.clone()));
    admit(0, members.len(), new.member_limit).map_err(StoreError::from)?;
    let metadata = metadata_text(&room.metadata)?;
    sqlx::query(sql::INSERT)
        .bind(int(id.get()))
        .bind(room.kind.as_str())
        .bind(room.name.as_deref())
        .bind(room.created_by.as_ref().map(UserId::as_str))
        .bind(room.created_at.to_utc())
        .bind(metadata)
        .bind(int(members.len() as u64))
        .execute(&mut *on)
        .await?;
    insert_members(on, &Facts::of(&room), &members, new.at, 1, 0).await
}

fn metadata_text(metadata: &Map<String, Value>) -> Result<String, Failure> {
    Ok(serde_json::to_string(metadata).map_err(|error| StoreError::Internal(error.into()))?)
}

async fn manage(on: &mut PgConnection, change: ManageRoom) -> Result<Added, Failure> {
    let action = change.action();
    let mut locked = Locked::permitted(on, change.room, change.by.as_ref(), action).await?;
    let name = change.name.filter(|name| locked.name.as_deref() != Some(name.as_str()));
    let active = change.active.filter(|active| *active != locked.room.active);
    let mut changed = name.is_some() || active.is_some();
    if let Some(metadata) = change.metadata {
        let set = sqlx::query(sql::SET_METADATA).bind(int(change.room.get()));
        let set = set.bind(metadata_text(&metadata)?).execute(&mut *on).await?;
        changed |= set.rows_affected() > 0;
    }
    let settings = changed.then(|| locked.next_version());
    locked.settings = settings;
    if let Some(name) = name {
        locked.name = Some(name.as_str().to_owned());
    }
    if let Some(active) = active {
        locked.room.active = active;
    }
    let users = locked.join(on, change.add, change.member_limit, change.at).await?;
    let joined = (!users.is_empty()).then_some((users, locked.room.version));
    if settings.is_some() || joined.is_some() {
        locked.save(on).await?;
    }
    Ok(Added { settings, joined })
}

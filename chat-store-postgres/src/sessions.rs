//! Sessions: the open sockets of all nodes, and presence from them.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chat_core::model::{NodeId, Presence, RoomId, Session, SessionId, Timestamp, UserId};
use chat_core::store::{Attendance, SessionStore, StoreResult};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::PgStore;
use crate::connection::in_time;
use crate::error::{Failure, corrupt, meaning};
use crate::rows::{self, int, moment, uint};
use crate::sql::sessions as sql;

#[async_trait]
impl SessionStore for PgStore {
    async fn open_session(&self, session: Session) -> StoreResult<Attendance> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let opened = open(transaction.connection(), session).await;
            transaction.finish(opened).await
        })
        .await
    }

    async fn renew_sessions(
        &self,
        node: NodeId,
        alive: &[(SessionId, Timestamp)],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        let ids: Vec<Uuid> = alive.iter().map(|(id, _)| id.0).collect();
        let heard: Vec<OffsetDateTime> = alive.iter().map(|(_, at)| at.to_utc()).collect();
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let on = transaction.connection();
            let renewed = async {
                sqlx::query(sql::LOCK_HEARD).bind(ids.clone()).execute(&mut *on).await?;
                let renew = sqlx::query(sql::RENEW)
                    .bind(node.0)
                    .bind(lease_until.to_utc())
                    .bind(now.to_utc())
                    .bind(ids.clone())
                    .bind(heard);
                let rows = renew.fetch_all(&mut *on).await?;
                let (mut users, mut heard) = (Vec::new(), Vec::new());
                for row in &rows {
                    users.push(row.try_get::<String, _>("user_id")?);
                    heard.push(row.try_get::<OffsetDateTime, _>("heard")?);
                }
                let over = sqlx::query_scalar(sql::OVER).bind(ids).bind(node.0);
                let over: Vec<Uuid> = over.bind(now.to_utc()).fetch_all(&mut *on).await?;
                if !users.is_empty() {
                    sqlx::query(sql::HEARD).bind(users).bind(heard).execute(on).await?;
                }
                Ok(over)
            }
            .await;
            let over = transaction.finish(renewed).await?;
            let over: BTreeSet<Uuid> = over.into_iter().collect();
            let given = alive.iter().map(|(id, _)| *id);
            Ok(given.filter(|id| over.contains(&id.0)).collect())
        })
        .await
    }

    async fn close_session(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<Attendance>> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let closed = close(transaction.connection(), session, now).await;
            transaction.finish(closed).await
        })
        .await
    }

    async fn expire_sessions(&self, now: Timestamp) -> StoreResult<Vec<Attendance>> {
        let mut ended = Vec::new();
        loop {
            let expired = in_time(async {
                let mut transaction = self.database.begin().await?;
                let expired = expire(transaction.connection(), now).await;
                transaction.finish(expired).await
            })
            .await;
            match expired {
                Ok(Some(some)) => ended.extend(some),
                Ok(None) => return Ok(ended),
                // What was committed is told to nobody else.
                Err(_) if !ended.is_empty() => return Ok(ended),
                Err(error) => return Err(error),
            }
        }
    }

    async fn presence(&self, users: &[UserId], now: Timestamp) -> StoreResult<Vec<Presence>> {
        let ids: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let query = || sqlx::query(sql::PRESENCE).bind(ids.clone()).bind(now.to_utc());
        let rows = self.database.rows(query).await?;
        let read = || {
            let mut known = HashMap::with_capacity(rows.len());
            for row in &rows {
                let last_seen = Some(moment(row.try_get("last_seen")?));
                let presence = Presence { online: row.try_get("online")?, last_seen };
                known.insert(row.try_get::<&str, _>("user_id")?, presence);
            }
            let presence = |user: &UserId| known.get(user.as_str()).copied().unwrap_or_default();
            Ok(users.iter().map(presence).collect())
        };
        read().map_err(meaning)
    }

    async fn sessions(
        &self,
        user: &UserId,
        open_at: Option<Timestamp>,
        limit: usize,
    ) -> StoreResult<Vec<Session>> {
        let (user, limit) = (user.as_str(), int(limit as u64));
        let query = || match open_at {
            None => sqlx::query(sql::LIST).bind(user).bind(limit),
            Some(now) => sqlx::query(sql::LIST_OPEN).bind(user).bind(limit).bind(now.to_utc()),
        };
        let rows = self.database.rows(query).await?;
        rows.iter().map(session).collect::<Result<_, _>>().map_err(meaning)
    }

    async fn forget_sessions(
        &self,
        user: &UserId,
        closed_before: Timestamp,
        now: Timestamp,
    ) -> StoreResult<u64> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let on = transaction.connection();
            let forgotten = async {
                sqlx::query(sql::LOCK_VISITOR).bind(user.as_str()).execute(&mut *on).await?;
                let forget = sqlx::query_scalar(sql::FORGET).bind(user.as_str());
                let forget = forget.bind(closed_before.to_utc()).bind(now.to_utc());
                let count: i64 = forget.fetch_one(on).await?;
                Ok(uint(count))
            }
            .await;
            transaction.finish(forgotten).await
        })
        .await
    }

    async fn forget_all_sessions(
        &self,
        closed_before: Timestamp,
        limit: usize,
    ) -> StoreResult<u64> {
        in_time(async {
            let mut transaction = self.database.begin().await?;
            let forget = sqlx::query(sql::FORGET_ALL).bind(closed_before.to_utc());
            let forget = forget.bind(int(limit as u64));
            let forgotten = forget.execute(transaction.connection()).await;
            let forgotten = forgotten.map(|done| done.rows_affected()).map_err(Failure::from);
            transaction.finish(forgotten).await
        })
        .await
    }
}

async fn open(on: &mut PgConnection, session: Session) -> Result<Attendance, Failure> {
    // A node that opens a session again does so later than the socket connected.
    let now = session.connected_at.max(session.last_seen);
    let (user, room) = (session.user.as_str(), int(session.room.get()));
    sqlx::query(sql::VISIT).bind(user).bind(now.to_utc()).execute(&mut *on).await?;
    let open = || sqlx::query(sql::OPEN).bind(user).bind(room).bind(now.to_utc());
    let before = open().fetch_one(&mut *on).await?;
    sqlx::query(sql::INSERT)
        .bind(session.id.0)
        .bind(user)
        .bind(room)
        .bind(session.node.0)
        .bind(session.connected_at.to_utc())
        .bind(session.last_seen.to_utc())
        .bind(session.lease_until.to_utc())
        .bind(session.user_agent.as_deref())
        .bind(session.ip_address.map(|address| address.to_string()))
        .execute(&mut *on)
        .await?;
    let presence = sqlx::query(sql::PRESENCE).bind(vec![user]).bind(now.to_utc());
    let presence = presence.fetch_one(on).await?;
    Ok(Attendance {
        of_user: !before.try_get::<bool, _>("anywhere")?,
        in_room: !before.try_get::<bool, _>("here")?,
        presence: Presence {
            online: presence.try_get("online")?,
            last_seen: Some(moment(presence.try_get("last_seen")?)),
        },
        room: session.room,
        user: session.user,
    })
}

async fn close(
    on: &mut PgConnection,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Attendance>, Failure> {
    sqlx::query(sql::LOCK_VISITOR_OF).bind(session.0).execute(&mut *on).await?;
    let close = sqlx::query(sql::CLOSE).bind(session.0).bind(now.to_utc());
    let Some(row) = close.fetch_optional(&mut *on).await? else { return Ok(None) };
    let user: &str = row.try_get("user_id")?;
    sqlx::query(sql::SEEN).bind(user).bind(now.to_utc()).execute(&mut *on).await?;
    if !row.try_get::<bool, _>("listed")? {
        sqlx::query(sql::REMOVE).bind(vec![session.0]).execute(&mut *on).await?;
    }
    Ok(gone(on, &[row], now).await?.pop())
}

/// Closes some of what is over; `None` where nothing is.
async fn expire(on: &mut PgConnection, now: Timestamp) -> Result<Option<Vec<Attendance>>, Failure> {
    let users = sqlx::query_scalar(sql::LOCK_DUE).bind(now.to_utc());
    let users: Vec<String> = users.fetch_all(&mut *on).await?;
    if users.is_empty() {
        return Ok(None);
    }
    let postpone = sqlx::query(sql::POSTPONE).bind(now.to_utc()).bind(users.clone());
    postpone.execute(&mut *on).await?;
    let expire = sqlx::query(sql::EXPIRE).bind(now.to_utc()).bind(users);
    let rows = expire.fetch_all(&mut *on).await?;
    remove_unlisted(on, &rows).await?;
    Ok(Some(gone(on, &rows, now).await?))
}

/// Takes away those of the sessions that ended which are in no list any more.
pub(crate) async fn remove_unlisted(on: &mut PgConnection, ended: &[PgRow]) -> Result<(), Failure> {
    let mut unlisted: Vec<Uuid> = Vec::new();
    for row in ended {
        if !row.try_get::<bool, _>("listed")? {
            unlisted.push(row.try_get("id")?);
        }
    }
    if !unlisted.is_empty() {
        sqlx::query(sql::REMOVE).bind(unlisted).execute(on).await?;
    }
    Ok(())
}

/// What the end of sessions amounts to, of users whose rows are held. A going is told once, by
/// the first of several sessions that ended.
pub(crate) async fn gone(
    on: &mut PgConnection,
    ended: &[PgRow],
    now: Timestamp,
) -> Result<Vec<Attendance>, Failure> {
    let mut places: Vec<(String, i64)> = Vec::with_capacity(ended.len());
    for row in ended {
        places.push((row.try_get("user_id")?, row.try_get("room_id")?));
    }
    let distinct: BTreeSet<_> = places.iter().cloned().collect();
    let (users, rooms): (Vec<String>, Vec<i64>) = distinct.into_iter().unzip();
    let absent = sqlx::query(sql::ABSENT).bind(users).bind(rooms).bind(now.to_utc());
    let mut presences = HashMap::new();
    let mut users_gone = BTreeSet::new();
    let (mut from_users, mut from_rooms) = (Vec::new(), Vec::new());
    for row in absent.fetch_all(&mut *on).await? {
        let user: String = row.try_get("user_id")?;
        let anywhere: bool = row.try_get("anywhere")?;
        let last_seen = Some(moment(row.try_get("last_seen")?));
        presences.insert(user.clone(), Presence { online: anywhere, last_seen });
        if !anywhere && row.try_get("there")? {
            users_gone.insert(user.clone());
        }
        if !row.try_get::<bool, _>("here")? {
            from_users.push(user);
            from_rooms.push(row.try_get::<i64, _>("room_id")?);
        }
    }
    if !users_gone.is_empty() {
        let users: Vec<String> = users_gone.iter().cloned().collect();
        sqlx::query(sql::GO).bind(users).execute(&mut *on).await?;
    }
    let mut rooms_gone = BTreeSet::new();
    if !from_users.is_empty() {
        let go = sqlx::query(sql::GO_FROM).bind(from_users).bind(from_rooms);
        for row in go.fetch_all(on).await? {
            rooms_gone.insert((row.try_get("user_id")?, row.try_get("room_id")?));
        }
    }
    let mut told = Vec::with_capacity(places.len());
    for (user, room) in places {
        told.push(Attendance {
            user: rows::user_id(&user)?,
            room: rows::room_id(room)?,
            of_user: users_gone.remove(&user),
            presence: presences.get(&user).copied().unwrap_or_default(),
            in_room: rooms_gone.remove(&(user, room)),
        });
    }
    Ok(told)
}

fn session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let address: Option<&str> = row.try_get("ip_address")?;
    let address = address.map(str::parse).transpose();
    let at = |column| row.try_get(column).map(moment);
    let room: RoomId = rows::room_id(row.try_get("room_id")?)?;
    Ok(Session {
        id: SessionId(row.try_get("id")?),
        user: rows::user_id(row.try_get("user_id")?)?,
        room,
        node: NodeId(row.try_get("node")?),
        connected_at: at("connected_at")?,
        last_seen: at("last_seen")?,
        lease_until: at("lease_until")?,
        closed_at: row.try_get::<Option<OffsetDateTime>, _>("closed_at")?.map(moment),
        user_agent: row.try_get("user_agent")?,
        ip_address: address.map_err(|_| corrupt("address"))?,
    })
}

//! Sessions and presence.

/// Notes that a user is there, and takes their row until the end of the transaction. Whoever
/// changes whether a user is there takes it first.
pub(crate) const VISIT: &str = "insert into visitors (user_id, last_seen, there) \
     values ($1, $2, true) on conflict (user_id) do update set \
         last_seen = greatest(visitors.last_seen, excluded.last_seen), there = true";

/// Whether a user has open sessions, and whether in a room: by the index `sessions_of_user`.
pub(crate) const OPEN: &str = "select count(*) > 0 as anywhere, \
         count(*) filter (where room_id = $2) > 0 as here \
     from sessions where user_id = $1 and closed_at is null and lease_until > $3";

/// Notes a session, in the place of one that had its id.
pub(crate) const INSERT: &str = "with attended as ( \
         insert into attendance (user_id, room_id) values ($2, $3) on conflict do nothing) \
     insert into sessions (id, user_id, room_id, node, connected_at, last_seen, lease_until, due, \
         user_agent, ip_address) \
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) on conflict (id) do update set \
         user_id = excluded.user_id, room_id = excluded.room_id, node = excluded.node, \
         connected_at = excluded.connected_at, last_seen = excluded.last_seen, \
         lease_until = excluded.lease_until, due = excluded.due, closed_at = null, \
         lapsed = false, listed = true, user_agent = excluded.user_agent, \
         ip_address = excluded.ip_address";

/// Takes the rows of the users who were heard, as they come before their sessions.
pub(crate) const LOCK_HEARD: &str = "select v.user_id from visitors v \
     where v.user_id in (select user_id from sessions where id = any($1)) \
     order by v.user_id for update";

/// By the primary key.
pub(crate) const RENEW: &str = "update sessions set \
         lease_until = greatest(lease_until, $2), last_seen = greatest(last_seen, x.heard) \
     from ( \
         select s.id, a.heard from unnest($4::uuid[], $5::timestamptz[]) a (id, heard) \
         join sessions s on s.id = a.id \
         where s.node = $1 and s.closed_at is null \
         order by s.id for update of s) x \
     where sessions.id = x.id and closed_at is null and lease_until > $3 \
     returning user_id, x.heard";

/// Notes when users were last heard.
pub(crate) const HEARD: &str = "update visitors set last_seen = greatest(last_seen, x.heard) \
     from (select user_id, max(heard) as heard \
         from unnest($1::text[], $2::timestamptz[]) h (user_id, heard) group by user_id) x \
     where visitors.user_id = x.user_id and visitors.last_seen < x.heard";

/// The sessions of a node whose lease is over: by the primary key.
pub(crate) const OVER: &str = "select id from sessions where id = any($1) and node = $2 \
     and (lapsed or closed_at is null and lease_until <= $3)";

/// Takes the row of a session's user.
pub(crate) const LOCK_VISITOR_OF: &str = "select v.user_id from visitors v \
     where v.user_id = (select user_id from sessions where id = $1) for update";

/// Closes a session that is open.
pub(crate) const CLOSE: &str = "update sessions set closed_at = $2 \
     where id = $1 and closed_at is null and lease_until > $2 returning user_id, room_id, listed";

/// Sessions whose lease may be over, by the index `sessions_due`; their users' rows are taken in
/// one order.
pub(crate) const LOCK_DUE: &str = "select v.user_id from visitors v \
     where v.user_id in (select user_id from sessions \
         where closed_at is null and due <= $1 order by due limit 500) \
     order by v.user_id for update";

/// Looks again later at the sessions whose lease was renewed.
pub(crate) const POSTPONE: &str = "update sessions set due = lease_until \
     where user_id = any($2) and closed_at is null and due <= $1 and lease_until > $1";

/// Closes what is over: nobody knows better when than the last frame.
pub(crate) const EXPIRE: &str = "update sessions set \
         closed_at = least(lease_until, last_seen), lapsed = true \
     where user_id = any($2) and closed_at is null and lease_until <= $1 \
     returning user_id, room_id, id, listed";

/// Which of these users have no open session in which of these rooms, or none at all.
pub(crate) const ABSENT: &str = "select v.user_id, x.room_id, v.there, v.last_seen, \
         coalesce(o.anywhere, false) as anywhere, coalesce(o.here, false) as here \
     from unnest($1::text[], $2::bigint[]) x (user_id, room_id) \
     join visitors v on v.user_id = x.user_id \
     cross join lateral ( \
         select count(*) > 0 as anywhere, \
             count(*) filter (where s.room_id = x.room_id) > 0 as here \
         from sessions s \
         where s.user_id = x.user_id and s.closed_at is null and s.lease_until > $3) o";

/// Notes that these users have gone.
pub(crate) const GO: &str = "update visitors set there = false where user_id = any($1)";

/// Notes that these users have gone from these rooms, and hands back of whom that was not told.
pub(crate) const GO_FROM: &str = "delete from attendance a \
     using unnest($1::text[], $2::bigint[]) x (user_id, room_id) \
     where a.user_id = x.user_id and a.room_id = x.room_id returning a.user_id, a.room_id";

/// Notes when a user was last seen.
pub(crate) const SEEN: &str =
    "update visitors set last_seen = greatest(last_seen, $2) where user_id = $1";

/// Takes sessions away that are in no list any more and were told to be over.
pub(crate) const REMOVE: &str = "delete from sessions where id = any($1)";

/// By the primary key and the index `sessions_of_user`.
pub(crate) const PRESENCE: &str = "select v.user_id, v.last_seen, exists ( \
         select from sessions s where s.user_id = v.user_id and s.closed_at is null \
             and s.lease_until > $2) as online \
     from visitors v where v.user_id = any($1)";

macro_rules! list {
    ($which:literal) => {
        concat!(
            "select id, user_id, room_id, node, connected_at, last_seen, lease_until, closed_at, \
                 user_agent, ip_address \
             from sessions where user_id = $1 and ",
            $which,
            " order by connected_at desc, id desc limit $2"
        )
    };
}

/// By the index `sessions_listed`.
pub(crate) const LIST: &str = list!("listed");

/// The same of those that are open: by the index `sessions_of_user`.
pub(crate) const LIST_OPEN: &str = list!("closed_at is null and lease_until > $3");

/// Takes out what was closed long ago: by the index `sessions_closed`. Several nodes do so at once. An array,
/// as a plan that looks again for each row would take more than the limit.
pub(crate) const FORGET_ALL: &str = "delete from sessions where id = any(array( \
     select id from sessions where closed_at < $1 order by closed_at limit $2 \
     for update skip locked))";

/// Takes the row of a user.
pub(crate) const LOCK_VISITOR: &str = "select user_id from visitors where user_id = $1 for update";

/// Takes sessions out of a user's list. One whose lease is over but that nobody has closed is
/// still to be told, so its row stays.
pub(crate) const FORGET: &str = "with old as ( \
         select id, closed_at from sessions where user_id = $1 and listed \
             and (closed_at is not null or lease_until <= $3) \
             and coalesce(closed_at, least(lease_until, last_seen)) < $2), \
     removed as (delete from sessions s using old \
         where s.id = old.id and old.closed_at is not null), \
     hidden as (update sessions s set listed = false from old \
         where s.id = old.id and old.closed_at is null) \
     select count(*) as forgotten from old";

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    VISIT,
    OPEN,
    INSERT,
    RENEW,
    HEARD,
    OVER,
    LOCK_VISITOR_OF,
    LOCK_HEARD,
    CLOSE,
    LOCK_DUE,
    POSTPONE,
    EXPIRE,
    ABSENT,
    GO,
    GO_FROM,
    SEEN,
    REMOVE,
    PRESENCE,
    LIST,
    LIST_OPEN,
    LOCK_VISITOR,
    FORGET,
    FORGET_ALL,
];

//! Rooms that are deleted, and what is left of them.

/// Forgets of which pair a direct room is, whether its two are members or not: by the primary keys.
pub(crate) const FORGET_PAIR: &str = "delete from direct_rooms d using ( \
         select min(user_id) as first, max(user_id) as second from members where room_id = $1) x \
     where d.first = x.first and d.second = x.second and d.room_id = $1";

/// Takes the row of a room away, and notes that the rest is to be swept.
pub(crate) const DELETE: &str = "with r as (delete from rooms where id = $1 returning id, last_seq) \
     insert into gone_rooms (room_id, last_seq) select id, last_seq from r";

/// A room of which something is left, and nobody sweeps it now.
pub(crate) const TAKE: &str = "select room_id, last_seq, swept from gone_rooms \
     order by room_id limit 1 for update skip locked";

/// Takes the messages of a room after `$2` and up to `$3` out, and notes their files: by the primary
/// key.
pub(crate) const SWEEP_MESSAGES: &str = "with gone as ( \
         delete from messages where room_id = $1 and seq > $2 and seq <= $3 returning file_key) \
     insert into gone_files (key, due, pause) \
         select file_key, $4, $5 from gone where file_key is not null order by file_key \
     on conflict do nothing";

/// Notes up to where the messages are taken out.
pub(crate) const NOTE_SWEPT: &str = "update gone_rooms set swept = $2 where room_id = $1";

/// Takes so many out of those who ever were members: by the primary key.
pub(crate) const SWEEP_MEMBERS: &str = "delete from members \
     where room_id = $1 and user_id = any(array( \
         select user_id from members where room_id = $1 order by user_id limit $2))";

/// Forgets a room of which nothing is left.
pub(crate) const FORGET: &str = "delete from gone_rooms where room_id = $1";

#[cfg(test)]
pub(crate) const ALL: &[&str] =
    &[FORGET_PAIR, DELETE, TAKE, SWEEP_MESSAGES, NOTE_SWEPT, SWEEP_MEMBERS, FORGET];

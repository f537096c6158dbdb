//! Rooms that are deleted, and what is left of them.

/// Takes the row of a room away where nothing was said there since `$2`, and notes that the rest is
/// to be swept. Whoever joins has a number of their own, so there are no more members than joinings.
pub(crate) const DELETE: &str = "with r as ( \
         delete from rooms where id = $1 and ($2::timestamptz is null or activity_at < $2) \
         returning id, last_seq, joinings) \
     insert into gone_rooms (room_id, last_seq, members) select id, last_seq, joinings from r";

/// Forgets of which pair a direct room is, whether its two are members or not: by the primary keys.
pub(crate) const FORGET_PAIR: &str = "delete from direct_rooms d using ( \
         select min(user_id) as first, max(user_id) as second from members where room_id = $1) x \
     where d.first = x.first and d.second = x.second and d.room_id = $1";

/// Takes rooms of which something is left, and that nobody sweeps now, by the index
/// `gone_rooms_due`: so many as have no more than `$2` rows together, as far as can be told without
/// taking them, at most `$3`; at least one. One that has failed is taken alone.
pub(crate) const TAKE: &str = "select room_id, last_seq, swept, members, swept_user, failures \
     from gone_rooms where due <= $1 order by due, room_id limit ( \
         select greatest(1, count(*)) from ( \
             select sum(case when failures > 0 then $2::bigint + 1 else last_seq - swept + members end) \
                 over (order by due, room_id) as together \
             from (select * from gone_rooms where due <= $1 order by due, room_id limit $3) x) y \
         where together <= $2::bigint) \
     for update skip locked";

/// Takes the messages of rooms out, those of each after one position and up to another, and notes
/// their files: by the primary key.
pub(crate) const SWEEP_MESSAGES: &str = "with gone as ( \
         delete from messages m using ( \
             select * from unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
                 x (room_id, after, last) offset 0) x \
         where m.room_id = x.room_id and m.seq > x.after and m.seq <= x.last returning file_key) \
     insert into gone_files (key, due, pause) \
         select file_key, $4, $5 from gone where file_key is not null order by file_key \
     on conflict do nothing";

/// Takes so many of those who ever were members of a room out, after a user: by the primary key.
/// Says who was the last of them.
pub(crate) const SWEEP_MEMBERS: &str = "with gone as ( \
         delete from members where room_id = $1 and user_id = any(array( \
             select user_id from members where room_id = $1 and user_id > $2 \
             order by user_id limit $3)) \
         returning user_id) \
     select count(*) as count, max(user_id) as last from gone";

/// Takes all who ever were members of rooms out: by an index of the room.
pub(crate) const SWEEP_ALL_MEMBERS: &str = "delete from members where room_id = any($1)";

/// Notes up to where a room is swept.
pub(crate) const NOTE_SWEPT: &str =
    "update gone_rooms set swept = $2, swept_user = coalesce($3, swept_user) where room_id = $1";

/// Puts rooms off that could not be swept at `$2`, each time for twice as long.
pub(crate) const PUT_OFF: &str = "update gone_rooms set failures = failures + 1, \
         due = $2::timestamptz \
             + make_interval(secs => least($3::float8 * 2 ^ least(failures, 30), $4::float8)) \
     where room_id = any($1)";

/// Forgets rooms of which nothing is left.
pub(crate) const FORGET: &str = "delete from gone_rooms where room_id = any($1)";

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    DELETE,
    FORGET_PAIR,
    TAKE,
    SWEEP_MESSAGES,
    SWEEP_MEMBERS,
    SWEEP_ALL_MEMBERS,
    NOTE_SWEPT,
    PUT_OFF,
    FORGET,
];

//! Batches of messages and receipts.

/// Batches need no bitmaps, which only searches do. A room that somebody holds is waited for no
/// longer than `$1` milliseconds; 0 says as long as a statement may take. That is `$2` milliseconds
/// where it is given.
pub(crate) const SET_UP: &str = "select set_config('enable_bitmapscan', 'off', false), \
     set_config('lock_timeout', $1, false), set_config('statement_timeout', \
         coalesce($2, current_setting('statement_timeout')), false)";

/// Begins a batch of one write, which nothing else waited for: each statement may take as long as
/// any.
pub(crate) const BEGIN_ALONE: &str = "begin; set local statement_timeout = 4000";

/// Begins one write of a batch of which another was slow by itself, so that there is time left for
/// all others.
pub(crate) const BEGIN_BRIEFLY: &str = "begin; set local statement_timeout = 300";

/// The row by which a lane finds out what it has committed. What it had sent before over another
/// connection is not committed any more.
pub(crate) const ENTER: &str = "with old as ( \
         delete from lanes where id in (select id from lanes \
             where at < now() - interval '1 day' and id <> $1 for update skip locked)) \
     insert into lanes (id, batch, fenced) values ($1, 0, $2) \
     on conflict (id) do update set fenced = greatest(lanes.fenced, excluded.fenced)";

/// Takes a lane's row away.
pub(crate) const LEAVE: &str = "delete from lanes where id = $1";

/// The last batch that was committed, and the rooms where it wrote nothing. Waits for one that is
/// being committed; one that has not begun to be never is.
pub(crate) const COMMITTED: &str = "update lanes set fenced = greatest(fenced, $2) where id = $1 \
     returning batch, refused";

macro_rules! lock {
    ($how:literal) => {
        concat!(
            "select ",
            fact_columns!(),
            ", activity_at, last_at, s.deleted::text, s.uncounted::text, s.delivered::text, \
                 s.read::text \
             from rooms r left join lateral ( \
                 select r.deleted, r.uncounted, r.delivered, r.read where r.id = any($2)) s on true \
             where id = any($1) order by id for update of r",
            $how
        )
    };
}

/// Takes rooms, always in the same order, so that no two batches wait for each other. Their sets
/// are looked at only where something is marked.
pub(crate) const LOCK: &str = lock!("");

/// Takes those that nobody holds.
pub(crate) const LOCK_FREE: &str = lock!(" skip locked");

/// Which of these rooms there are.
pub(crate) const PRESENT: &str = "select id from rooms where id = any($1)";

/// The present members that these callers are: by the primary key. The sets only in rooms where
/// something is marked.
pub(crate) const MEMBERS: &str = concat!(
    "select b.room_id, ",
    membership_columns!(),
    ", b.own_seq, \
         case when x.marks then b.read::text else '{}' end as b_read, \
         case when x.marks then b.delivered::text else '{}' end as b_delivered, \
         case when x.marks then (",
    own!(),
    ")::text else '{}' end as b_own \
     from unnest($1::bigint[], $2::text[], $3::boolean[]) x (room_id, user_id, marks) \
     join members b on b.room_id = x.room_id and b.user_id = x.user_id where not b.gone"
);

/// Of the members of the room `x`: whether one has received, or read, nothing of what is new.
macro_rules! is_behind {
    ($set:literal, $new:literal) => {
        concat!(
            "exists (select from members b where b.room_id = x.room_id and not b.gone \
                 and b.user_id <> all (x.callers) and not b.",
            $set,
            " && x.",
            $new,
            " and not (",
            own!(),
            ") && x.",
            $new,
            ")"
        )
    };
}

/// What all other present members have read and received, by the primary key: nothing where one of
/// them has nothing of what would be new to all, after whom nobody else is looked at. None where
/// there are no others.
pub(crate) const OTHERS: &str = concat!(
    "select x.room_id, case when f.behind then '{}' else o.read::text end as read, \
         case when f.behind then '{}' else o.delivered::text end as delivered \
     from (select n.*, array(select c.user_id from unnest($4::bigint[], $5::text[]) \
                 c (room_id, user_id) where c.room_id = n.room_id) as callers \
         from unnest($1::bigint[], $2::text[]::int8multirange[], $3::text[]::int8multirange[]) \
             n (room_id, new_delivered, new_read) offset 0) x \
     cross join lateral (select ",
    is_behind!("delivered", "new_delivered"),
    " and ",
    is_behind!("read", "new_read"),
    " as behind offset 0) f \
     cross join lateral ( \
         select range_intersect_agg(b.read + w.own) as read, \
             range_intersect_agg(b.delivered + w.own) as delivered \
         from members b cross join lateral (select (",
    own!(),
    ") as own offset 0) w \
         where b.room_id = x.room_id and not b.gone and b.user_id <> all (x.callers) \
             and not f.behind) o \
     where f.behind or o.read is not null"
);

/// What was sent under these keys: by the index `messages_by_key`.
pub(crate) const KEYS: &str = concat!(
    "select m.key as m_key, m.key_content as m_key_content, ",
    message_columns!(),
    " from unnest($1::bigint[], $2::text[], $3::uuid[]) x (room_id, sender, key) \
     join messages m on m.room_id = x.room_id and m.sender = x.sender and m.key = x.key"
);

/// The messages that are answered or marked: by the index `messages_by_id`.
pub(crate) const TARGETS: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m where m.id = any($1) and m.room_id = any($2)"
);

/// Writes messages, those of the rooms that a condition names.
macro_rules! insert_messages {
    ($condition:literal) => {
        concat!(
            "insert into messages (room_id, seq, sender, kind, content, file_key, file_name, \
                 file_type, file_size, reply_to, created_at, v_sent, changed, words, key, \
                 key_content) \
             select room_id, seq, sender, kind, content, file_key, file_name, file_type, \
                 file_size, reply_to, created_at, version, version, words::tsvector, key, \
                 key_content \
             from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
                 $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], \
                 $11::timestamptz[], $12::bigint[], $13::text[], $14::uuid[], $15::uuid[]) \
                 x (room_id, seq, sender, kind, content, file_key, file_name, file_type, \
                    file_size, reply_to, created_at, version, words, key, key_content) ",
            $condition,
            " order by room_id, seq returning room_id, seq, id"
        )
    };
}

/// Writes messages, and hands back the ids. The ids of a room ascend with its positions, as the
/// rows are sorted before they get theirs.
pub(crate) const SEND: &str = insert_messages!("");

/// The same for rooms at the versions at which they are known, and what becomes of the rooms, and
/// that the batch was: all that there is to do. Rooms at other versions are left alone and noted.
/// Rows are taken in the order in which the rooms are given.
pub(crate) const SEND_KNOWN: &str = concat!(
    "with lane as (select id from lanes where id = $22 and fenced < $23 for update), \
     r as ( \
         update rooms set last_seq = x.last_seq, version = x.version, \
             activity_at = x.activity_at, last_at = x.last_at \
         from unnest($16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], \
             $20::timestamptz[], $21::timestamptz[]) \
             x (id, found, last_seq, version, activity_at, last_at) \
         where rooms.id = x.id and rooms.version = x.found and exists (select from lane) \
         returning rooms.id), \
     new as (",
    insert_messages!("where (room_id in (select id from r)) is true"),
    "), noted as ( \
         update lanes set batch = $23, at = now(), refused = (select coalesce(array_agg(x), '{}') \
             from unnest($16::bigint[]) x where (x in (select id from r)) is not true) \
         where id = $22 and exists (select from lane)) \
     select room_id, seq, id from new"
);

/// The ids of messages at these positions: by the primary key.
pub(crate) const PLACES: &str = "select m.room_id, m.seq, m.id \
     from unnest($1::bigint[], $2::bigint[]) x (room_id, seq) \
     join messages m on m.room_id = x.room_id and m.seq = x.seq";

macro_rules! save {
    ($members:literal) => {
        concat!(
            "with r as ( \
                 update rooms set last_seq = x.last_seq, version = x.version, \
                     activity_at = x.activity_at, last_at = x.last_at, \
                     uncounted = coalesce(uncounted + x.more_uncounted::int8multirange, uncounted), \
                     delivered = coalesce(delivered + x.more_delivered::int8multirange, delivered), \
                     read = coalesce(read + x.more_read::int8multirange, read) \
                 from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[], \
                     $7::timestamptz[], $8::text[], $9::text[], $10::text[]) \
                     x (id, last_seq, version, activity_at, last_at, more_uncounted, \
                        more_delivered, more_read) \
                 where rooms.id = x.id)",
            $members,
            " update lanes set batch = $2, at = now() where id = $1"
        )
    };
}

/// Writes what a batch has made of rooms, and that it was. A set of a room to which nothing is added
/// stays where it is: only what changes is written. The members' table is not touched, so that
/// messages are sent also while an index on it is made.
pub(crate) const SAVE: &str = save!("");

/// The same, with what it has made of members.
pub(crate) const SAVE_WITH_MEMBERS: &str = save!(
    ", b as ( \
         update members set read = x.read::int8multirange, \
             delivered = x.delivered::int8multirange, own_seq = x.own_seq \
         from unnest($11::bigint[], $12::text[], $13::text[], $14::text[], $15::bigint[]) \
             x (room_id, user_id, read, delivered, own_seq) \
         where members.room_id = x.room_id and members.user_id = x.user_id)"
);

/// Takes what members have sent into their sets.
pub(crate) const FOLD: &str = concat!(
    "update members b set read = b.read + x.own, delivered = b.delivered + x.own, \
         own_seq = x.own_seq \
     from (select b.room_id, b.user_id, x.own_seq, (",
    own!(),
    ") as own from unnest($1::bigint[], $2::text[], $3::bigint[]) x (room_id, user_id, own_seq) \
         join members b on b.room_id = x.room_id and b.user_id = x.user_id) x \
     where b.room_id = x.room_id and b.user_id = x.user_id"
);

/// Moves statuses: of the messages of each range to delivered, and to read where it says so. Hands
/// back those after a position.
pub(crate) const MOVE: &str = concat!(
    "with moved as (update messages m set \
         delivered_at = coalesce(m.delivered_at, greatest(x.at, m.created_at)), \
         read_at = case when x.reads \
             then greatest(x.at, m.created_at, m.delivered_at) else m.read_at end, \
         delivered_by = case when x.reads then m.delivered_by else x.by end, \
         v_delivered = case when x.reads then m.v_delivered else x.version end, \
         status_by = x.by, v_status = x.version, changed = x.version \
     from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[], $5::timestamptz[], \
         $6::text[], $7::bigint[], $8::bigint[]) \
         x (room_id, low, high, reads, at, by, version, shown_after) \
     where m.room_id = x.room_id and m.seq between x.low and x.high \
     returning m.*, x.shown_after) select ",
    message_columns!(),
    " from moved m where m.seq > m.shown_after"
);

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    SET_UP,
    ENTER,
    LEAVE,
    COMMITTED,
    LOCK,
    LOCK_FREE,
    PRESENT,
    MEMBERS,
    OTHERS,
    KEYS,
    TARGETS,
    SEND,
    SEND_KNOWN,
    PLACES,
    SAVE,
    SAVE_WITH_MEMBERS,
    FOLD,
    MOVE,
];

//! Rooms and their members.

/// A new id before the row, so that the direct room of a pair can be claimed first.
pub(crate) const NEW_ID: &str = "select nextval('room_ids') as id";

pub(crate) const INSERT: &str = "insert into rooms \
     (id, kind, name, created_by, created_at, metadata, activity_at, joinings) \
     values ($1, $2, $3, $4, $5, $6, $5, $7)";

/// The first claim of a pair; a later one waits for it, and inserts nothing if it is committed.
pub(crate) const CLAIM_PAIR: &str = "insert into direct_rooms (first, second, room_id) \
     values ($1, $2, $3) on conflict do nothing";

/// By the primary key.
pub(crate) const FIND_PAIR: &str =
    "select room_id from direct_rooms where first = $1 and second = $2";

/// Makes users members, in their order; who was one before gets their row anew.
pub(crate) const JOIN: &str = "insert into members \
         (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining) \
     select $1, u.id, $3, $4, $5::text::int8multirange, $5::text::int8multirange, $4, $6, \
         $7 + u.place \
     from unnest($2::text[]) with ordinality u (id, place) \
     on conflict (room_id, user_id) do update set \
         joined_at = excluded.joined_at, joined_seq = excluded.joined_seq, \
         read = excluded.read, delivered = excluded.delivered, own_seq = excluded.own_seq, \
         version = excluded.version, \
         joining = excluded.joining, gone = false";

pub(crate) const LEAVE: &str =
    "update members set gone = true, version = $3 where room_id = $1 and user_id = $2";

/// Takes a room. Whoever writes takes it first, so the facts that are read after it stand.
pub(crate) const LOCK: &str =
    concat!("select ", fact_columns!(), ", name, joinings from rooms r where id = $1 for update");

/// Which of these users are members now: by the primary key.
pub(crate) const PRESENT: &str = "select user_id from members \
     where room_id = $1 and user_id = any($2) and not gone";

/// How many members a room has, of at most so many: by an index of the room.
pub(crate) const COUNT: &str = "select count(*) from ( \
     select from members where room_id = $1 and not gone limit $2) m";

/// Writes what became of a room. A set to which nothing is added stays where it is.
pub(crate) const SAVE: &str = "update rooms set name = $2, active = $3, version = $4, \
     settings_version = coalesce($5, settings_version), joinings = $6, \
     deleted = coalesce(deleted + $7::text::int8multirange, deleted), \
     uncounted = coalesce(uncounted + $7::text::int8multirange, uncounted) where id = $1";

/// Writes what the host has noted about a room, where that is something else.
pub(crate) const SET_METADATA: &str = "update rooms set metadata = $2 \
     where id = $1 and metadata is distinct from $2";

pub(crate) const ACCESS: &str =
    concat!("select ", fact_columns!(), ", ", is_member!(), " from rooms r where r.id = $1");

/// By the primary key.
pub(crate) const SUMMARIES: &str = concat!(
    "select ",
    summary_columns!(),
    " from rooms r ",
    summary_joins!("$2"),
    " where r.id = any($1)"
);

/// A page of the rooms of a user; always at least one row, for the count.
pub(crate) const LIST: &str = concat!(
    listed!(),
    "select (select count(*) from mine) as count, s.* from (select) one left join ( \
         select ",
    summary_columns!(),
    " from page p join rooms r on r.id = p.id ",
    summary_joins!("$1"),
    ") s on true ",
    in_order!()
);

/// Rooms by the primary key.
pub(crate) const ALL_ROOMS: &str = concat!(
    "select ",
    summary_columns!(),
    " from (select * from rooms where id > $1 order by id limit $2) r ",
    summary_joins!("null"),
    " order by r.id"
);

/// The present members of these rooms, those of each as one row of arrays.
pub(crate) const MEMBERS: &str = concat!(
    "select r.id as room_id, b.* from rooms r cross join lateral ( \
         select coalesce(array_agg(b.user_id order by b.joining), '{}') as r_users, \
             coalesce(array_agg(b.joined_at order by b.joining), '{}') as b_joined_ats, \
             coalesce(array_agg(b.joined_seq order by b.joining), '{}') as b_joined_seqs, \
             coalesce(array_agg(b.read::text order by b.joining), '{}') as b_reads, \
             coalesce(array_agg(b.delivered::text order by b.joining), '{}') as b_delivereds, \
             coalesce(array_agg((",
    own!(),
    ")::text order by b.joining), '{}') as b_owns, \
             coalesce(array_agg(b.version order by b.joining), '{}') as b_versions \
         from members b where b.room_id = r.id and not b.gone) b \
     where r.id = any($1)"
);

/// By the index `members_of_user`. Members of rooms that are deleted may be there still.
pub(crate) const ROOMS_OF: &str = "select room_id from members \
     where user_id = $1 and not gone and room_id > $2 \
         and exists (select from rooms where id = room_id) \
     order by room_id limit $3";

/// By the primary key.
pub(crate) const VERSIONS: &str = "select id, version from rooms where id = any($1)";

/// What statistics count from; positions are found by halving.
pub(crate) const STATS: &str = "select r.last_seq, r.deleted::text, \
         seq_before_time(r.id, r.last_seq, $4) as old, \
         seq_before_time(r.id, r.last_seq, $5) < r.last_seq as today \
     from members b join rooms r on r.id = b.room_id \
     where b.user_id = $1 and not b.gone and r.kind = any($2) \
         and case when $3::bigint is null then r.active else r.id = $3 end";

/// What a user has not read in the rooms of a list: set arithmetic, as for each room of it.
pub(crate) const UNREAD: &str = concat!(
    "select coalesce(sum(r.last_seq - (select coalesce(sum(upper(x) - lower(x)), 0) from unnest( \
         (b.read + (",
    own!(),
    ") + r.uncounted) * int8multirange(int8range(1, r.last_seq + 1))) x)), 0)::bigint as unread \
     from members b join rooms r on r.id = b.room_id \
     where b.user_id = $1 and not b.gone and r.active and r.kind = any($2)"
);

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    NEW_ID,
    INSERT,
    CLAIM_PAIR,
    FIND_PAIR,
    JOIN,
    LEAVE,
    LOCK,
    PRESENT,
    COUNT,
    SAVE,
    SET_METADATA,
    ACCESS,
    SUMMARIES,
    LIST,
    ALL_ROOMS,
    MEMBERS,
    ROOMS_OF,
    VERSIONS,
    STATS,
    UNREAD,
];

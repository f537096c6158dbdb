//! Messages, their edits and reactions, and what changed since.

/// By the index `messages_by_id`, as all reads by an id are.
pub(crate) const IN_ROOM: &str =
    concat!("select ", message_columns!(), " from messages m where m.id = $1 and m.room_id = $2");

pub(crate) const BY_ID: &str = concat!(
    "select ",
    fact_columns!(),
    ", ",
    message_columns!(),
    ", ",
    is_member!(),
    " from messages m join rooms r on r.id = m.room_id \
     where m.id = $1 and ($3::bigint is null or m.room_id = $3)"
);

/// What a user has sent to a room under a key: by the index `messages_by_key`.
pub(crate) const SENT_BEFORE: &str = concat!(
    "select m.key_content as m_key_content, ",
    message_columns!(),
    " from rooms r join messages m on m.room_id = r.id \
     where r.id = $1 and m.sender = $2 and m.key = $3"
);

/// A room, for a page of its history that begins before the message `$3` and at `$4` or below; and
/// that page, if nothing of it or above it is deleted (or `$7` is, so that it does not matter):
/// `$6` messages after the first `$5`, the newest first. What of the room may be large is in the
/// first row alone.
pub(crate) const PAGE_ROOM: &str = concat!(
    "select ",
    room_columns!(),
    ", q.is_member, q.high, ",
    message_columns!(),
    " from (select r.*, ",
    is_member!(),
    ", least($4::bigint, case when $3::bigint is null then r.last_seq \
             else seq_before_id(r.id, r.last_seq, $3) end) as high \
         from rooms r where r.id = $1 offset 0) q \
     left join messages m on m.room_id = q.id \
         and m.seq between q.high - $5::bigint - $6::bigint + 1 and q.high - $5 \
         and ($7::boolean or not q.deleted && int8range(q.high - $5 - $6 + 1, q.high + 1)) ",
    room_where!("m.seq is null or m.seq = q.high - $5"),
    "order by m.seq desc"
);

/// A page, as ranges of the primary key: each looked up by itself, or all of a room would be gone
/// through where there are few rooms.
pub(crate) const PAGE: &str = concat!(
    "select ",
    message_columns!(),
    " from unnest($2::bigint[], $3::bigint[]) x (low, high) \
     cross join lateral (select * from messages \
         where room_id = $1 and seq between x.low and x.high order by seq offset 0) m \
     order by m.seq"
);

pub(crate) const EDIT: &str = concat!(
    "update messages m set content = $3, words = $4::text::tsvector, edited_at = $5, \
         v_edited = $6, changed = $6 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

pub(crate) const DELETE: &str = concat!(
    "update messages m set content = '', words = '', reactions = '[]', file_key = null, \
         file_name = null, file_type = null, file_size = null, key_content = case \
             when key is not null then '00000000-0000-0000-0000-000000000000'::uuid end, \
         deleted_at = $3, v_deleted = $4, changed = $4 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

pub(crate) const REACT: &str = concat!(
    "update messages m set reactions = $3, v_reacted = $4, changed = $4 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

/// What changed after a point, by the indexes `messages_changed` and `members_changed`; always
/// at least one row, for the room. Members who came together stay together, however many: of the
/// room and of members only what is small is in each row.
pub(crate) const CHANGES: &str = concat!(
    "select ",
    room_columns!(),
    ", ",
    message_columns!(),
    ", ",
    membership_columns!(),
    ", x.version as x_version \
     from rooms q left join lateral ( \
         select c.*, row_number() over (order by version, seq, joining) as place from ( \
             (select changed as version, seq, null as user_id, 0 as joining from messages \
              where room_id = $1 and (changed, seq) > ($2, $3) order by changed, seq limit $5) \
             union all \
             (select version, 0, user_id, joining from members \
              where room_id = $1 and version >= $4 \
              order by version fetch first $5 rows with ties)) c) x on true ",
    room_where!("x.place is null or x.place = 1"),
    "left join messages m on m.room_id = $1 and m.seq = x.seq \
     left join members b on b.room_id = $1 and b.user_id = x.user_id \
     where r.id = $1 order by x.version, x.seq, x.joining"
);

#[cfg(test)]
pub(crate) const ALL: &[&str] =
    &[IN_ROOM, BY_ID, SENT_BEFORE, PAGE_ROOM, PAGE, EDIT, DELETE, REACT, CHANGES];

//! Messages, their edits and reactions, and what changed since.

/// By the index `messages_by_id`, as all reads by an id are.
pub(crate) const IN_ROOM: &str =
    concat!("select ", message_columns!(), " from messages m where m.id = $1 and m.room_id = $2");

pub(crate) const BY_ID: &str = concat!(
    "select ",
    room_columns!(),
    ", ",
    message_columns!(),
    ", ",
    is_member!(),
    " from messages m join rooms r on r.id = m.room_id \
     where m.id = $1 and ($3::bigint is null or m.room_id = $3)"
);

/// A room, for a page of its history; `$3` is the message before which the page begins.
pub(crate) const PAGE_ROOM: &str = concat!(
    "select ",
    room_columns!(),
    ", ",
    is_member!(),
    ", case when $3::bigint is null then r.last_seq \
         else seq_before_id(r.id, r.last_seq, $3) end as high \
     from rooms r where r.id = $1"
);

/// A page, as ranges of the primary key.
pub(crate) const PAGE: &str = concat!(
    "select ",
    message_columns!(),
    " from unnest($2::bigint[], $3::bigint[]) x (low, high) \
     join messages m on m.room_id = $1 and m.seq between x.low and x.high order by m.seq"
);

pub(crate) const EDIT: &str = concat!(
    "update messages m set content = $3, words = $4::text::tsvector, edited_at = $5, \
         v_edited = $6, changed = $6 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

pub(crate) const DELETE: &str = concat!(
    "update messages m set content = '', words = '', reactions = '[]', file_key = null, \
         file_name = null, file_type = null, file_size = null, deleted_at = $3, v_deleted = $4, \
         changed = $4 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

pub(crate) const REACT: &str = concat!(
    "update messages m set reactions = $3, v_reacted = $4, changed = $4 \
     where room_id = $1 and seq = $2 returning ",
    message_columns!()
);

/// What changed after a point, by the indexes `messages_changed` and `members_changed`; always
/// at least one row, for the room. Members who came together stay together.
pub(crate) const CHANGES: &str = concat!(
    "select ",
    room_columns!(),
    ", ",
    message_columns!(),
    ", ",
    member_columns!(),
    ", x.version as x_version \
     from rooms r left join lateral ( \
         (select changed as version, seq, null as user_id, 0 as joining from messages \
          where room_id = $1 and (changed, seq) > ($2, $3) order by changed, seq limit $5) \
         union all \
         (select version, 0, user_id, joining from members \
          where room_id = $1 and version >= $4 \
          order by version fetch first $5 rows with ties)) x on true \
     left join messages m on m.room_id = $1 and m.seq = x.seq \
     left join members b on b.room_id = $1 and b.user_id = x.user_id \
     where r.id = $1 order by x.version, x.seq, x.joining"
);

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[IN_ROOM, BY_ID, PAGE_ROOM, PAGE, EDIT, DELETE, REACT, CHANGES];

//! Erasure: what is to be gone for good.

/// The rooms of which a user is a member or was one, by the indexes `members_of_user` and
/// `members_left`. Members of rooms that are deleted may be there still.
pub(crate) const ROOMS: &str = "select room_id from ( \
         (select room_id from members where user_id = $1 and not gone and room_id > $2 \
             and exists (select from rooms where id = room_id) order by room_id limit $3) \
         union all \
         (select room_id from members where user_id = $1 and gone and joining > 0 \
             and room_id > $2 and exists (select from rooms where id = room_id) \
             order by room_id limit $3)) x \
     order by room_id limit $3";

/// The messages after `$3` and up to `$4` that a user has written, or has reacted to: by the primary
/// key. `$5` is the user as reactions have them. Says too how far the room goes, and whether the
/// user is a member or was one.
pub(crate) const TRACES: &str = "select r.last_seq, b.gone, array( \
         select m.seq from messages m where m.room_id = $1 and m.seq > $3 and m.seq <= $4 \
             and (m.sender = $2 and (m.deleted_at is null or m.key is not null) \
                 or strpos(m.reactions, $5) > 0) \
         order by m.seq limit $6) as seqs \
     from rooms r left join members b on b.room_id = r.id and b.user_id = $2 where r.id = $1";

/// The places of messages of the room `$1`, each to be looked up by the primary key: `offset 0` keeps
/// the planner, which does not know how long a room is, from walking all messages of the room instead.
macro_rules! places {
    () => {
        "(select $1::bigint as room_id, s.seq from unnest($2::bigint[]) s (seq) offset 0) x"
    };
}

pub(crate) const MESSAGES: &str = concat!(
    "select ",
    message_columns!(),
    " from ",
    places!(),
    " join messages m on m.room_id = x.room_id and m.seq = x.seq order by m.seq"
);

/// Deletes messages, and that keys were used for them.
pub(crate) const DELETE: &str = concat!(
    "update messages m set content = '', words = '', reactions = '[]', file_key = null, \
         file_name = null, file_type = null, file_size = null, key = null, key_content = null, \
         deleted_at = $3, v_deleted = $4, changed = $4 from ",
    places!(),
    " where m.room_id = x.room_id and m.seq = x.seq returning ",
    message_columns!()
);

/// The same for messages that were deleted before.
pub(crate) const FORGET_KEYS: &str = concat!(
    "update messages m set key = null, key_content = null from ",
    places!(),
    " where m.room_id = x.room_id and m.seq = x.seq"
);

/// Writes the reactions that are left of messages.
pub(crate) const REACT: &str = concat!(
    "update messages m set reactions = x.reactions, v_reacted = $4, changed = $4 \
     from (select $1::bigint as room_id, s.* \
         from unnest($2::bigint[], $3::text[]) s (seq, reactions) offset 0) x \
     where m.room_id = x.room_id and m.seq = x.seq returning ",
    message_columns!()
);

/// Forgets of a user who was a member all but that they left.
pub(crate) const FORGET_MEMBER: &str = "update members set joined_at = 'epoch', joined_seq = 0, \
         read = '{}', delivered = '{}', own_seq = $3, joining = 0 \
     where room_id = $1 and user_id = $2 and gone";

/// Closes all sessions of a user that are not closed, by the index `sessions_of_user`.
pub(crate) const END_SESSIONS: &str = "update sessions set closed_at = case \
         when lease_until > $2 then $2 else least(lease_until, last_seen) end \
     where user_id = $1 and closed_at is null returning user_id, room_id, id, listed";

/// Forgets sessions of a user, by the index `sessions_listed`.
pub(crate) const FORGET_SESSIONS: &str = "delete from sessions where id = any(array( \
     select id from sessions where user_id = $1 and listed order by connected_at, id limit $2))";

/// Forgets a user who has no sessions, by the primary keys.
pub(crate) const FORGET_VISITOR: &str = "with attended as ( \
         delete from attendance where user_id = $1) \
     delete from visitors where user_id = $1";

/// Notes files that are to be deleted.
pub(crate) const NOTE_FILES: &str = "insert into gone_files (key, due, pause) \
     select x.key, $2, $3 from unnest($1::text[]) x (key) order by x.key on conflict do nothing";

/// Takes files that are due, by the index `gone_files_due`; several nodes do so at once. Hands them
/// back in the order in which they were due.
pub(crate) const TAKE_FILES: &str = "with due as ( \
         select key, due from gone_files where due <= $1 order by due, key limit $2 \
         for update skip locked), \
     taken as ( \
         update gone_files g set due = $1 + make_interval(secs => g.pause::float8), \
             pause = least(2 * g.pause, $3) \
         from due where g.key = due.key returning g.key, due.due) \
     select key from taken order by due, key";

/// By the primary key.
pub(crate) const FORGET_FILES: &str = "delete from gone_files where key = any($1)";

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    ROOMS,
    TRACES,
    MESSAGES,
    DELETE,
    FORGET_KEYS,
    REACT,
    FORGET_MEMBER,
    END_SESSIONS,
    FORGET_SESSIONS,
    FORGET_VISITOR,
    NOTE_FILES,
    TAKE_FILES,
    FORGET_FILES,
];

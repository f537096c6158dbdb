//! The columns from which `rows` makes nouns, and the joins that lead to them.

/// What decides about access to the room `r`; never large.
macro_rules! fact_columns {
    () => {
        "r.id as r_id, r.kind as r_kind, r.created_by as r_created_by, r.active as r_active, \
         r.last_seq as r_last_seq, r.version as r_version"
    };
}

macro_rules! room_columns {
    () => {
        concat!(
            fact_columns!(),
            ", r.name as r_name, r.created_at as r_created_at, r.metadata as r_metadata, \
             r.settings_version as r_settings_version, r.activity_at as r_activity_at, \
             r.deleted::text as r_deleted, r.uncounted::text as r_uncounted"
        )
    };
}

/// The room `q` as the room `r` of [`room_columns!`], in rows of which several are of one room: what
/// of it may be large is there only where a condition holds.
macro_rules! room_where {
    ($condition:literal) => {
        concat!(
            "cross join lateral (select ",
            $condition,
            " as here) f \
             cross join lateral (select q.id, q.kind, q.name, q.created_by, q.created_at, q.active, \
                 case when f.here then q.metadata end as metadata, q.last_seq, q.version, \
                 q.settings_version, q.activity_at, case when f.here then q.deleted end as deleted, \
                 case when f.here then q.uncounted end as uncounted) r "
        )
    };
}

macro_rules! membership_columns {
    () => {
        "b.user_id as b_user, b.joined_at as b_joined_at, b.joined_seq as b_joined_seq, \
         b.version as b_version, b.gone as b_gone"
    };
}

/// The messages that the member `b` has sent and that are not in their sets yet: by the index
/// `messages_of_sender`.
macro_rules! own {
    () => {
        "select coalesce(range_agg(int8range(o.seq, o.seq, '[]')), '{}') from messages o \
         where o.room_id = b.room_id and o.sender = b.user_id and o.seq > b.own_seq"
    };
}

macro_rules! message_columns {
    () => {
        "m.id as m_id, m.room_id as m_room, m.seq as m_seq, m.sender as m_sender, \
         m.kind as m_kind, m.content as m_content, m.file_key as m_file_key, \
         m.file_name as m_file_name, m.file_type as m_file_type, m.file_size as m_file_size, \
         m.reply_to as m_reply_to, m.created_at as m_created_at, m.edited_at as m_edited_at, \
         m.deleted_at as m_deleted_at, m.reactions as m_reactions, \
         m.delivered_at as m_delivered_at, m.read_at as m_read_at, \
         m.delivered_by as m_delivered_by, m.status_by as m_status_by, \
         m.v_sent as m_v_sent, m.v_edited as m_v_edited, m.v_deleted as m_v_deleted, \
         m.v_reacted as m_v_reacted, m.v_delivered as m_v_delivered, \
         m.v_status as m_v_status"
    };
}

/// Whether the user `$2` is a member of the room `r` now: one look at the primary key.
macro_rules! is_member {
    () => {
        "exists (select from members b where b.room_id = r.id and b.user_id = $2 and not b.gone) \
         as is_member"
    };
}

/// Who the first `$most` present members of the room `r` are, in the order they joined: by the index
/// `members_present`, without the rows but those that changed since the last vacuum.
macro_rules! users {
    ($most:literal) => {
        concat!(
            "array(select p.user_id from members p where p.room_id = r.id and not p.gone \
                 order by p.joining limit ",
            $most,
            ") as r_users"
        )
    };
}

/// The rooms that are listed for the user `$1`, of the kinds `$2`, as `mine`: by the index
/// `members_of_user`. Of these a page, as `page`: `$5` after the first `$4`, by their activity where
/// `$3`, else by id.
macro_rules! listed {
    () => {
        "with mine as materialized ( \
             select r.id, r.activity_at from members b join rooms r on r.id = b.room_id \
             where b.user_id = $1 and not b.gone and r.active and r.kind = any($2)), \
         page as ( \
             select id from mine \
             order by case when $3 then activity_at end desc, case when $3 then -id else id end \
             offset $4 limit $5) "
    };
}

/// In the order of [`listed!`].
macro_rules! in_order {
    () => {
        "order by case when $3 then r_activity_at end desc, case when $3 then -r_id else r_id end"
    };
}

/// The columns of a summary of the room `r` for the user `b`, who may be no member.
macro_rules! summary_columns {
    () => {
        concat!(
            room_columns!(),
            ", ",
            users!("all"),
            ", ",
            message_columns!(),
            ", b.user_id is not null as is_member, b.read::text as b_read, (",
            own!(),
            ")::text as b_own"
        )
    };
}

/// What a summary of the room `r` joins: the newest message that is not deleted, found by
/// arithmetic and the primary key, and what the user `$user` is to the room, by the primary key.
macro_rules! summary_joins {
    ($user:literal) => {
        concat!(
            "left join messages m on m.room_id = r.id and m.seq = ( \
                 select coalesce( \
                     max(lower(x)) filter (where upper(x) = r.last_seq + 1) - 1, r.last_seq) \
                 from unnest(r.deleted) x) \
             left join members b on b.room_id = r.id and b.user_id = ",
            $user,
            " and not b.gone"
        )
    };
}

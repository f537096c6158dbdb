//! Search.

/// The rooms of a user by the index `members_of_user`, and in each its messages by the index
/// `messages_words`, whose words begin with the room's id. `$3` has the words of the term,
/// escaped. `offset 0` keeps the planner, which does not know how long a room is, from walking all
/// messages of the room instead.
pub(crate) const MESSAGES: &str = concat!(
    "select ",
    fact_columns!(),
    ", ",
    message_columns!(),
    ", true as is_member from members b join rooms r on r.id = b.room_id \
     cross join lateral ( \
         select m.* from ( \
             select m.* from messages m \
             where m.words @@ (select string_agg('''' || r.id || ':' || w || ''':*', ' & ') \
                 from unnest($3::text[]) w)::tsquery \
             offset 0) m \
         where m.room_id = r.id order by m.seq desc limit $4) m \
     where b.user_id = $1 and not b.gone and r.kind = any($2) \
     order by m.created_at desc, m.id desc limit $4"
);

/// A page of the rooms of a user.
pub(crate) const OWN_CANDIDATES: &str = concat!(
    listed!(),
    "select s.* from (select ",
    fact_columns!(),
    ", r.activity_at as r_activity_at, r.name as r_name, ",
    users!("$6"),
    ", true as is_member from page p join rooms r on r.id = p.id) s ",
    in_order!()
);

/// Public rooms by the index `rooms_public`, from the largest id on. `offset 0` has each looked up
/// among the caller's by the primary key, and not compared with all of these.
pub(crate) const PUBLIC_CANDIDATES: &str = concat!(
    "select ",
    fact_columns!(),
    ", r.name as r_name, ",
    users!("$4"),
    ", false as is_member from rooms r \
     where r.kind = 'public' and r.active and r.id < $2 \
         and not exists (select from members b \
             where b.room_id = r.id and b.user_id = $1 and not b.gone offset 0) \
     order by r.id desc limit $3"
);

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[MESSAGES, OWN_CANDIDATES, PUBLIC_CANDIDATES];

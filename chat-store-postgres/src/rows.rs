//! Rows, made into the nouns of the model and back.

use std::sync::Arc;

use chat_core::model::{
    Attachment, Member, Membership, Message, MessageId, MessageKind, MessageVersions, Reaction,
    Room, RoomId, RoomKind, RoomSummary, Seq, SeqSet, Timestamp, UserId, Version,
};
use chat_core::rules::{Access, Caller, Guarded, Standing};
use chat_core::store::RoomCandidate;
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;

use crate::error::corrupt;

type Read<T> = Result<T, sqlx::Error>;

/// A number as the database keeps it. Positions and versions stay far below the bound.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as the model has it.
pub(crate) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A moment as the model has it.
pub(crate) fn moment(at: OffsetDateTime) -> Timestamp {
    Timestamp::from_micros(i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
}

pub(crate) fn room_id(id: i64) -> Read<RoomId> {
    RoomId::new(uint(id)).ok_or_else(|| corrupt("room id"))
}

pub(crate) fn message_id(id: i64) -> Read<MessageId> {
    MessageId::new(uint(id)).ok_or_else(|| corrupt("message id"))
}

pub(crate) fn user_id(id: &str) -> Read<UserId> {
    UserId::new(id).map_err(|_| corrupt("user id"))
}

/// A set as Postgres writes an `int8multirange`.
pub(crate) fn multirange(set: &SeqSet) -> String {
    let ranges = set.ranges().map(|range| format!("[{},{})", range.start(), range.end() + 1));
    format!("{{{}}}", ranges.collect::<Vec<_>>().join(","))
}

/// What is added to a set that the database has; none where that is nothing.
pub(crate) fn added(set: &SeqSet) -> Option<String> {
    (!set.is_empty()).then(|| multirange(set))
}

/// The set that Postgres has written as an `int8multirange`.
pub(crate) fn seq_set(text: &str) -> Read<SeqSet> {
    let broken = || corrupt("multirange");
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inner = inner.ok_or_else(broken)?;
    let mut set = SeqSet::new();
    for range in inner.split("),").filter(|range| !range.is_empty()) {
        let range = range.trim_start_matches('[').trim_end_matches(')');
        let (low, end) = range.split_once(',').ok_or_else(broken)?;
        let low: u64 = low.parse().map_err(|_| broken())?;
        let end: u64 = end.parse().map_err(|_| broken())?;
        set.insert_range(low..=end.saturating_sub(1));
    }
    Ok(set)
}

fn set(row: &PgRow, column: &str) -> Read<SeqSet> {
    seq_set(row.try_get(column)?)
}

pub(crate) fn at(row: &PgRow, column: &str) -> Read<Timestamp> {
    row.try_get(column).map(moment)
}

pub(crate) fn maybe_at(row: &PgRow, column: &str) -> Read<Option<Timestamp>> {
    Ok(row.try_get::<Option<OffsetDateTime>, _>(column)?.map(moment))
}

fn number(row: &PgRow, column: &str) -> Read<u64> {
    row.try_get(column).map(uint)
}

fn user(row: &PgRow, column: &str) -> Read<UserId> {
    user_id(row.try_get(column)?)
}

fn maybe_user(row: &PgRow, column: &str) -> Read<Option<UserId>> {
    row.try_get::<Option<&str>, _>(column)?.map(user_id).transpose()
}

/// What decides about access to a room.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: RoomId,
    pub(crate) kind: RoomKind,
    pub(crate) created_by: Option<UserId>,
    pub(crate) active: bool,
    pub(crate) last_seq: Seq,
    pub(crate) version: Version,
}

impl Facts {
    /// Those of a room.
    pub(crate) fn of(room: &Room) -> Self {
        Self {
            id: room.id,
            kind: room.kind,
            created_by: room.created_by.clone(),
            active: room.active,
            last_seq: room.last_seq,
            version: room.version,
        }
    }

    /// What a caller, or the host, is to the room.
    pub(crate) fn access(&self, by: Option<&Caller>, is_member: bool) -> Access {
        Access {
            room: self.id,
            kind: self.kind,
            shown: by.is_none_or(|by| by.kinds.contains(self.kind)),
            standing: Standing::of(self.created_by.as_ref(), by, is_member),
            active: self.active,
            version: self.version,
            last_seq: self.last_seq,
        }
    }
}

/// The facts of a row with [`fact_columns!`](crate::sql).
pub(crate) fn facts(row: &PgRow) -> Read<Facts> {
    Ok(Facts {
        id: room_id(row.try_get("r_id")?)?,
        kind: RoomKind::parse(row.try_get("r_kind")?).ok_or_else(|| corrupt("kind of room"))?,
        created_by: maybe_user(row, "r_created_by")?,
        active: row.try_get("r_active")?,
        last_seq: number(row, "r_last_seq")?,
        version: number(row, "r_version")?,
    })
}

/// The room of a row with [`room_columns!`](crate::sql).
pub(crate) fn room(row: &PgRow) -> Read<Room> {
    let Facts { id, kind, created_by, active, last_seq, version } = facts(row)?;
    let metadata = serde_json::from_str(row.try_get("r_metadata")?);
    Ok(Room {
        id,
        kind,
        name: row.try_get("r_name")?,
        created_by,
        created_at: at(row, "r_created_at")?,
        active,
        metadata: Arc::new(metadata.map_err(|_| corrupt("metadata"))?),
        last_seq,
        version,
        settings_version: number(row, "r_settings_version")?,
        activity_at: at(row, "r_activity_at")?,
        deleted: set(row, "r_deleted")?,
        uncounted: set(row, "r_uncounted")?,
    })
}

/// The sets of a room; all of them can be large.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    pub(crate) deleted: SeqSet,
    pub(crate) uncounted: SeqSet,
    pub(crate) delivered: SeqSet,
    pub(crate) read: SeqSet,
}

/// The sets of a row that may have them.
pub(crate) fn sets(row: &PgRow) -> Read<Sets> {
    let set = |column| {
        let text: Option<&str> = row.try_get(column)?;
        text.map_or_else(|| Ok(SeqSet::new()), seq_set)
    };
    Ok(Sets {
        deleted: set("deleted")?,
        uncounted: set("uncounted")?,
        delivered: set("delivered")?,
        read: set("read")?,
    })
}

/// The membership of a row with [`membership_columns!`](crate::sql).
pub(crate) fn membership(row: &PgRow) -> Read<Membership> {
    Ok(Membership {
        user: user(row, "b_user")?,
        joined_at: at(row, "b_joined_at")?,
        joined_seq: number(row, "b_joined_seq")?,
        version: number(row, "b_version")?,
        left: row.try_get("b_gone")?,
    })
}

/// The member of a row with a membership and its sets.
pub(crate) fn member(row: &PgRow) -> Read<Member> {
    let Membership { user, joined_at, joined_seq, version, left } = membership(row)?;
    let own = set(row, "b_own")?;
    let read = set(row, "b_read")?.union(&own);
    let delivered = set(row, "b_delivered")?.union(&own);
    Ok(Member { user, joined_at, joined_seq, read, delivered, version, left })
}

/// Who the members of a room are that a row has as an array.
pub(crate) fn users(row: &PgRow) -> Read<Vec<UserId>> {
    row.try_get::<Vec<String>, _>("r_users")?.iter().map(|user| user_id(user)).collect()
}

/// The present members that a row has as arrays.
pub(crate) fn members(row: &PgRow) -> Read<Vec<Member>> {
    let users = users(row)?;
    let joined_at: Vec<OffsetDateTime> = row.try_get("b_joined_ats")?;
    let joined_seq: Vec<i64> = row.try_get("b_joined_seqs")?;
    let read: Vec<String> = row.try_get("b_reads")?;
    let delivered: Vec<String> = row.try_get("b_delivereds")?;
    let own: Vec<String> = row.try_get("b_owns")?;
    let version: Vec<i64> = row.try_get("b_versions")?;
    let mut members = Vec::with_capacity(users.len());
    for (index, user) in users.into_iter().enumerate() {
        let own = seq_set(&own[index])?;
        members.push(Member {
            user,
            joined_at: moment(joined_at[index]),
            joined_seq: uint(joined_seq[index]),
            read: seq_set(&read[index])?.union(&own),
            delivered: seq_set(&delivered[index])?.union(&own),
            version: uint(version[index]),
            left: false,
        });
    }
    Ok(members)
}

/// What the caller is to the room of a row that says whether they are a member.
pub(crate) fn access(row: &PgRow, by: Option<&Caller>) -> Read<Access> {
    Ok(facts(row)?.access(by, row.try_get("is_member")?))
}

/// The summary of a row with [`summary_columns!`](crate::sql).
pub(crate) fn summary(row: &PgRow) -> Read<RoomSummary> {
    let room = room(row)?;
    let read: Option<&str> = row.try_get("b_read")?;
    let unread = match read {
        Some(read) => room.unread(&seq_set(read)?.union(&set(row, "b_own")?)),
        None => 0,
    };
    Ok(RoomSummary { members: users(row)?, last_message: maybe_message(row)?, room, unread })
}

/// What a search looks at of the room of a row.
pub(crate) fn candidate(row: &PgRow, by: &Caller) -> Read<Guarded<RoomCandidate>> {
    let access = access(row, Some(by))?;
    let (room, name) = (access.room, row.try_get("r_name")?);
    Ok(Guarded::new(access, RoomCandidate { room, name, members: users(row)? }))
}

/// The message of a row with [`message_columns!`](crate::sql).
pub(crate) fn message(row: &PgRow) -> Read<Message> {
    let key: Option<String> = row.try_get("m_file_key")?;
    let attachment = match key {
        Some(key) => Some(Attachment {
            key,
            name: row.try_get("m_file_name")?,
            content_type: row.try_get("m_file_type")?,
            size: number(row, "m_file_size")?,
        }),
        None => None,
    };
    let reply_to: Option<i64> = row.try_get("m_reply_to")?;
    Ok(Message {
        id: message_id(row.try_get("m_id")?)?,
        room: room_id(row.try_get("m_room")?)?,
        seq: number(row, "m_seq")?,
        sender: user(row, "m_sender")?,
        kind: MessageKind::parse(row.try_get("m_kind")?).ok_or_else(|| corrupt("kind"))?,
        content: row.try_get("m_content")?,
        attachment,
        reply_to: reply_to.map(message_id).transpose()?,
        created_at: at(row, "m_created_at")?,
        edited_at: maybe_at(row, "m_edited_at")?,
        deleted_at: maybe_at(row, "m_deleted_at")?,
        reactions: reactions(row.try_get("m_reactions")?)?,
        delivered_at: maybe_at(row, "m_delivered_at")?,
        read_at: maybe_at(row, "m_read_at")?,
        delivered_by: maybe_user(row, "m_delivered_by")?,
        status_by: maybe_user(row, "m_status_by")?,
        versions: MessageVersions {
            sent: number(row, "m_v_sent")?,
            edited: number(row, "m_v_edited")?,
            deleted: number(row, "m_v_deleted")?,
            reacted: number(row, "m_v_reacted")?,
            delivered: number(row, "m_v_delivered")?,
            status: number(row, "m_v_status")?,
        },
    })
}

/// The message of a row, where an outer join has found one.
pub(crate) fn maybe_message(row: &PgRow) -> Read<Option<Arc<Message>>> {
    let id: Option<i64> = row.try_get("m_id")?;
    id.map(|_| message(row).map(Arc::new)).transpose()
}

fn reactions(text: &str) -> Read<Vec<Reaction>> {
    let all: Vec<(String, Vec<String>)> =
        serde_json::from_str(text).map_err(|_| corrupt("reactions"))?;
    let reaction = |(emoji, users): (String, Vec<String>)| {
        let users = users.iter().map(|user| user_id(user)).collect::<Read<_>>()?;
        Ok(Reaction { emoji, users })
    };
    all.into_iter().map(reaction).collect()
}

/// Reactions as a row has them.
pub(crate) fn reactions_text(reactions: &[Reaction]) -> String {
    let pairs = reactions.iter().map(|reaction| {
        let users: Vec<_> = reaction.users.iter().map(UserId::as_str).collect();
        serde_json::json!([reaction.emoji, users])
    });
    serde_json::Value::Array(pairs.collect()).to_string()
}

/// The words of a text as a `tsvector` is written, each behind its room.
pub(crate) fn words(room: RoomId, text: &str) -> String {
    let room = format!("{room}:");
    let mut vector = String::with_capacity(2 * text.len());
    for word in chat_core::rules::Words::of(text).as_slice() {
        push_lexeme(&mut vector, &[&room, word]);
        vector.push(' ');
    }
    vector
}

/// A word, in parts, as it is quoted in a `tsvector`.
fn push_lexeme(to: &mut String, parts: &[&str]) {
    to.push('\'');
    for c in parts.iter().flat_map(|part| part.chars()) {
        if matches!(c, '\\' | '\'') {
            to.push(c);
        }
        to.push(c);
    }
    to.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        let mut lexeme = String::new();
        push_lexeme(&mut lexeme, &["it's ", r"a \"]);
        assert_eq!(lexeme, r"'it''s a \\'");
        let room = RoomId::new(7).unwrap();
        assert_eq!(words(room, "It's so, so SO"), "'7:it''s' '7:so' ");
    }

    #[test]
    fn a_set_comes_back_as_it_was_written() {
        for ranges in [vec![], vec![1..=1], vec![1..=4, 6..=6, 9..=20]] {
            let mut set = SeqSet::new();
            for range in ranges {
                set.insert_range(range);
            }
            assert_eq!(seq_set(&multirange(&set)).unwrap(), set);
        }
    }
}

//! A store as simple as can be: plain lists, and everything counted anew whenever it is asked for.

use std::fmt;
use std::sync::Arc;

use chat_core::model::{
    Cursor, Member, Membership, Message, MessageKind, Page, Room, RoomId, RoomKind, Seq, Slice,
    Timestamp, UserId, Version,
};
use chat_core::rules::{Access, Caller, Standing};
use chat_core::store::{Anchor, NewRoom, Once, RoomOrder, RoomQuery, RoomStats, StatsQuery};

/// All rooms, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) rooms: Vec<ReferenceRoom>,
    /// Those that are deleted.
    pub(super) gone: Vec<ReferenceRoom>,
}

#[derive(Debug)]
pub(super) struct ReferenceRoom {
    pub(super) id: RoomId,
    pub(super) new: NewRoom,
    pub(super) name: Option<String>,
    pub(super) active: bool,
    pub(super) version: Version,
    pub(super) settings_version: Version,
    /// In the order they joined, with those who left.
    pub(super) members: Vec<ReferenceMember>,
    /// By `seq`.
    pub(super) messages: Vec<Message>,
    /// The keys of the messages, in the same order.
    pub(super) keys: Vec<Option<Once>>,
}

#[derive(Debug, Clone)]
pub(super) struct ReferenceMember {
    pub(super) user: UserId,
    joined_at: Timestamp,
    joined_seq: Seq,
    pub(super) version: Version,
    pub(super) left: bool,
    /// Whether nothing of them is left in the room.
    pub(super) erased: bool,
    pub(super) read: Vec<Seq>,
    pub(super) delivered: Vec<Seq>,
}

/// A room as one user sees it.
#[derive(Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) room: Room,
    pub(super) members: Vec<UserId>,
    pub(super) last_message: Option<Plain>,
    pub(super) unread: u64,
}

/// A changed row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Message(Plain),
    /// Without what they have read: that is no change. Since when they are a member and from which
    /// position on, where they are one: of who left it is nobody's business.
    Member(UserId, Version, Option<(Timestamp, Seq)>),
}

/// A message that shows all that it holds when a comparison fails.
#[derive(Clone, PartialEq)]
pub(super) struct Plain(pub(super) Box<Message>);

impl Reference {
    /// Makes a room, which the store has given this id.
    pub(super) fn create(&mut self, id: RoomId, new: &NewRoom) {
        let mut room = ReferenceRoom {
            id,
            name: new.name.as_ref().map(|name| name.as_str().to_owned()),
            active: true,
            version: 1,
            settings_version: 1,
            members: Vec::new(),
            messages: Vec::new(),
            keys: Vec::new(),
            new: new.clone(),
        };
        for user in new.creator.iter().chain(&new.members) {
            if !room.is_member(user) {
                room.join(user, 1, new.at);
            }
        }
        self.rooms.push(room);
    }

    /// The direct room of two users.
    pub(super) fn direct(&self, first: &UserId, second: &UserId) -> Option<RoomId> {
        let is_theirs = |room: &&ReferenceRoom| {
            let has = |user: &UserId| room.members.iter().any(|member| member.user == *user);
            room.new.kind == RoomKind::Direct && has(first) && has(second)
        };
        self.rooms.iter().find(is_theirs).map(|room| room.id)
    }

    /// The rooms that a user is a member of, or was without having been erased since.
    pub(super) fn rooms_to_erase(&self, user: &UserId) -> Vec<RoomId> {
        let is_trace = |member: &ReferenceMember| member.user == *user && !member.erased;
        let rooms = self.rooms.iter().filter(|room| room.members.iter().any(is_trace));
        let mut rooms: Vec<_> = rooms.map(|room| room.id).collect();
        rooms.sort_unstable();
        rooms
    }

    /// All rooms of a user that are listed for them, and the page asked for.
    pub(super) fn list(&self, query: &RoomQuery) -> Page<Summary> {
        let mut rooms: Vec<_> = self
            .rooms
            .iter()
            .filter(|room| room.active && room.is_seen_by_member(&query.by))
            .map(|room| room.summary(&query.by.user))
            .collect();
        rooms.sort_by_key(|summary| summary.room.id);
        if query.order == RoomOrder::Activity {
            rooms.sort_by_key(|summary| (summary.room.activity_at, summary.room.id));
            rooms.reverse();
        }
        page(rooms, query.slice)
    }

    pub(super) fn stats(&self, query: &StatsQuery) -> RoomStats {
        let mut stats = RoomStats::default();
        for room in &self.rooms {
            let asked = query.room.map_or(room.active, |id| id == room.id);
            if !asked || !room.is_seen_by_member(&query.by) {
                continue;
            }
            stats.rooms += 1;
            let sent = room.messages.iter();
            stats.active_today +=
                u64::from(sent.clone().any(|message| message.created_at >= query.today));
            let recent =
                |message: &&Message| message.created_at >= query.since && !message.is_deleted();
            stats.recent_messages += sent.filter(recent).count() as u64;
        }
        stats
    }
}

impl ReferenceRoom {
    pub(super) fn access(&self, by: Option<&Caller>) -> Access {
        let standing = match by {
            None => Standing::Host,
            Some(by) if !self.is_member(&by.user) => Standing::Stranger,
            Some(by) if self.new.creator.as_ref() == Some(&by.user) => Standing::Creator,
            Some(_) => Standing::Member,
        };
        Access {
            room: self.id,
            kind: self.new.kind,
            shown: by.is_none_or(|by| by.kinds.contains(self.new.kind)),
            standing,
            active: self.active,
            version: self.version,
            last_seq: self.messages.len() as Seq,
        }
    }

    pub(super) fn kind(&self) -> RoomKind {
        self.new.kind
    }

    pub(super) fn summary(&self, user: &UserId) -> Summary {
        let last = self.messages.iter().rev().find(|message| !message.is_deleted());
        Summary {
            room: self.room(),
            members: self.present().map(|member| member.user.clone()).collect(),
            last_message: last.map(Plain::of),
            unread: self.unread(user),
        }
    }

    /// All rows that changed after a point, by version and `seq`.
    pub(super) fn changes(&self, after: Cursor) -> Vec<Row> {
        let mut rows = Vec::new();
        for member in &self.members {
            rows.push((member.version, 0, Row::of_member(member.row().membership())));
        }
        for message in &self.messages {
            let row = Row::Message(Plain::of(message));
            rows.push((message.versions.last(), message.seq, row));
        }
        rows.sort_by_key(|(version, seq, _)| (*version, *seq));
        let is_new = |(version, seq, _): &(Version, Seq, Row)| {
            *version > after.version + 1
                || *version == after.version + 1 && (*seq > after.seq || after.seq == 0)
        };
        rows.into_iter().filter(is_new).map(|(_, _, row)| row).collect()
    }

    pub(super) fn history(&self, anchor: Anchor, slice: Slice, deleted: bool) -> Page<Plain> {
        let on_the_side = |message: &&Message| match anchor {
            Anchor::Newest => true,
            Anchor::BeforeMessage(id) => message.id < id,
            Anchor::BeforeSeq(seq) => message.seq < seq,
            Anchor::AfterSeq(seq) => message.seq > seq,
        };
        let mut side: Vec<_> = self
            .messages
            .iter()
            .filter(on_the_side)
            .filter(|message| deleted || !message.is_deleted())
            .map(Plain::of)
            .collect();
        if !matches!(anchor, Anchor::AfterSeq(_)) {
            side.reverse();
        }
        page(side, slice)
    }

    /// Those who are members now.
    pub(super) fn present(&self) -> impl Iterator<Item = &ReferenceMember> {
        self.members.iter().filter(|member| !member.left)
    }

    pub(super) fn join(&mut self, user: &UserId, version: Version, at: Timestamp) {
        let last = self.messages.len() as Seq;
        self.members.retain(|member| member.user != *user);
        self.members.push(ReferenceMember {
            user: user.clone(),
            joined_at: at,
            joined_seq: last,
            version,
            left: false,
            erased: false,
            read: (1..=last).collect(),
            delivered: (1..=last).collect(),
        });
    }

    pub(super) fn room(&self) -> Room {
        let seqs_where = |is: fn(&Message) -> bool| {
            self.messages.iter().filter(|message| is(message)).map(|message| message.seq).collect()
        };
        let sent = self.messages.iter().map(|message| message.created_at);
        Room {
            id: self.id,
            kind: self.new.kind,
            name: self.name.clone(),
            created_by: self.new.creator.clone(),
            created_at: self.new.at,
            active: self.active,
            metadata: Arc::new(self.new.metadata.clone()),
            last_seq: self.messages.len() as Seq,
            version: self.version,
            settings_version: self.settings_version,
            activity_at: sent.fold(self.new.at, Timestamp::max),
            deleted: seqs_where(Message::is_deleted),
            uncounted: seqs_where(|message| {
                message.is_deleted() || message.kind == MessageKind::System
            }),
        }
    }

    fn unread(&self, user: &UserId) -> u64 {
        let Some(member) = self.present().find(|member| member.user == *user) else { return 0 };
        let is_unread = |message: &&Message| {
            message.sender != *user
                && !message.is_deleted()
                && message.kind != MessageKind::System
                && !member.read.contains(&message.seq)
        };
        self.messages.iter().filter(is_unread).count() as u64
    }

    pub(super) fn is_seen_by_member(&self, by: &Caller) -> bool {
        by.kinds.contains(self.new.kind) && self.is_member(&by.user)
    }

    pub(super) fn is_member(&self, user: &UserId) -> bool {
        self.present().any(|member| member.user == *user)
    }

    pub(super) fn member(&mut self, user: &UserId) -> &mut ReferenceMember {
        let member = self.members.iter_mut().find(|member| member.user == *user);
        member.expect("the user is or was a member")
    }
}

impl ReferenceMember {
    pub(super) fn row(&self) -> Member {
        Member {
            user: self.user.clone(),
            joined_at: self.joined_at,
            joined_seq: self.joined_seq,
            read: self.read.iter().copied().collect(),
            delivered: self.delivered.iter().copied().collect(),
            version: self.version,
            left: self.left,
        }
    }
}

impl Plain {
    pub(super) fn of(message: &Message) -> Self {
        Self(Box::new(message.clone()))
    }
}

impl Row {
    /// Of a member.
    pub(super) fn of_member(member: Membership) -> Self {
        let since = (!member.left).then_some((member.joined_at, member.joined_seq));
        Self::Member(member.user, member.version, since)
    }
}

fn page<T>(all: Vec<T>, slice: Slice) -> Page<T> {
    let count = all.len() as u64;
    let skip = usize::try_from(slice.skip).unwrap_or(usize::MAX);
    Page { count, items: all.into_iter().skip(skip).take(slice.take).collect() }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { content, attachment, reply_to, created_at, edited_at, .. } = &*self.0;
        let Message { deleted_at, reactions, delivered_at, read_at, .. } = &*self.0;
        let Message { delivered_by, status_by, .. } = &*self.0;
        write!(f, "{:?} {content:?} {attachment:?} reply to {reply_to:?} ", self.0)?;
        write!(f, "created {created_at} edited {edited_at:?} deleted {deleted_at:?} ")?;
        write!(f, "{reactions:?} delivered {delivered_at:?} read {read_at:?} ")?;
        write!(f, "by {delivered_by:?} {status_by:?}")
    }
}

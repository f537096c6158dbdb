//! A store as simple as can be: plain lists, and everything counted anew whenever it is asked for.

use chat_core::model::{
    Attachment, Member, Message, MessageId, MessageKind, MessageVersions, Page, Reaction, Room,
    RoomId, RoomKind, Seq, Slice, Timestamp, UserId, Version,
};
use chat_core::rules::{Access, Action, Caller, Denial, Standing, permit_message};
use chat_core::store::{
    Added, Anchor, ChangesAfter, DeleteMessage, EditMessage, ManageRoom, Mark, NewMessage, NewRoom,
    Once, React, ReceiptKind, RoomOrder, RoomQuery, RoomStats, StatsQuery, Targets,
};
use std::sync::Arc;

use crate::store::world::Refusal;

/// All rooms, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) rooms: Vec<ReferenceRoom>,
}

#[derive(Debug)]
pub(super) struct ReferenceRoom {
    pub(super) id: RoomId,
    new: NewRoom,
    name: Option<String>,
    active: bool,
    pub(super) version: Version,
    settings_version: Version,
    /// In the order they joined, with those who left.
    pub(super) members: Vec<ReferenceMember>,
    /// By `seq`.
    pub(super) messages: Vec<Message>,
    /// The keys of the messages, in the same order.
    keys: Vec<Option<Once>>,
}

#[derive(Debug, Clone)]
pub(super) struct ReferenceMember {
    pub(super) user: UserId,
    joined_at: Timestamp,
    joined_seq: Seq,
    version: Version,
    pub(super) left: bool,
    read: Vec<Seq>,
    delivered: Vec<Seq>,
}

/// A room as one user sees it.
#[derive(Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) room: Room,
    pub(super) members: Vec<Member>,
    pub(super) last_message: Option<Plain>,
    pub(super) unread: u64,
}

/// A changed row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Message(Plain),
    /// Without what they have read: that is no change, and of who left it is nobody's business.
    Member(UserId, Timestamp, Seq, Version, bool),
}

/// A message that shows all that it holds when a comparison fails.
#[derive(Clone, PartialEq)]
pub(super) struct Plain(pub(super) Box<Message>);

type Outcome<T> = Result<T, Refusal>;

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
    pub(super) fn access(&self, by: &Caller) -> Access {
        Access {
            room: self.id,
            kind: self.new.kind,
            shown: by.kinds.contains(self.new.kind),
            standing: match self.is_member(&by.user) {
                false => Standing::Stranger,
                true if self.new.creator.as_ref() == Some(&by.user) => Standing::Creator,
                true => Standing::Member,
            },
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
            members: self.present().map(ReferenceMember::row).collect(),
            last_message: last.map(Plain::of),
            unread: self.unread(user),
        }
    }

    /// All rows that changed after a point, by version and `seq`.
    pub(super) fn changes(&self, after: ChangesAfter) -> Vec<Row> {
        let mut rows = Vec::new();
        for member in &self.members {
            rows.push((member.version, 0, Row::of_member(&member.row())));
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

    /// Sends a message, which the store has given this id.
    pub(super) fn send(&mut self, new: &NewMessage, id: MessageId) -> Outcome<(Plain, bool)> {
        let permitted = self.access(&new.by).permit(Action::Send);
        if let Err(denial @ (Denial::Hidden | Denial::NotMember)) = permitted {
            return Err(Refusal::Denied(denial));
        }
        if let Some(once) = new.once {
            let same = |(message, key): &(&Message, &Option<Once>)| {
                message.sender == new.by.user && key.is_some_and(|key| key.key == once.key)
            };
            if let Some((message, key)) = self.messages.iter().zip(&self.keys).find(same) {
                let repeats = *key == Some(once) && !message.is_deleted();
                return if repeats {
                    Ok((Plain::of(message), true))
                } else {
                    Err(Refusal::KeyReused)
                };
            }
        }
        permitted.map_err(Refusal::Denied)?;
        if let Some(reply_to) = new.reply_to {
            let is_there = |message: &Message| message.id == reply_to && !message.is_deleted();
            if !self.messages.iter().any(is_there) {
                return Err(Refusal::BadReply);
            }
        }
        self.version += 1;
        let before = self.messages.last().map_or(Timestamp::EPOCH, |message| message.created_at);
        let message = Message {
            id,
            room: self.id,
            seq: self.messages.len() as Seq + 1,
            sender: new.by.user.clone(),
            kind: new.kind,
            content: new.content.as_str().to_owned(),
            attachment: new.attachment.clone(),
            reply_to: new.reply_to,
            created_at: new.at.max(before),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            delivered_at: None,
            read_at: None,
            status_by: None,
            versions: MessageVersions { sent: self.version, ..Default::default() },
        };
        let sender = self.member(&new.by.user);
        sender.read.push(message.seq);
        sender.delivered.push(message.seq);
        let sent = Plain::of(&message);
        self.messages.push(message);
        self.keys.push(new.once);
        Ok((sent, false))
    }

    pub(super) fn edit(&mut self, edit: &EditMessage) -> Outcome<Plain> {
        let index = self.writable(Action::Edit, &edit.by, edit.message)?;
        self.version += 1;
        let message = &mut self.messages[index];
        edit.content.as_str().clone_into(&mut message.content);
        message.edited_at = Some(edit.at);
        message.versions.edited = self.version;
        Ok(Plain::of(message))
    }

    pub(super) fn delete(
        &mut self,
        delete: &DeleteMessage,
    ) -> Outcome<(Plain, Option<Attachment>)> {
        let index = self.writable(Action::Delete, &delete.by, delete.message)?;
        self.version += 1;
        let message = &mut self.messages[index];
        message.content.clear();
        message.reactions.clear();
        message.deleted_at = Some(delete.at);
        message.versions.deleted = self.version;
        let attachment = message.attachment.take();
        Ok((Plain::of(message), attachment))
    }

    pub(super) fn react(&mut self, react: &React) -> Outcome<(Plain, bool)> {
        let index = self.writable(Action::React, &react.by, react.message)?;
        let message = &mut self.messages[index];
        let before = message.reactions.clone();
        let (emoji, user) = (react.emoji.as_str(), &react.by.user);
        let found = message.reactions.iter().position(|reaction| reaction.emoji == emoji);
        match (found, react.add) {
            (Some(found), true) => {
                let users = &mut message.reactions[found].users;
                if !users.contains(user) {
                    users.push(user.clone());
                }
            }
            (None, true) => {
                let users = vec![user.clone()];
                message.reactions.push(Reaction { emoji: emoji.to_owned(), users });
            }
            (Some(found), false) => message.reactions[found].users.retain(|other| other != user),
            (None, false) => {}
        }
        message.reactions.retain(|reaction| !reaction.users.is_empty());
        let changed = message.reactions != before;
        if changed {
            self.version += 1;
            message.versions.reacted = self.version;
        }
        Ok((Plain::of(message), changed))
    }

    /// How many the receipt is new for, the version, and what moved.
    pub(super) fn mark(&mut self, mark: &Mark) -> Outcome<(u64, Option<Version>, Vec<Plain>)> {
        let indexes: Vec<_> = match mark.targets {
            Targets::Message(id) => vec![self.writable(Action::Mark, &mark.by, id)?],
            Targets::All => {
                self.access(&mark.by).permit(Action::Mark).map_err(Refusal::Denied)?;
                (0..self.messages.len()).collect()
            }
        };
        let is_read = mark.kind == ReceiptKind::Read;
        let (mut newly, mut moved) = (0, Vec::new());
        for index in indexes {
            let seq = self.messages[index].seq;
            let member = self.member(&mark.by.user);
            let known = if is_read { &member.read } else { &member.delivered };
            if known.contains(&seq) {
                continue;
            }
            if is_read {
                member.read.push(seq);
            }
            if !member.delivered.contains(&seq) {
                member.delivered.push(seq);
            }
            let all_read = self.present().all(|member| member.read.contains(&seq));
            let all_delivered = self.present().all(|member| member.delivered.contains(&seq));
            let message = &mut self.messages[index];
            if message.is_deleted() {
                continue;
            }
            newly += u64::from(message.kind != MessageKind::System);
            let at = mark.at.max(message.created_at);
            let before = message.status();
            if all_delivered && message.delivered_at.is_none() {
                message.delivered_at = Some(at);
            }
            if all_read && message.read_at.is_none() {
                message.read_at = Some(at);
            }
            if message.status() != before {
                message.status_by = Some(mark.by.user.clone());
                message.versions.status = self.version + 1;
                moved.push(Plain::of(message));
            }
        }
        if moved.is_empty() {
            return Ok((newly, None, moved));
        }
        self.version += 1;
        Ok((newly, Some(self.version), moved))
    }

    pub(super) fn manage(&mut self, change: &ManageRoom) -> Outcome<Added> {
        self.access(&change.by).permit(Action::Manage).map_err(Refusal::Denied)?;
        let mut added = Added { settings: None, joined: None };
        let before = (self.name.clone(), self.active);
        if let Some(name) = &change.name {
            self.name = Some(name.as_str().to_owned());
        }
        self.active = change.active.unwrap_or(self.active);
        if (self.name.clone(), self.active) != before {
            self.version += 1;
            self.settings_version = self.version;
            added.settings = Some(self.version);
        }
        let mut joined = Vec::new();
        for user in &change.add {
            if !self.is_member(user) {
                self.join(user, self.version + 1, change.at);
                joined.push(user.clone());
            }
        }
        if !joined.is_empty() {
            self.version += 1;
            added.joined = Some((joined, self.version));
        }
        Ok(added)
    }

    pub(super) fn join_by(&mut self, by: &Caller, at: Timestamp) -> Outcome<Option<Version>> {
        self.access(by).permit(Action::Join).map_err(Refusal::Denied)?;
        if self.is_member(&by.user) {
            return Ok(None);
        }
        self.version += 1;
        self.join(&by.user, self.version, at);
        Ok(Some(self.version))
    }

    pub(super) fn leave_by(&mut self, by: &Caller) -> Outcome<Version> {
        self.access(by).permit(Action::Leave).map_err(Refusal::Denied)?;
        Ok(self.remove(&by.user).expect("only members may leave"))
    }

    pub(super) fn remove(&mut self, user: &UserId) -> Option<Version> {
        if !self.is_member(user) {
            return None;
        }
        self.version += 1;
        let version = self.version;
        let member = self.member(user);
        (member.left, member.version) = (true, version);
        Some(version)
    }

    /// Those who are members now.
    pub(super) fn present(&self) -> impl Iterator<Item = &ReferenceMember> {
        self.members.iter().filter(|member| !member.left)
    }

    fn join(&mut self, user: &UserId, version: Version, at: Timestamp) {
        let last = self.messages.len() as Seq;
        self.members.retain(|member| member.user != *user);
        self.members.push(ReferenceMember {
            user: user.clone(),
            joined_at: at,
            joined_seq: last,
            version,
            left: false,
            read: (1..=last).collect(),
            delivered: (1..=last).collect(),
        });
    }

    fn room(&self) -> Room {
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

    /// The message that an action is about, if the caller may do that.
    fn writable(&self, action: Action, by: &Caller, id: MessageId) -> Outcome<usize> {
        self.access(by).permit(action).map_err(Refusal::Denied)?;
        let index = self.messages.iter().position(|message| message.id == id);
        let index = index.ok_or(Refusal::NotFound)?;
        permit_message(action, &by.user, &self.messages[index]).map_err(Refusal::Denied)?;
        Ok(index)
    }

    fn is_seen_by_member(&self, by: &Caller) -> bool {
        by.kinds.contains(self.new.kind) && self.is_member(&by.user)
    }

    fn is_member(&self, user: &UserId) -> bool {
        self.present().any(|member| member.user == *user)
    }

    fn member(&mut self, user: &UserId) -> &mut ReferenceMember {
        let member = self.members.iter_mut().find(|member| member.user == *user);
        member.expect("the user is or was a member")
    }
}

impl ReferenceMember {
    fn row(&self) -> Member {
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
    pub(super) fn of_member(member: &Member) -> Self {
        let user = member.user.clone();
        Self::Member(user, member.joined_at, member.joined_seq, member.version, member.left)
    }
}

fn page<T>(all: Vec<T>, slice: Slice) -> Page<T> {
    let count = all.len() as u64;
    let skip = usize::try_from(slice.skip).unwrap_or(usize::MAX);
    Page { count, items: all.into_iter().skip(skip).take(slice.take).collect() }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Message { content, attachment, reply_to, created_at, edited_at, .. } = &*self.0;
        let Message { deleted_at, reactions, delivered_at, read_at, status_by, .. } = &*self.0;
        write!(f, "{:?} {content:?} {attachment:?} reply to {reply_to:?} ", self.0)?;
        write!(f, "created {created_at} edited {edited_at:?} deleted {deleted_at:?} ")?;
        write!(f, "{reactions:?} delivered {delivered_at:?} read {read_at:?} by {status_by:?}")
    }
}

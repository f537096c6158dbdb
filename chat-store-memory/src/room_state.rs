//! One room: its members, its messages and what changed when.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chat_core::model::{
    Attachment, Cursor, Member, Message, Room, RoomKind, RoomSummary, Seq, SeqSet, Timestamp,
    UserId, Version,
};
use chat_core::rules::{Access, Action, Caller, Denial, Guarded, RoomFull, Words, admit};
use chat_core::store::{Changed, Changes, Once, RoomCandidate};

use crate::index::Index;
use crate::rooms::ordered;
use crate::timeline::Timeline;

/// Something whose changes can be caught up on. Those of members come first, as their position
/// is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    /// A member: the number of their joining, then the slot. So those who joined at one version
    /// come in the order they joined.
    Member(u64, usize),
    /// A message.
    Message(Seq),
}

/// One room. `version` and `last_seq` move only through its methods.
pub(crate) struct RoomState {
    pub(crate) room: Room,
    pub(crate) messages: Timeline,
    /// The words of the messages that are not deleted.
    pub(crate) index: Index,
    /// The messages that have `delivered_at`, and those that have `read_at`.
    pub(crate) delivered: SeqSet,
    pub(crate) read: SeqSet,
    /// Who ever was a member. The index is the user's slot and stays theirs.
    members: Vec<Member>,
    slots: HashMap<UserId, usize>,
    /// For each slot the number of its last joining, and how many there were.
    joinings: Vec<u64>,
    joined: u64,
    /// The slots of who is a member now, in the order they joined.
    present: Vec<usize>,
    /// What was sent under which key, by the sender and the key. A tree, because a hash map
    /// of a long room would keep it locked each time it grows.
    keys: BTreeMap<(UserId, [u8; 16]), ([u8; 16], Seq)>,
    /// Every member and message once, at the version of its last change.
    changed: BTreeSet<(Version, Row)>,
    /// Whether the room was deleted while somebody waited for it: nothing of it is here.
    is_gone: bool,
}

impl RoomState {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            messages: Timeline::default(),
            index: Index::default(),
            delivered: SeqSet::new(),
            read: SeqSet::new(),
            members: Vec::new(),
            slots: HashMap::new(),
            joinings: Vec::new(),
            joined: 0,
            present: Vec::new(),
            keys: BTreeMap::new(),
            changed: BTreeSet::new(),
            is_gone: false,
        }
    }

    /// Whether the room was deleted.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Deletes the room, and hands back what it held.
    pub(crate) fn take(&mut self) -> Self {
        let gone = Self { is_gone: true, ..Self::new(self.room.clone()) };
        std::mem::replace(self, gone)
    }

    /// Takes the newest message out of a room that is deleted, and hands it back.
    pub(crate) fn pop_message(&mut self) -> Option<Arc<Message>> {
        let message = self.messages.pop()?;
        self.index.remove(message.seq, &Words::of(&message.content));
        self.changed.pop_first();
        self.keys.pop_first();
        Some(message)
    }

    /// Takes out somebody who ever was a member, likewise, and hands back their id.
    pub(crate) fn pop_member(&mut self) -> Option<UserId> {
        Some(self.members.pop()?.user)
    }

    /// The two users of a direct room, whether they are members or not.
    pub(crate) fn pair(&self) -> Option<(UserId, UserId)> {
        match &self.members[..] {
            [first, second] if self.room.kind == RoomKind::Direct => {
                Some(ordered(&first.user, &second.user))
            }
            _ => None,
        }
    }

    /// The slot of a user who is a member now.
    pub(crate) fn slot(&self, user: &UserId) -> Option<usize> {
        self.slots.get(user).copied().filter(|slot| !self.members[*slot].left)
    }

    /// The present members, in the order they joined.
    pub(crate) fn present(&self) -> Vec<Member> {
        self.present.iter().map(|slot| self.member(*slot).clone()).collect()
    }

    /// Who the first so many of them are.
    pub(crate) fn first_users(&self, most: usize) -> Vec<UserId> {
        self.present.iter().take(most).map(|slot| self.member(*slot).user.clone()).collect()
    }

    /// The member of a slot.
    pub(crate) fn member(&self, slot: usize) -> &Member {
        &self.members[slot]
    }

    /// The member of a slot, for what they have received and read to grow.
    pub(crate) fn member_mut(&mut self, slot: usize) -> &mut Member {
        &mut self.members[slot]
    }

    /// What a caller, or the host, is to the room.
    pub(crate) fn access(&self, by: Option<&Caller>) -> Access {
        let is_member = by.is_some_and(|by| self.slot(&by.user).is_some());
        Access::of(&self.room, by, is_member)
    }

    /// The slot of a caller who is a member and may do this.
    pub(crate) fn permit(&self, by: &Caller, action: Action) -> Result<usize, Denial> {
        self.access(Some(by)).permit(action)?;
        self.slot(&by.user).ok_or(Denial::NotMember)
    }

    /// Whether there is a place for those of these users who are no members.
    pub(crate) fn admit(&self, users: &[UserId], limit: usize) -> Result<(), RoomFull> {
        let new: HashSet<_> = users.iter().filter(|user| self.slot(user).is_none()).collect();
        admit(self.present.len(), new.len(), limit)
    }

    /// Whether a list of the caller's rooms shows the room.
    pub(crate) fn is_listed(&self, by: &Caller) -> bool {
        self.room.active && self.is_shown(by)
    }

    /// Whether the caller is a member and sees rooms of this kind.
    pub(crate) fn is_shown(&self, by: &Caller) -> bool {
        by.kinds.contains(self.room.kind) && self.slot(&by.user).is_some()
    }

    pub(crate) fn summary(&self, by: Option<&Caller>) -> RoomSummary {
        let last_message = self
            .room
            .deleted
            .missing_below(self.room.last_seq, 0)
            .and_then(|seq| self.messages.at(seq).cloned());
        let unread = by.map_or(0, |by| self.unread(by));
        let members = self.first_users(usize::MAX);
        RoomSummary { room: self.room.clone(), members, last_message, unread }
    }

    /// What a search of a caller looks at.
    pub(crate) fn candidate(&self, by: &Caller, members: usize) -> Guarded<RoomCandidate> {
        let (room, name) = (self.room.id, self.room.name.clone());
        let candidate = RoomCandidate { room, name, members: self.first_users(members) };
        Guarded::new(self.access(Some(by)), candidate)
    }

    /// How many messages of others a caller has not read; 0 for who is no member.
    pub(crate) fn unread(&self, by: &Caller) -> u64 {
        self.slot(&by.user).map_or(0, |slot| self.room.unread(&self.member(slot).read))
    }

    fn row(&self, slot: usize) -> Row {
        Row::Member(self.joinings[slot], slot)
    }

    /// Takes the room's next version.
    pub(crate) fn next_version(&mut self) -> Version {
        self.room.version += 1;
        self.room.version
    }

    /// Makes a user a member who has read everything so far; false where they are one already.
    pub(crate) fn join(&mut self, user: &UserId, at: Timestamp, version: Version) -> bool {
        if self.slot(user).is_some() {
            return false;
        }
        let last = self.room.last_seq;
        let member = Member {
            user: user.clone(),
            joined_at: at,
            joined_seq: last,
            read: SeqSet::up_to(last),
            delivered: SeqSet::up_to(last),
            version,
            left: false,
        };
        let slot = if let Some(&slot) = self.slots.get(user) {
            self.changed.remove(&(self.members[slot].version, self.row(slot)));
            self.members[slot] = member;
            slot
        } else {
            self.members.push(member);
            self.joinings.push(0);
            self.slots.insert(user.clone(), self.members.len() - 1);
            self.members.len() - 1
        };
        self.joined += 1;
        self.joinings[slot] = self.joined;
        self.present.push(slot);
        self.changed.insert((version, self.row(slot)));
        true
    }

    /// Ends a membership with the next version; `None` where the user is no member.
    pub(crate) fn leave(&mut self, user: &UserId) -> Option<Version> {
        let slot = self.slot(user)?;
        let version = self.next_version();
        self.present.retain(|present| *present != slot);
        let row = self.row(slot);
        let member = &mut self.members[slot];
        self.changed.remove(&(member.version, row));
        self.changed.insert((version, row));
        member.version = version;
        member.left = true;
        Some(version)
    }

    /// Forgets of a user who was a member all but that they left, and what they sent under which
    /// key.
    pub(crate) fn forget_member(&mut self, user: &UserId) {
        let Some(&slot) = self.slots.get(user).filter(|slot| self.members[**slot].left) else {
            return;
        };
        let member = &mut self.members[slot];
        (member.joined_at, member.joined_seq) = (Timestamp::EPOCH, 0);
        (member.read, member.delivered) = (SeqSet::new(), SeqSet::new());
        self.keys.retain(|(sender, _), _| sender != user);
    }

    /// Deletes a message under a version, and hands back its file.
    pub(crate) fn delete(
        &mut self,
        seq: Seq,
        at: Timestamp,
        version: Version,
    ) -> Option<(Arc<Message>, Option<Attachment>)> {
        self.forget_words(seq);
        self.room.deleted.insert(seq);
        self.room.uncounted.insert(seq);
        let mut attachment = None;
        let deleted = self.change(seq, version, |message| {
            attachment = message.attachment.take();
            message.content = String::new();
            message.reactions = Vec::new();
            message.deleted_at = Some(at);
            message.versions.deleted = version;
        });
        Some((deleted?, attachment))
    }

    /// Adds a message that bears the room's next `seq` and version.
    pub(crate) fn push(&mut self, message: Arc<Message>, once: Option<Once>) {
        let seq = message.seq;
        self.room.version = message.versions.sent;
        self.room.last_seq = seq;
        self.room.activity_at = self.room.activity_at.max(message.created_at);
        self.changed.insert((message.versions.sent, Row::Message(seq)));
        if let Some(slot) = self.slot(&message.sender) {
            self.members[slot].read.insert(seq);
            self.members[slot].delivered.insert(seq);
        }
        if let Some(once) = once {
            self.keys.insert((message.sender.clone(), once.key), (once.content, seq));
        }
        self.messages.push(message);
    }

    /// What a user has sent under a key: the digest of its content, and where it is.
    pub(crate) fn sent_under(&self, user: &UserId, once: Once) -> Option<([u8; 16], Seq)> {
        self.keys.get(&(user.clone(), once.key)).copied()
    }

    /// Takes the words of a message out of the index, before its text changes.
    pub(crate) fn forget_words(&mut self, seq: Seq) {
        if let Some(message) = self.messages.at(seq) {
            self.index.remove(seq, &Words::of(&message.content));
        }
    }

    /// Changes the message at a position, under a version that the change has to note in it.
    pub(crate) fn change(
        &mut self,
        seq: Seq,
        version: Version,
        change: impl FnOnce(&mut Message),
    ) -> Option<Arc<Message>> {
        let message = self.messages.at_mut(seq)?;
        self.changed.remove(&(message.versions.last(), Row::Message(seq)));
        change(Arc::make_mut(message));
        self.changed.insert((version, Row::Message(seq)));
        Some(Arc::clone(message))
    }

    /// Those of the candidates that every present member has in a set of theirs.
    pub(crate) fn in_all(&self, mut candidates: SeqSet, of: fn(&Member) -> &SeqSet) -> SeqSet {
        for slot in &self.present {
            if candidates.is_empty() {
                break;
            }
            let set = of(&self.members[*slot]);
            // Most often a member has all of them, or the only one is missing.
            let covered = candidates
                .ranges()
                .all(|range| set.count_in(range.clone()) == range.end() - range.start() + 1);
            if !covered {
                candidates = candidates.intersection(set);
            }
        }
        candidates
    }

    /// What changed after a point.
    ///
    /// The members who joined at one version have no position by which a page could end between
    /// them, so they stay together even where they are more than `limit`.
    pub(crate) fn changes(&self, after: Cursor, limit: usize) -> Changes {
        let first = match after.seq {
            0 => Row::Member(0, 0),
            seq => Row::Message(seq.saturating_add(1)),
        };
        let mut items = Vec::new();
        let mut more = None;
        let mut newest = None;
        for &(version, row) in self.changed.range((after.version.saturating_add(1), first)..) {
            if items.len() >= limit.max(1) {
                more = match newest {
                    Some((same, Row::Message(seq))) if same == version => {
                        Some(Cursor { version: version - 1, seq })
                    }
                    Some((before, _)) if before < version => Some(Cursor::version(before)),
                    _ => None,
                };
                if more.is_some() {
                    break;
                }
            }
            items.extend(match row {
                Row::Member(_, slot) => Some(Changed::Member(self.member(slot).membership())),
                Row::Message(seq) => self.messages.at(seq).cloned().map(Changed::Message),
            });
            newest = Some((version, row));
        }
        Changes { room: self.room.clone(), items, more }
    }
}

//! A room and what a list of rooms shows of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Message, RoomId, Seq, SeqSet, Timestamp, UserId, Version};

/// What a room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// Two people; at most one stands for each pair, and nobody joins or leaves.
    Direct,
    /// Invited people.
    Group,
    /// Invited people around a project of the host's.
    Project,
    /// Anyone signed in may read and join.
    Public,
}

impl RoomKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Group, Self::Project, Self::Public];

    /// The kind as the documents and stores write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Project => "project",
            Self::Public => "public",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A set of room kinds, such as those that a dialect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(0b1111);
    /// Direct rooms only.
    pub const DIRECT: Self = Self::of(RoomKind::Direct);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// The set of one kind.
    pub const fn of(kind: RoomKind) -> Self {
        Self(1 << kind as u8)
    }

    /// What is in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is not in the set.
    #[must_use]
    pub const fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Whether a kind is in it.
    pub const fn contains(self, kind: RoomKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    /// The kinds in it.
    pub fn iter(self) -> impl Iterator<Item = RoomKind> {
        RoomKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// A conversation between members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The id, given by the store.
    pub id: RoomId,
    /// What the room is for.
    pub kind: RoomKind,
    /// The name; none for direct rooms.
    pub name: Option<String>,
    /// Who made it, member or not by now.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it takes messages and appears in lists.
    pub active: bool,
    /// What the host noted about the room; an object of any JSON values.
    pub metadata: Arc<Map<String, Value>>,
    /// The position of the newest message; 0 while there is none.
    pub last_seq: Seq,
    /// The position of the last lasting change; making the room is the first, 1.
    pub version: Version,
    /// The `version` of the last change of name, metadata or activity; 1 from the start.
    pub settings_version: Version,
    /// When the newest message was sent, deleted or not; else when the room was made. Never goes
    /// back.
    pub activity_at: Timestamp,
    /// The deleted messages.
    pub deleted: SeqSet,
    /// The messages that nobody has to read: deleted ones and the system's.
    pub uncounted: SeqSet,
}

impl Room {
    /// How many messages a member has not read: `last_seq - |read ∪ uncounted|`.
    pub fn unread(&self, read: &SeqSet) -> u64 {
        self.last_seq.saturating_sub(read.union(&self.uncounted).len())
    }
}

/// A room as a list or a details page shows it to one user, read at one moment.
#[derive(Debug, Clone)]
pub struct RoomSummary {
    /// The room.
    pub room: Room,
    /// Who its present members are, in the order they joined. What they have received and read may be
    /// large, and is what [`Chat::members`](crate::Chat::members) has.
    pub members: Vec<UserId>,
    /// Its newest message that is not deleted.
    pub last_message: Option<Arc<Message>>,
    /// How many messages of others the asking user has not read; 0 for who is no member, and for
    /// the host.
    pub unread: u64,
}

impl RoomSummary {
    /// The first member who is not this user: the other one of a direct room.
    pub fn other(&self, user: &UserId) -> Option<&UserId> {
        self.members.iter().find(|other| *other != user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_kinds_holds_what_was_put_in() {
        let set = Kinds::DIRECT.or(Kinds::of(RoomKind::Public));
        assert_eq!(set.iter().collect::<Vec<_>>(), [RoomKind::Direct, RoomKind::Public]);
        assert_eq!(set.not().iter().collect::<Vec<_>>(), [RoomKind::Group, RoomKind::Project]);
        assert_eq!(Kinds::ALL.iter().count(), 4);
    }

    #[test]
    fn a_kind_is_parsed_by_its_own_name() {
        for kind in RoomKind::ALL {
            assert_eq!(RoomKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(RoomKind::parse("Direct"), None);
    }
}

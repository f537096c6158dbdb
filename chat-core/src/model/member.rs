//! A user's place in a room.

use super::{Seq, SeqSet, Timestamp, UserId, Version};

/// A user's place in a room, and what they have received and read there.
///
/// A member who left keeps the row with `left` set, so that their leaving is a change that others
/// can catch up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// When they joined, the last time.
    pub joined_at: Timestamp,
    /// The room's `last_seq` when they joined: everything up to here counts as read by them.
    pub joined_seq: Seq,
    /// What they have read. Includes their own messages and all from before they joined.
    pub read: SeqSet,
    /// What they have received. Includes all that they have read.
    pub delivered: SeqSet,
    /// The room's `version` of their last joining or leaving.
    pub version: Version,
    /// Whether they are gone.
    pub left: bool,
}

impl Member {
    /// Their place in the room without what they have received and read there.
    pub fn membership(&self) -> Membership {
        Membership {
            user: self.user.clone(),
            joined_at: self.joined_at,
            joined_seq: self.joined_seq,
            version: self.version,
            left: self.left,
        }
    }
}

/// A user's joining or leaving: what of a [`Member`] takes a version of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The user.
    pub user: UserId,
    /// When they joined, the last time.
    pub joined_at: Timestamp,
    /// The room's `last_seq` when they joined.
    pub joined_seq: Seq,
    /// The room's `version` of their last joining or leaving.
    pub version: Version,
    /// Whether they are gone.
    pub left: bool,
}

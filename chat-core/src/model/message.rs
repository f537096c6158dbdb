//! A message and its status.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::{MessageId, RoomId, Seq, Timestamp, UserId, Version};

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Text.
    Text,
    /// A picture, with or without text.
    Image,
    /// A file, with or without text.
    File,
    /// A note of the host's, which nobody has to read. Clients cannot send it.
    System,
}

impl MessageKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Text, Self::Image, Self::File, Self::System];

    /// The kind as the documents and stores write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::System => "system",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How far a message has come: sending, sent, delivered, read; or failed.
///
/// A status only ever moves forward. [`Status::advance`] is the one way to move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// On its way to the server; never stored.
    Sending,
    /// Stored.
    Sent,
    /// Every other member has received it.
    Delivered,
    /// Every other member has read it.
    Read,
    /// Could not be stored; never stored.
    Failed,
}

impl Status {
    /// The status after moving to `next`: the later of the two. Reading implies delivery, so
    /// steps can be left out; `failed` can only follow `sending`, and nothing follows `failed`.
    #[must_use]
    pub fn advance(self, next: Self) -> Self {
        match (self, next) {
            (Self::Sending, next) => next,
            (Self::Failed, _) | (_, Self::Failed | Self::Sending) => self,
            (now, next) => {
                if next.rank() > now.rank() {
                    next
                } else {
                    now
                }
            }
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Sending => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read | Self::Failed => 3,
        }
    }

    /// The status as the documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// A file that came with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where the file store keeps it.
    pub key: String,
    /// The name it was uploaded under, made safe.
    pub name: String,
    /// Its media type, as decided by the server.
    pub content_type: String,
    /// Its length in bytes.
    pub size: u64,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("key", &self.key)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// One emoji and who reacted with it, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji, 1 to 32 bytes without control characters.
    pub emoji: String,
    /// Who reacted with it; never empty, nobody twice.
    pub users: Vec<UserId>,
}

/// The room's versions at which the sides of a message last changed; 0 for what never did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageVersions {
    /// When it was sent.
    pub sent: Version,
    /// When its text was last edited.
    pub edited: Version,
    /// When it was deleted.
    pub deleted: Version,
    /// When its reactions last changed.
    pub reacted: Version,
    /// When it was delivered, if it was not read with the same receipt.
    pub delivered: Version,
    /// When its status last moved.
    pub status: Version,
}

impl MessageVersions {
    /// The version of the message's last change.
    pub fn last(&self) -> Version {
        self.sent.max(self.edited).max(self.deleted).max(self.reacted).max(self.status)
    }
}

/// A stored message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id, given by the store; ascends with `seq` inside a room.
    pub id: MessageId,
    /// Its room.
    pub room: RoomId,
    /// Its position in the room.
    pub seq: Seq,
    /// Who sent it, member or not by now.
    pub sender: UserId,
    /// What it carries.
    pub kind: MessageKind,
    /// The text as sent or last edited; empty once deleted.
    pub content: String,
    /// The file; none once deleted.
    pub attachment: Option<Attachment>,
    /// The message of the same room that it answers.
    pub reply_to: Option<MessageId>,
    /// When it was sent; never before the message at `seq - 1`.
    pub created_at: Timestamp,
    /// When its text was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The reactions, in the order their emoji came.
    pub reactions: Vec<Reaction>,
    /// When the last other member received it.
    pub delivered_at: Option<Timestamp>,
    /// When the last other member read it; then `delivered_at` is set too.
    pub read_at: Option<Timestamp>,
    /// Whose receipt moved the status to delivered, if it was not read with the same receipt.
    pub delivered_by: Option<UserId>,
    /// Whose receipt moved the status last.
    pub status_by: Option<UserId>,
    /// When its sides last changed.
    pub versions: MessageVersions,
}

impl Message {
    /// The message with the status it had at a version of its room, and all else as it is now.
    ///
    /// So whoever learns late how far a message has come is told of each step, as those are who
    /// heard of it when it was taken.
    #[must_use]
    pub fn with_status_at(&self, version: Version) -> Self {
        let mut message = self.clone();
        if self.versions.status > version {
            message.read_at = None;
            message.versions.status = self.versions.delivered;
            message.status_by.clone_from(&self.delivered_by);
        }
        if message.versions.status > version || message.versions.status == 0 {
            message.delivered_at = None;
            message.delivered_by = None;
            message.status_by = None;
            message.versions.delivered = 0;
            message.versions.status = 0;
        }
        message
    }

    /// How far it has come.
    pub fn status(&self) -> Status {
        if self.read_at.is_some() {
            Status::Read
        } else if self.delivered_at.is_some() {
            Status::Delivered
        } else {
            Status::Sent
        }
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// When its text or status last changed.
    pub fn updated_at(&self) -> Timestamp {
        let changes = [self.edited_at, self.deleted_at, self.delivered_at, self.read_at];
        changes.into_iter().flatten().fold(self.created_at, Timestamp::max)
    }
}

/// Without text and reactions, which are nobody's business in a log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("room", &self.room)
            .field("seq", &self.seq)
            .field("sender", &self.sender)
            .field("kind", &self.kind)
            .field("status", &self.status())
            .field("deleted", &self.is_deleted())
            .field("versions", &self.versions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Status; 5] =
        [Status::Sending, Status::Sent, Status::Delivered, Status::Read, Status::Failed];

    #[test]
    fn the_table_of_moves() {
        use Status::{Delivered, Failed, Read, Sending, Sent};
        let moved = |from: Status| ALL.map(|to| from.advance(to));
        assert_eq!(moved(Sending), [Sending, Sent, Delivered, Read, Failed]);
        assert_eq!(moved(Sent), [Sent, Sent, Delivered, Read, Sent]);
        assert_eq!(moved(Delivered), [Delivered, Delivered, Delivered, Read, Delivered]);
        assert_eq!(moved(Read), [Read; 5]);
        assert_eq!(moved(Failed), [Failed; 5]);
    }

    proptest! {
        #[test]
        fn receipts_in_any_order_and_number_end_in_the_same_status(
            (steps, shuffled) in prop::collection::vec(prop::sample::select(&[Status::Sent, Status::Delivered, Status::Read]), 1..8)
                .prop_flat_map(|steps| (Just(steps.clone()), Just(steps).prop_shuffle())),
        ) {
            let run = |steps: &[Status]| {
                steps.iter().fold(Status::Sending, |now, next| {
                    let after = now.advance(*next);
                    assert!(after.rank() >= now.rank());
                    after
                })
            };
            prop_assert_eq!(run(&steps), run(&shuffled));
        }
    }
}

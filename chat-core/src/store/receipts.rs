//! Receipts: who has received and read what.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreResult;
use crate::model::{Message, MessageId, RoomId, Seq, Timestamp, Version};
use crate::rules::Caller;

/// What a receipt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// The message was received.
    Delivered,
    /// The message was read, and so received.
    Read,
}

/// Which messages a receipt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// This one and no other. It must be in the room.
    Message(MessageId),
    /// The room's messages up to this position.
    UpTo(Seq),
    /// All that the room has now.
    All,
}

/// A receipt.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The room.
    pub room: RoomId,
    /// Who received or read.
    pub by: Caller,
    /// What it says.
    pub kind: ReceiptKind,
    /// Which messages it is for.
    pub targets: Targets,
    /// When.
    pub at: Timestamp,
}

/// What came of a receipt.
#[derive(Debug, Clone, Default)]
pub struct Marked {
    /// How many messages of others, deleted and system's left out, the receipt is new for.
    pub newly: u64,
    /// The room's version with the last of the statuses that moved; `None` where none did.
    pub version: Option<Version>,
    /// The messages whose status moved, as they were after that, by `seq`; empty where they are
    /// more than [`Marked::MOST`].
    pub moved: Vec<Arc<Message>>,
}

impl Marked {
    /// The most messages that are handed back; what moved can always be read by its version.
    pub const MOST: usize = 100;

    /// How many statuses at least move together, with one version.
    pub const TOGETHER: usize = 1_024;
}

/// Receipts.
#[async_trait]
pub trait ReceiptStore: Send + Sync + 'static {
    /// Notes what a member has received or read ([`Action::Mark`]).
    ///
    /// # Contract
    /// Adds the targets to the member's `delivered`, and to their `read` for
    /// [`ReceiptKind::Read`]; nothing is ever taken out. One's own messages are in both from the
    /// start, so a receipt for one changes nothing and succeeds.
    ///
    /// A message that every present member now has received gets `delivered_at`, one that every
    /// present member has read gets `read_at` (and `delivered_at`), if it had none: the time of the
    /// receipt (or `created_at`, if later), with `status_by` the caller, and where it is delivered and not read also `delivered_by`. `read_at`
    /// is never before `delivered_at`: where a clock that is behind says so, it is the same. Only messages that the
    /// receipt was new for move, never deleted ones, never backward. All that moved take one version
    /// together; where none moved no version is taken. Where more than [`Marked::TOGETHER`] move, a
    /// store may do it in several steps, in the order of the messages, each with a version of its
    /// own and between the writes of others; where it fails, those that were done stand.
    ///
    /// A single target that is not in the room is [`NotFound`](super::StoreError::NotFound), a
    /// deleted one [`Denial::Deleted`](crate::rules::Denial::Deleted). [`Targets::UpTo`] a position
    /// that the room has not reached is all that it has now.
    ///
    /// [`Action::Mark`]: crate::rules::Action::Mark
    async fn mark(&self, mark: Mark) -> StoreResult<Marked>;
}

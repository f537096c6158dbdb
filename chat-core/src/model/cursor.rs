//! How far somebody has come in a room's changes.

use super::{Seq, Version};

/// How far somebody has come in a room's changes: everything up to `version` is known, and of
/// `version + 1` what concerns messages up to `seq`.
///
/// One change can touch more messages than are read at once, so a version alone is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// The version up to which everything is known.
    pub version: Version,
    /// The position up to which the changes of `version + 1` are known as well; 0 for none.
    pub seq: Seq,
}

impl Cursor {
    /// Everything up to a version, and nothing of the next.
    pub fn version(version: Version) -> Self {
        Self { version, seq: 0 }
    }
}

//! The opaque cursors of message pages.

use sha2::{Digest, Sha256};

use crate::model::{RoomId, Seq, UserId};
use crate::store::Anchor;

/// From where a page of messages goes on, and in which direction.
///
/// It names a position, which no message that arrives moves. What clients see of it is bound to
/// room and user by a digest: one that was changed, or made for another room, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// To messages before this position.
    Older(Seq),
    /// To messages after it.
    Newer(Seq),
}

impl Cursor {
    /// What a client sees of it.
    pub(super) fn token(self, room: RoomId, user: &UserId) -> String {
        let (direction, seq) = match self {
            Self::Older(seq) => ('o', seq),
            Self::Newer(seq) => ('n', seq),
        };
        let mut digest = Sha256::new();
        digest.update(b"cursor of a page of messages");
        digest.update([u8::from(direction == 'n')]);
        digest.update(seq.to_be_bytes());
        digest.update(room.get().to_be_bytes());
        digest.update(user.as_str().as_bytes());
        let mut half = [0; 8];
        half.copy_from_slice(&digest.finalize()[..8]);
        format!("{direction}{seq:x}-{:016x}", u64::from_be_bytes(half))
    }

    /// The cursor that has this token; none where we made no such token.
    pub(super) fn parse(token: &str, room: RoomId, user: &UserId) -> Option<Self> {
        let (position, _) = token.split_once('-')?;
        let seq = |digits| Seq::from_str_radix(digits, 16).ok();
        let cursor = match (position.strip_prefix('o'), position.strip_prefix('n')) {
            (Some(digits), _) => Self::Older(seq(digits)?),
            (_, Some(digits)) => Self::Newer(seq(digits)?),
            _ => return None,
        };
        // There is one way to write a cursor, so whatever is written otherwise is not ours.
        (cursor.token(room, user) == token).then_some(cursor)
    }

    /// Where the page begins in the room's history.
    pub(super) fn anchor(self) -> Anchor {
        match self {
            Self::Older(seq) => Anchor::BeforeSeq(seq),
            Self::Newer(seq) => Anchor::AfterSeq(seq),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: u64) -> RoomId {
        RoomId::new(id).unwrap()
    }

    #[test]
    fn only_our_own_tokens_are_cursors_and_only_where_they_were_made() {
        let me = UserId::from(1);
        for cursor in [Cursor::Older(1), Cursor::Newer(0), Cursor::Older(u64::MAX)] {
            let token = cursor.token(room(7), &me);
            assert_eq!(Cursor::parse(&token, room(7), &me), Some(cursor));
            assert_eq!(Cursor::parse(&token, room(8), &me), None);
            assert_eq!(Cursor::parse(&token, room(7), &UserId::from(2)), None);
            for place in 0..token.len() {
                for other in ["0", "-", "o", "n", "", "é"] {
                    let mut changed = token.clone();
                    changed.replace_range(place..=place, other);
                    let found = Cursor::parse(&changed, room(7), &me);
                    assert_eq!(found, (changed == token).then_some(cursor), "{changed}");
                }
            }
        }
        for token in ["", "o", "-", "o-", "o1", "n+1-0", "o1-0000000000000000"] {
            assert_eq!(Cursor::parse(token, room(7), &me), None, "{token}");
        }
    }
}

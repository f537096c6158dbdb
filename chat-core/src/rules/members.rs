//! How many members a room has.

/// A room has no place for those who were to become members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room has at most {limit} members")]
pub struct RoomFull {
    /// The most members that it may have.
    pub limit: usize,
}

/// Decides whether so many users more may become members of a room that has `present`. Where nobody
/// does, a room may have more than `limit`.
///
/// # Errors
/// [`RoomFull`].
pub fn admit(present: usize, more: usize, limit: usize) -> Result<(), RoomFull> {
    if more > 0 && present.saturating_add(more) > limit {
        return Err(RoomFull { limit });
    }
    Ok(())
}

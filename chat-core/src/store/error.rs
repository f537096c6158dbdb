//! Why a store did not do what it was asked.

use crate::rules::{Denial, ReactionLimit, RoomFull};

/// What a store's method returns.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such room, message or session.
    #[error("there is no such room, message or session")]
    NotFound,
    /// The access rules refuse it.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The key was used before, for something else or for a message that is deleted by now.
    #[error("the key was used before for another message")]
    KeyReused,
    /// `reply_to` is no message of the room, or a deleted one.
    #[error("the message to reply to is not in this room")]
    BadReply,
    /// A bound of the store's was reached, such as the number of different emoji on a message.
    #[error("{0}")]
    Limit(&'static str),
    /// The room has no place for those who were to become members.
    #[error(transparent)]
    Full(#[from] RoomFull),
    /// The database cannot be reached now. What was asked may or may not have been done.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store failed in a way that trying again does not mend.
    #[error("the store failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ReactionLimit> for StoreError {
    fn from(limit: ReactionLimit) -> Self {
        Self::Limit(limit.sentence())
    }
}

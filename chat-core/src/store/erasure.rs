//! Erasure: what is to be gone for good.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Attendance, StoreResult};
use crate::model::{Message, RoomId, Seq, Timestamp, UserId, Version};

/// How long after it was first taken a file is to be deleted again, unless it was forgotten.
pub const FIRST_FILE_PAUSE: Duration = Duration::from_secs(30);

/// The longest time between two tries to delete a file.
pub const LONGEST_FILE_PAUSE: Duration = Duration::from_hours(6);

/// How long after it first could not be swept a deleted room is to be swept again.
pub const FIRST_ROOM_PAUSE: Duration = Duration::from_secs(30);

/// The longest time between two tries to sweep a deleted room.
pub const LONGEST_ROOM_PAUSE: Duration = Duration::from_hours(6);

/// A step of a user's erasure from a room.
#[derive(Debug, Clone)]
pub struct Erase {
    /// The room.
    pub room: RoomId,
    /// Who is erased.
    pub user: UserId,
    /// After which position to go on; 0 from the beginning.
    pub after: Seq,
    /// When.
    pub at: Timestamp,
}

/// What a step of an erasure has done.
#[derive(Debug, Clone, Default)]
pub struct Erased {
    /// The room's version with the end of the membership, where the user was a member.
    pub left: Option<Version>,
    /// The messages that were deleted, as they are now, by `seq`; they have one version together.
    pub deleted: Vec<Arc<Message>>,
    /// The messages from which reactions were taken, likewise, with the next
    /// version.
    pub reacted: Vec<Arc<Message>>,
    /// After which position to go on; `None` where all was gone through.
    pub more: Option<Seq>,
}

impl Erased {
    /// The most messages that a step changes.
    pub const TOGETHER: usize = 100;
}

/// What a step of forgetting a user's sessions has done.
#[derive(Debug, Clone, Default)]
pub struct ForgottenUser {
    /// The sessions that were still open, as their closing tells.
    pub ended: Vec<Attendance>,
    /// Whether there are more to forget.
    pub more: bool,
}

/// Erasure: what is to be gone for good.
#[async_trait]
pub trait ErasureStore: Send + Sync + 'static {
    /// The rooms of every kind of which a user is a member, or was one without having been erased
    /// from them since, by their ids; at most `limit` of those after a room.
    async fn rooms_to_erase(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>>;

    /// Takes a part of what a user has left in a room out of it. The host's act: nobody is asked
    /// for permission.
    ///
    /// # Contract
    /// Where the user is a member, ends the membership and does nothing else; `more` is `after`.
    /// Else deletes the user's messages as [`MessageStore::delete`](super::MessageStore::delete)
    /// does, and takes their reactions from the messages of others: those after a position, in their
    /// order, at most [`Erased::TOGETHER`] in a step, which goes through no more than a bounded part
    /// of the room.
    ///
    /// With the step after which there is no `more` the keys of the user's sends are forgotten, and
    /// of the membership all but that it ended with its version; no version is taken for that. Then
    /// the room is not among the [`ErasureStore::rooms_to_erase`] any more, unless they join again.
    /// What messages of others say of the user stays: that they answer theirs, and whose receipt
    /// moved the status.
    ///
    /// [`NotFound`](super::StoreError::NotFound) where there is no such room. Where the user never
    /// was a member, nothing is done.
    async fn erase(&self, erase: Erase) -> StoreResult<Erased>;

    /// Ends the sessions of a user that are not closed, forgets their sessions, at most `limit` of
    /// them, and with the last when the user was seen: they were never there.
    ///
    /// # Contract
    /// What the end of each session amounts to is told as by
    /// [`SessionStore::close_session`](super::SessionStore::close_session), or, where its lease was
    /// over, as by [`SessionStore::expire_sessions`](super::SessionStore::expire_sessions).
    async fn forget_user(
        &self,
        user: &UserId,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<ForgottenUser>;

    /// Deletes a room of any kind, and returns its last version. The host's act: nobody is asked for
    /// permission. With `idle_since`, a room whose
    /// [`activity_at`](crate::model::Room::activity_at) is at that moment or after it is kept as it
    /// is, and `None` returned.
    ///
    /// # Contract
    /// From then on the room, and everything in it, is as if it never had been, to every method and
    /// under any race: whoever waits for the room finds none, and what was committed before is found
    /// no more, by whatever id. The version is the room's next one. Neither its id nor those of its
    /// messages are given again. Costs the same however much the room holds: that is left to
    /// [`ErasureStore::sweep_gone_rooms`]. Sessions stay, and end with their sockets.
    ///
    /// `idle_since` is looked at in the same step: a message that was sent at that moment or after it
    /// keeps the room, or is refused.
    ///
    /// [`NotFound`](super::StoreError::NotFound) where there is no such room, or not any more.
    async fn delete_room(
        &self,
        room: RoomId,
        idle_since: Option<Timestamp>,
    ) -> StoreResult<Option<Version>>;

    /// Takes out of the store a part of what deleted rooms still take up there, at most `limit`
    /// messages and members; whether there was something to do at `at`, so that there may be more.
    ///
    /// # Contract
    /// A step goes on with further rooms while what is left of the next one is no more than what is
    /// left of `limit`; it may end after some hundred rooms. The files of the messages are noted as by
    /// [`ErasureStore::note_gone_files`], from `at` on and in the same step. Of callers at once each
    /// works on other rooms, or finds nothing to do. What a step has not done is there for the next
    /// one, whenever that is and whoever does it.
    ///
    /// Rooms that could not be swept hold up no others: they come again [`FIRST_ROOM_PAUSE`] after
    /// that, each alone and in smaller parts, and after each further failure twice as late and
    /// smaller still, at most [`LONGEST_ROOM_PAUSE`].
    async fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> StoreResult<bool>;

    /// Notes files that no message bears, by their keys in the file store: they are to be deleted,
    /// from a moment on. Those of messages that are deleted are noted with the deletion, those of a
    /// deleted room's as it is swept. A file that is noted already stays as it is.
    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()>;

    /// Takes files that are to be deleted at `now`, those that are due longest first; at most
    /// `limit`.
    ///
    /// # Contract
    /// Of callers at once each file is taken by one. It comes again [`FIRST_FILE_PAUSE`] after it
    /// was taken, and after each further time twice as long, at most [`LONGEST_FILE_PAUSE`], until
    /// it is forgotten.
    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>>;

    /// Forgets files that are deleted; those that are not noted are none.
    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()>;
}

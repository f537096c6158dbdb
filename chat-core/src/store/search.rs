//! Search: messages by their words, and the rooms that may be found.

use std::sync::Arc;

use async_trait::async_trait;

use super::{RoomQuery, StoreResult};
use crate::model::{Message, RoomId, UserId};
use crate::rules::{Caller, Guarded, Term};

/// Which messages to find.
#[derive(Debug, Clone)]
pub struct MessageSearch {
    /// Who asks, and in which kinds of room.
    pub by: Caller,
    /// What to find.
    pub term: Term,
    /// The most messages to find.
    pub limit: usize,
}

/// What a search for rooms looks at of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomCandidate {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: Option<String>,
    /// Who the first of its present members are, in the order they joined.
    pub members: Vec<UserId>,
}

/// Search.
///
/// The words of a message are [`Words::of`] its text, computed when it is sent or edited; only
/// words are compared, byte by byte. Rooms are found by names that the store does not know, so it
/// hands out candidates and the service looks at their names. The rooms of the caller are those of
/// [`RoomStore::rooms`].
///
/// [`Words::of`]: crate::rules::Words::of
/// [`RoomStore::rooms`]: super::RoomStore::rooms
#[async_trait]
pub trait SearchStore: Send + Sync + 'static {
    /// The newest messages that a term finds in the caller's rooms ([`Action::Search`]).
    ///
    /// # Contract
    /// A message is found where each word of the term begins a word of its text as it is now; a
    /// term without words finds nothing. Neither names of files nor of senders are searched.
    ///
    /// Only in rooms of the caller's kinds that the caller is a member of now, active or not: all
    /// of such a room, also what was said before they joined. Deleted messages are never found,
    /// system messages like all others.
    ///
    /// Newest first: by `created_at`, then by id, whatever the rooms. At most `limit`. All that was
    /// committed before the call is searched; the rooms are each of one moment, not all of one.
    ///
    /// A search costs what the rarest word of the term costs in the caller's rooms, not what the
    /// rooms of others or all messages do.
    ///
    /// [`Action::Search`]: crate::rules::Action::Search
    async fn search_messages(
        &self,
        search: MessageSearch,
    ) -> StoreResult<Vec<Guarded<Arc<Message>>>>;

    /// The rooms of a page of [`RoomStore::rooms`](super::RoomStore::rooms), in its order, each with
    /// at most the first `members` of its members.
    ///
    /// # Contract
    /// Fewer than the page takes only where there are no more. Each room is of one moment, not all
    /// of one. A room costs the members that are asked for, however many it has or had.
    async fn own_candidates(
        &self,
        query: RoomQuery,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>>;

    /// The active public rooms that the caller is no member of, each with at most the first `members`
    /// of its members.
    ///
    /// # Contract
    /// The larger id first, so that no message moves a room; with `before` given only smaller ids.
    /// At most `limit`; fewer only where there are no more. None where the caller's kinds leave
    /// out public rooms. Each room is of one moment, not all of one, and costs as for
    /// [`SearchStore::own_candidates`].
    async fn public_candidates(
        &self,
        by: &Caller,
        before: Option<RoomId>,
        limit: usize,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>>;
}

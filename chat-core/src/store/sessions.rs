//! Sessions: the open sockets of all nodes, and presence from them.

use async_trait::async_trait;

use super::StoreResult;
use crate::model::{NodeId, Presence, RoomId, Session, SessionId, Timestamp, UserId};

/// How the opening or closing of a session changed who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// Whose session.
    pub user: UserId,
    /// In which room.
    pub room: RoomId,
    /// Whether it was the user's first open session anywhere, or the last one.
    pub of_user: bool,
    /// Whether it was the user's first open session in the room, or the last one there.
    pub in_room: bool,
    /// The user's presence after it.
    pub presence: Presence,
}

/// Sessions: the open sockets of all nodes, and presence from them.
///
/// Nothing here changes a room or takes a version. "Open" is as [`Session::is_open`] has it at the
/// `now` of the call.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Notes a socket that opened.
    ///
    /// # Contract
    /// From sessions of one user that open and close at once, over any number of nodes, exactly one
    /// opening is told `of_user` for each time the user comes, and exactly one closing or expiry
    /// for each time the user goes; likewise `in_room`. Who comes when the lease of their last
    /// session is over has come anew, and is told so, also where nobody has noticed that they had
    /// gone; then nobody is told of that any more.
    ///
    /// The `now` of this call is `connected_at` or `last_seen`, whichever is later: from now on the
    /// user's `last_seen` is at least that. An id that was open before is opened anew: this session
    /// takes the place of that one.
    async fn open_session(&self, session: Session) -> StoreResult<Attendance>;

    /// Vouches for the open sessions of a node that are given until `lease_until`, and notes when
    /// each of them was last heard.
    ///
    /// # Contract
    /// One that is not given ends with its lease: its closing may not have reached the store.
    /// Returns those of the node's `alive` sessions that the store no longer holds open because
    /// their lease was over; the node has to open them again.
    async fn renew_sessions(
        &self,
        node: NodeId,
        alive: &[(SessionId, Timestamp)],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;

    /// Notes a socket that closed at `now`; `None` where the session is not open, or not any more
    /// because its lease is over: that is for [`SessionStore::expire_sessions`] to tell.
    ///
    /// # Contract
    /// The user's `last_seen` is at least `now`. The session stays in the list of its user, closed.
    async fn close_session(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<Attendance>>;

    /// Closes every session whose lease is over, and tells each once, to one caller.
    ///
    /// # Contract
    /// Such a session's close is the end of its lease or the last frame, whichever is earlier.
    async fn expire_sessions(&self, now: Timestamp) -> StoreResult<Vec<Attendance>>;

    /// The presence of these users, in their order. Who is unknown is offline and was never seen.
    async fn presence(&self, users: &[UserId], now: Timestamp) -> StoreResult<Vec<Presence>>;

    /// A user's sessions, the newest first; at most `limit`. With `open_at` only those that are open
    /// at that moment, else closed ones too.
    async fn sessions(
        &self,
        user: &UserId,
        open_at: Option<Timestamp>,
        limit: usize,
    ) -> StoreResult<Vec<Session>>;

    /// Forgets a user's sessions that closed before a moment, and returns how many.
    ///
    /// # Contract
    /// Presence does not change.
    async fn forget_sessions(
        &self,
        user: &UserId,
        closed_before: Timestamp,
        now: Timestamp,
    ) -> StoreResult<u64>;

    /// Forgets sessions of all users that were closed before a moment, those that closed first; at
    /// most `limit`. Returns how many.
    ///
    /// # Contract
    /// Presence does not change.
    async fn forget_all_sessions(&self, closed_before: Timestamp, limit: usize)
    -> StoreResult<u64>;
}

//! Rooms and their members.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::StoreResult;
use crate::model::{
    Member, Page, RoomId, RoomKind, RoomSummary, Slice, Timestamp, UserId, Version,
};
use crate::rules::{Access, Action, Caller, Guarded, RoomName};

/// A room to make, of any kind but direct.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Any kind but [`RoomKind::Direct`].
    pub kind: RoomKind,
    /// The name.
    pub name: Option<RoomName>,
    /// Who makes it; none for the host itself. Becomes the first member.
    pub creator: Option<UserId>,
    /// The other members, in the order they are to have joined; repetitions do not count.
    pub members: Vec<UserId>,
    /// How many members it may have.
    pub member_limit: usize,
    /// What the host notes about the room.
    pub metadata: Map<String, Value>,
    /// When.
    pub at: Timestamp,
}

/// The direct room of two users, to be made unless it stands.
#[derive(Debug, Clone)]
pub struct NewDirectRoom {
    /// Who is named first: the one who asks, and the room's creator.
    pub first: UserId,
    /// The other; never the same as `first`.
    pub second: UserId,
    /// What the host notes about the room, if it is made now.
    pub metadata: Map<String, Value>,
    /// When.
    pub at: Timestamp,
}

/// In which order rooms are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomOrder {
    /// Newest `activity_at` first, then the larger id.
    Activity,
    /// Smallest id first.
    Id,
}

/// Which of a user's rooms to list.
#[derive(Debug, Clone)]
pub struct RoomQuery {
    /// Whose rooms, and of which kinds.
    pub by: Caller,
    /// In which order.
    pub order: RoomOrder,
    /// Which part of the list.
    pub slice: Slice,
}

/// A change of a room's settings. What is `None` or empty stays as it is.
#[derive(Debug, Clone)]
pub struct ManageRoom {
    /// The room.
    pub room: RoomId,
    /// Who asks; none where the host itself does.
    pub by: Option<Caller>,
    /// The new name.
    pub name: Option<RoomName>,
    /// Whether it is to be active.
    pub active: Option<bool>,
    /// What the host is to have noted about it, in place of what it has.
    pub metadata: Option<Map<String, Value>>,
    /// Who is to become a member; members already do not count.
    pub add: Vec<UserId>,
    /// How many members the room may have, where somebody becomes one.
    pub member_limit: usize,
    /// When.
    pub at: Timestamp,
}

impl ManageRoom {
    /// A change of nothing, without a limit of members, to be changed by struct update.
    pub fn nothing(room: RoomId, by: Option<Caller>, at: Timestamp) -> Self {
        let (name, active, metadata, add) = (None, None, None, Vec::new());
        Self { room, by, name, active, metadata, add, member_limit: usize::MAX, at }
    }

    /// What one has to be permitted: [`Action::Manage`] for the name and members, which direct
    /// rooms do not have changed, and else [`Action::Configure`].
    pub fn action(&self) -> Action {
        let configures = self.name.is_none() && self.add.is_empty();
        if configures { Action::Configure } else { Action::Manage }
    }
}

/// Users who became members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The room's version after the change of name, activity and metadata, where there was one.
    pub settings: Option<Version>,
    /// Who became a member, and the room's version with it, where somebody did.
    pub joined: Option<(Vec<UserId>, Version)>,
}

/// A member who left, or did not have to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The room's version with the leaving.
    pub version: Version,
}

/// What to count for a user.
#[derive(Debug, Clone)]
pub struct StatsQuery {
    /// Whose rooms, and of which kinds.
    pub by: Caller,
    /// Only this room; all active rooms of the user where none is given.
    pub room: Option<RoomId>,
    /// Count messages since then.
    pub since: Timestamp,
    /// Count rooms with a message since then.
    pub today: Timestamp,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoomStats {
    /// The rooms.
    pub rooms: u64,
    /// Those of them with a message, deleted or not, sent at or after `today`.
    pub active_today: u64,
    /// Their messages sent at or after `since`, deleted ones left out.
    pub recent_messages: u64,
}

/// Rooms and their members.
#[async_trait]
pub trait RoomStore: Send + Sync + 'static {
    /// Makes a room of any kind but direct, which is [`Denial::WrongKind`].
    ///
    /// # Contract
    /// The creator and the members are members, in this order, each once. The room's version is 1,
    /// its `last_seq` 0, its activity its creation. The id is larger than that of every room that
    /// was there before the call began. More members than `member_limit`, the creator among them, are
    /// [`StoreError::Full`](super::StoreError::Full).
    ///
    /// The metadata comes back as it was given, whatever JSON it is: also `\u0000` in strings, which
    /// Postgres keeps as `json` or text but not as `jsonb`.
    ///
    /// [`Denial::WrongKind`]: crate::rules::Denial::WrongKind
    async fn create_room(&self, new: NewRoom) -> StoreResult<RoomId>;

    /// Finds or makes the direct room of two users; the flag says whether it was made.
    ///
    /// # Contract
    /// Of the unordered pair at most one room stands, under any race; exactly one call is told that
    /// it made it. A room that stands is found as it is: who was removed from it does not become a
    /// member again. Only where the host has deleted it ([`ErasureStore::delete_room`]) another one
    /// is made, with an id of its own. Two equal users are [`Denial::WrongKind`].
    ///
    /// [`Denial::WrongKind`]: crate::rules::Denial::WrongKind
    /// [`ErasureStore::delete_room`]: super::ErasureStore::delete_room
    async fn direct_room(&self, new: NewDirectRoom) -> StoreResult<(RoomId, bool)>;

    /// The direct room of two users, whoever is named first; `None` where none stands.
    async fn direct_room_of(&self, first: &UserId, second: &UserId) -> StoreResult<Option<RoomId>>;

    /// What a caller is to a room; `None` where there is no such room.
    async fn access(&self, by: &Caller, room: RoomId) -> StoreResult<Option<Access>>;

    /// These rooms with their members, last message and the caller's unread count, in any order;
    /// rooms that do not exist are left out. No caller is the host.
    ///
    /// # Contract
    /// One step, however many rooms there are. Each room is of one moment, but not all of them of the
    /// same one. It costs what is shown of a room: of what its members have read, only the caller's
    /// part.
    async fn summaries(
        &self,
        by: Option<&Caller>,
        rooms: &[RoomId],
    ) -> StoreResult<Vec<Guarded<RoomSummary>>>;

    /// One of them; `None` where there is no such room.
    async fn room(
        &self,
        by: Option<&Caller>,
        room: RoomId,
    ) -> StoreResult<Option<Guarded<RoomSummary>>> {
        Ok(self.summaries(by, &[room]).await?.pop())
    }

    /// A page of the active rooms that a user is a member of, each as [`RoomStore::room`] has it.
    ///
    /// # Contract
    /// Only rooms of the caller's kinds; `count` is of all such rooms. One step, however many rooms
    /// the page has. Each room is of one moment, but not all of them of the same one.
    async fn rooms(&self, query: RoomQuery) -> StoreResult<Page<RoomSummary>>;

    /// The rooms of every kind, active or not, as [`RoomStore::room`] has them for the host; by their
    /// ids, at most `limit` of those after a room.
    ///
    /// # Contract
    /// One step, however many rooms there are; each is of one moment, but not all of them of the
    /// same one.
    async fn all_rooms(&self, after: Option<RoomId>, limit: usize)
    -> StoreResult<Vec<RoomSummary>>;

    /// Changes name, activity and metadata, and adds members ([`ManageRoom::action`]).
    ///
    /// # Contract
    /// A change of name, activity or metadata is one version, the members who are new another one
    /// after it; what changes nothing takes no version. Who joins has read and received everything
    /// before. Who joins again is last in the order of members. Where somebody is to become a member
    /// and the room would then have more than `member_limit`, the whole change is
    /// [`StoreError::Full`](super::StoreError::Full), under any race. The metadata comes back as for
    /// [`RoomStore::create_room`].
    async fn manage_room(&self, change: ManageRoom) -> StoreResult<Added>;

    /// Makes the caller a member ([`Action::Join`]); the version is that of the joining, `None`
    /// where they already were one.
    ///
    /// # Contract
    /// Where the room would then have more than `member_limit` members it is
    /// [`StoreError::Full`](super::StoreError::Full), under any race.
    ///
    /// [`Action::Join`]: crate::rules::Action::Join
    async fn join_room(
        &self,
        by: &Caller,
        room: RoomId,
        member_limit: usize,
        at: Timestamp,
    ) -> StoreResult<Option<Version>>;

    /// Ends the caller's membership ([`Action::Leave`]). No message's status changes.
    ///
    /// [`Action::Leave`]: crate::rules::Action::Leave
    async fn leave_room(&self, by: &Caller, room: RoomId, at: Timestamp) -> StoreResult<Left>;

    /// Ends a user's membership in the name of the host, which has decided so itself. In a direct
    /// room too.
    ///
    /// # Contract
    /// `None` where the user was no member. [`StoreError::NotFound`](super::StoreError::NotFound)
    /// where there is no such room.
    async fn remove_member(
        &self,
        room: RoomId,
        user: &UserId,
        at: Timestamp,
    ) -> StoreResult<Option<Left>>;

    /// The present members of these rooms, in the order they joined; rooms that do not exist are
    /// left out. One step, however many rooms there are.
    async fn members(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Vec<Member>)>>;

    /// The rooms of every kind that a user is a member of, active or not, by their ids; at most
    /// `limit` of those after a room.
    async fn rooms_of(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>>;

    /// The versions of these rooms; rooms that do not exist are left out.
    async fn versions(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Version)>>;

    /// How many messages of others a user has not read, in all of the rooms that
    /// [`RoomStore::rooms`] lists: the sum of their `unread`. One step, however many rooms there are.
    async fn unread(&self, by: &Caller) -> StoreResult<u64>;

    /// Counts rooms and recent messages.
    ///
    /// # Contract
    /// With a room given, that room alone is counted, active or not; where the caller is no member
    /// of it or it is not of their kinds, nothing.
    async fn stats(&self, query: StatsQuery) -> StoreResult<RoomStats>;
}

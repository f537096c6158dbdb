//! All that a store holds, and the order in which it is locked.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use chat_core::model::{
    MessageId, Room, RoomId, RoomKind, Seq, SeqSet, Timestamp, UserId, Version,
};
use chat_core::rules::admit;
use chat_core::store::{NewRoom, StoreError, StoreResult};

use crate::attendance::Sessions;
use crate::gone_files::GoneFiles;
use crate::room_state::RoomState;
use crate::shards::{Numbered, Shards, lock};

/// One room behind its lock, which guards all of the room: whoever writes holds it from the check
/// of the access rules to the last change, whoever reads sees one moment.
pub(crate) type SharedRoom = Arc<Mutex<RoomState>>;

/// Holds a room, which may have been deleted since it was found.
pub(crate) fn hold(room: &SharedRoom) -> StoreResult<MutexGuard<'_, RoomState>> {
    let state = lock(room);
    if state.is_gone() { Err(StoreError::NotFound) } else { Ok(state) }
}

/// All that a store holds.
///
/// Locks are taken in this order, and none of a line while another of the same line is held: a
/// shard of `pairs`; a room; `public`, `gone_rooms`, `gone_files` or a shard of `rooms`, `places`,
/// `user_rooms` or `left_rooms`.
/// `sessions` is taken alone.
#[derive(Default)]
pub(crate) struct State {
    /// The rooms by id, until they are deleted.
    pub(crate) rooms: Numbered<SharedRoom>,
    /// Where each message is, by id. A message is put here while its room is held and stays until a
    /// room that was deleted is swept, so what is found here of a room that stands can be relied on
    /// without a lock.
    pub(crate) places: Numbered<(RoomId, Seq)>,
    /// The direct rooms, by the two users in ascending order.
    pub(crate) pairs: Shards<(UserId, UserId), RoomId>,
    /// The rooms of which a user is a member now; changed only while the room is held. Those that
    /// are deleted are left out once they are swept.
    pub(crate) user_rooms: Shards<UserId, BTreeSet<RoomId>>,
    /// The rooms of which a user was a member once and from which they were not erased since;
    /// likewise.
    pub(crate) left_rooms: Shards<UserId, BTreeSet<RoomId>>,
    /// The active public rooms; changed only while the room is held. The lock guards them as a
    /// whole, as rooms are made and change their activity seldom.
    pub(crate) public: Mutex<BTreeSet<RoomId>>,
    /// The sessions of all users. The lock guards them as a whole, because an expiry goes through
    /// the sessions of many users; they change far less often than messages are sent.
    pub(crate) sessions: RwLock<Sessions>,
    /// What is left of rooms that are deleted, but for those of which a part is being swept. The lock
    /// guards them as a whole, as they are few.
    pub(crate) gone_rooms: Mutex<Vec<RoomState>>,
    /// The files that are still to be deleted; those of a message are noted while its room is held.
    /// The lock guards them as a whole, as they are few.
    pub(crate) gone_files: Mutex<GoneFiles>,
}

impl State {
    /// The room of an id.
    pub(crate) fn room(&self, id: RoomId) -> StoreResult<SharedRoom> {
        self.rooms.find(id.get()).ok_or(StoreError::NotFound)
    }

    /// The position of a message in a room; `None` where it is not in that room.
    pub(crate) fn seq_in(&self, room: RoomId, message: MessageId) -> Option<Seq> {
        let (home, seq) = self.places.find(message.get())?;
        (home == room).then_some(seq)
    }

    /// Adds a room of any kind at version 1, with its creator as the first member.
    pub(crate) fn add_room(&self, new: NewRoom) -> StoreResult<RoomId> {
        let members: HashSet<_> = new.creator.iter().chain(&new.members).collect();
        admit(0, members.len(), new.member_limit)?;
        let id = RoomId::new(self.rooms.give()).ok_or(StoreError::Limit("no room id is left"))?;
        let room = Room {
            id,
            kind: new.kind,
            name: new.name.map(|name| name.as_str().to_owned()),
            created_by: new.creator.clone(),
            created_at: new.at,
            active: true,
            metadata: Arc::new(new.metadata),
            last_seq: 0,
            version: 1,
            settings_version: 1,
            activity_at: new.at,
            deleted: SeqSet::new(),
            uncounted: SeqSet::new(),
        };
        let shared = Arc::new(Mutex::new(RoomState::new(room)));
        // Guards the room, which others can find before all its members know of it.
        let mut state = lock(&shared);
        self.rooms.put(id.get(), Arc::clone(&shared));
        let members = new.creator.into_iter().chain(new.members).collect();
        self.join(&mut state, members, new.at, 1);
        self.list_public(&state);
        drop(state);
        Ok(id)
    }

    /// Makes users members of a room that is held, with the given version, and returns those who
    /// were none.
    pub(crate) fn join(
        &self,
        state: &mut RoomState,
        users: Vec<UserId>,
        at: Timestamp,
        version: Version,
    ) -> Vec<UserId> {
        let mut joined = users;
        joined.retain(|user| state.join(user, at, version));
        for user in &joined {
            // Guards the list of the user's rooms, which has to follow the room's members.
            self.user_rooms.hold(user).entry(user.clone()).or_default().insert(state.room.id);
            self.left_rooms.take_out(user, state.room.id);
        }
        joined
    }

    /// Ends a user's membership in a room that is held; `None` where they are no member.
    pub(crate) fn leave(&self, state: &mut RoomState, user: &UserId) -> Option<Version> {
        let version = state.leave(user)?;
        self.user_rooms.take_out(user, state.room.id);
        // Guards the list of the rooms they left, which has to follow the room's members.
        self.left_rooms.hold(user).entry(user.clone()).or_default().insert(state.room.id);
        Some(version)
    }

    /// Forgets of a user who was a member of a room that is held all but that they left.
    pub(crate) fn forget_member(&self, state: &mut RoomState, user: &UserId) {
        state.forget_member(user);
        self.left_rooms.take_out(user, state.room.id);
    }

    /// Notes whether a room that is held is an active public one.
    pub(crate) fn list_public(&self, state: &RoomState) {
        if state.room.kind != RoomKind::Public {
            return;
        }
        // Guards the list of public rooms, which has to follow the rooms' activity.
        let mut public = lock(&self.public);
        if state.room.active {
            public.insert(state.room.id);
        } else {
            public.remove(&state.room.id);
        }
    }

    /// The newest active public rooms with a smaller id than `before` that are not among these.
    pub(crate) fn public_before(
        &self,
        before: Option<RoomId>,
        limit: usize,
        but: &HashSet<RoomId>,
    ) -> Vec<RoomId> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        // Guards the list while a part of it is copied.
        let public = lock(&self.public);
        let newest = public.range((Bound::Unbounded, end)).rev();
        newest.filter(|id| !but.contains(id)).take(limit).copied().collect()
    }

    /// The rooms of which a user is a member, by id.
    pub(crate) fn rooms_of(&self, user: &UserId) -> Vec<RoomId> {
        self.standing(user, &self.user_rooms)
    }

    /// The rooms of which a user was a member and from which they were not erased since.
    pub(crate) fn rooms_left(&self, user: &UserId) -> Vec<RoomId> {
        self.standing(user, &self.left_rooms)
    }

    /// The rooms of a user's list that are not deleted, by id.
    fn standing(&self, user: &UserId, lists: &Shards<UserId, BTreeSet<RoomId>>) -> Vec<RoomId> {
        // Guards the user's list while it is copied.
        let list = lists.hold(user).get(user).cloned().unwrap_or_default();
        list.into_iter().filter(|room| self.rooms.find(room.get()).is_some()).collect()
    }
}

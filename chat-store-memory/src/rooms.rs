//! Rooms and their members.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{Member, Page, RoomId, RoomKind, RoomSummary, Timestamp, UserId, Version};
use chat_core::rules::{Access, Action, Caller, Denial, Guarded, RoomName};
use chat_core::store::{
    Added, Left, ManageRoom, NewDirectRoom, NewRoom, RoomOrder, RoomQuery, RoomStats, RoomStore,
    StatsQuery, StoreResult,
};

use crate::MemoryStore;
use crate::room_state::RoomState;
use crate::state::hold;

#[async_trait]
impl RoomStore for MemoryStore {
    async fn create_room(&self, new: NewRoom) -> StoreResult<RoomId> {
        if new.kind == RoomKind::Direct {
            return Err(Denial::WrongKind.into());
        }
        self.state.add_room(new)
    }

    async fn direct_room(&self, new: NewDirectRoom) -> StoreResult<(RoomId, bool)> {
        let NewDirectRoom { first, second, metadata, at } = new;
        if first == second {
            return Err(Denial::WrongKind.into());
        }
        let pair = ordered(&first, &second);
        // Guards the pair until its room is made, so that no other call makes one.
        let mut pairs = self.state.pairs.hold(&pair);
        if let Some(room) = pairs.get(&pair) {
            return Ok((*room, false));
        }
        let room = self.state.add_room(NewRoom {
            kind: RoomKind::Direct,
            name: None,
            creator: Some(first),
            members: vec![second],
            member_limit: 2,
            metadata,
            at,
        })?;
        pairs.insert(pair, room);
        Ok((room, true))
    }

    async fn direct_room_of(&self, first: &UserId, second: &UserId) -> StoreResult<Option<RoomId>> {
        let pair = ordered(first, second);
        Ok(self.state.pairs.hold(&pair).get(&pair).copied())
    }

    async fn access(&self, by: &Caller, room: RoomId) -> StoreResult<Option<Access>> {
        Ok(self.read(room, |state| state.access(Some(by))))
    }

    async fn summaries(
        &self,
        by: Option<&Caller>,
        rooms: &[RoomId],
    ) -> StoreResult<Vec<Guarded<RoomSummary>>> {
        let summary = |state: &RoomState| Guarded::new(state.access(by), state.summary(by));
        Ok(rooms.iter().filter_map(|room| self.read(*room, summary)).collect())
    }

    async fn all_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomSummary>> {
        let first = after.map_or(1, |after| after.get() + 1);
        let ids = (first..=self.state.rooms.given()).filter_map(RoomId::new);
        let rooms = ids.filter_map(|id| self.read(id, |state| state.summary(None)));
        Ok(rooms.take(limit).collect())
    }

    async fn rooms(&self, query: RoomQuery) -> StoreResult<Page<RoomSummary>> {
        Ok(self.listed(&query, |state| state.summary(Some(&query.by))))
    }

    async fn manage_room(&self, change: ManageRoom) -> StoreResult<Added> {
        let room = self.state.room(change.room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        state.access(change.by.as_ref()).permit(change.action())?;
        state.admit(&change.add, change.member_limit)?;
        let name = change.name.as_ref().map(RoomName::as_str);
        let name = name.filter(|name| state.room.name.as_deref() != Some(name));
        let active = change.active.filter(|active| *active != state.room.active);
        let metadata = change.metadata.filter(|metadata| *metadata != *state.room.metadata);
        let changed = name.is_some() || active.is_some() || metadata.is_some();
        let settings = changed.then(|| state.next_version());
        if let Some(version) = settings {
            state.room.settings_version = version;
        }
        if let Some(name) = name {
            state.room.name = Some(name.to_owned());
        }
        if let Some(active) = active {
            state.room.active = active;
            self.state.list_public(&state);
        }
        if let Some(metadata) = metadata {
            state.room.metadata = Arc::new(metadata);
        }
        // Taken into the room only where somebody does join.
        let version = state.room.version + 1;
        let users = self.state.join(&mut state, change.add, change.at, version);
        let joined = (!users.is_empty()).then(|| (users, state.next_version()));
        Ok(Added { settings, joined })
    }

    async fn join_room(
        &self,
        by: &Caller,
        room: RoomId,
        member_limit: usize,
        at: Timestamp,
    ) -> StoreResult<Option<Version>> {
        let room = self.state.room(room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        state.access(Some(by)).permit(Action::Join)?;
        let user = vec![by.user.clone()];
        state.admit(&user, member_limit)?;
        let version = state.room.version + 1;
        let users = self.state.join(&mut state, user, at, version);
        Ok((!users.is_empty()).then(|| state.next_version()))
    }

    async fn leave_room(&self, by: &Caller, room: RoomId, _at: Timestamp) -> StoreResult<Left> {
        let room = self.state.room(room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        state.permit(by, Action::Leave)?;
        let version = self.state.leave(&mut state, &by.user).ok_or(Denial::NotMember)?;
        Ok(Left { version })
    }

    async fn remove_member(
        &self,
        room: RoomId,
        user: &UserId,
        _at: Timestamp,
    ) -> StoreResult<Option<Left>> {
        let room = self.state.room(room)?;
        // Guards the room while the member is taken out of it.
        let mut state = hold(&room)?;
        Ok(self.state.leave(&mut state, user).map(|version| Left { version }))
    }

    async fn members(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Vec<Member>)>> {
        let members = |id: &RoomId| Some((*id, self.read(*id, RoomState::present)?));
        Ok(rooms.iter().filter_map(members).collect())
    }

    async fn rooms_of(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        let mut rooms = self.state.rooms_of(user);
        rooms.retain(|room| after.is_none_or(|after| *room > after));
        rooms.sort_unstable();
        rooms.truncate(limit);
        Ok(rooms)
    }

    async fn versions(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Version)>> {
        let version = |id: &RoomId| Some((*id, self.read(*id, |state| state.room.version)?));
        Ok(rooms.iter().filter_map(version).collect())
    }

    async fn unread(&self, by: &Caller) -> StoreResult<u64> {
        let unread = |state: &RoomState| if state.is_listed(by) { state.unread(by) } else { 0 };
        let rooms = self.state.rooms_of(&by.user);
        Ok(rooms.into_iter().filter_map(|id| self.read(id, unread)).sum())
    }

    async fn stats(&self, query: StatsQuery) -> StoreResult<RoomStats> {
        let rooms = match query.room {
            Some(room) => vec![room],
            None => self.state.rooms_of(&query.by.user),
        };
        let mut stats = RoomStats::default();
        for id in rooms {
            let count = |state: &RoomState| {
                let counted = if query.room.is_some() {
                    state.is_shown(&query.by)
                } else {
                    state.is_listed(&query.by)
                };
                if !counted {
                    return;
                }
                let last = state.room.last_seq;
                let old = state.messages.before_time(query.since);
                stats.rooms += 1;
                stats.active_today += u64::from(state.messages.before_time(query.today) < last);
                stats.recent_messages += last - old - state.room.deleted.count_in(old + 1..=last);
            };
            self.read(id, count);
        }
        Ok(stats)
    }
}

/// Two users in ascending order.
pub(crate) fn ordered(first: &UserId, second: &UserId) -> (UserId, UserId) {
    (first.min(second).clone(), first.max(second).clone())
}

impl MemoryStore {
    /// A page of the rooms that are listed for a caller, each read at one moment.
    pub(crate) fn listed<T>(&self, query: &RoomQuery, read: impl Fn(&RoomState) -> T) -> Page<T> {
        let RoomQuery { by, order, slice } = query;
        let key = |state: &RoomState| (state.room.activity_at, state.room.id);
        let rooms = self.state.rooms_of(&by.user).into_iter();
        let mut listed: Vec<_> = rooms
            .filter_map(|id| self.read(id, |state| state.is_listed(by).then(|| key(state)))?)
            .collect();
        let count = listed.len() as u64;
        if *order == RoomOrder::Activity {
            listed.sort_unstable_by_key(|key| Reverse(*key));
        }
        // A room that was left or hidden since it was counted must not be shown any more; then
        // another one takes its place.
        let read = |state: &RoomState| state.is_listed(by).then(|| (key(state), read(state)));
        let mut items: Vec<_> = listed
            .into_iter()
            .skip(usize::try_from(slice.skip).unwrap_or(usize::MAX))
            .filter_map(|(_, id)| self.read(id, read)?)
            .take(slice.take)
            .collect();
        if *order == RoomOrder::Activity {
            // A message may have come meanwhile; what a page shows is in order by what it shows.
            items.sort_by_key(|(key, _)| Reverse(*key));
        }
        Page { count, items: items.into_iter().map(|(_, item)| item).collect() }
    }

    /// Reads a room at one moment; `None` where there is no such room.
    pub(crate) fn read<T>(&self, room: RoomId, read: impl FnOnce(&RoomState) -> T) -> Option<T> {
        let room = self.state.rooms.find(room.get())?;
        // Guards the room, so that what is read is of one moment.
        let state = hold(&room).ok()?;
        Some(read(&state))
    }
}

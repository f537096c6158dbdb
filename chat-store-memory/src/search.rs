//! Search: messages by their words, and the rooms that may be found.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{Message, MessageId, RoomId, RoomKind, Timestamp};
use chat_core::rules::{Caller, Guarded};
use chat_core::store::{MessageSearch, RoomCandidate, RoomQuery, SearchStore, StoreResult};

use crate::MemoryStore;
use crate::room_state::RoomState;

/// A message that was found, by its place among all that were.
type Found = ((Timestamp, MessageId), Guarded<Arc<Message>>);

#[async_trait]
impl SearchStore for MemoryStore {
    async fn search_messages(
        &self,
        search: MessageSearch,
    ) -> StoreResult<Vec<Guarded<Arc<Message>>>> {
        let by = &search.by;
        if search.limit == 0 || search.term.words().is_empty() {
            return Ok(Vec::new());
        }
        let activity = |state: &RoomState| {
            state.is_shown(by).then_some((state.room.activity_at, state.room.id))
        };
        let rooms = self.state.rooms_of(&by.user).into_iter();
        let mut rooms: Vec<_> = rooms.filter_map(|id| self.read(id, activity)?).collect();
        rooms.sort_unstable_by_key(|key| Reverse(*key));

        let mut found = Vec::new();
        for (activity_at, id) in rooms {
            let last = found.get(search.limit - 1).map(|(key, _): &Found| *key);
            // No message is newer than its room's activity, and the rooms after this one are older.
            if last.is_some_and(|(created_at, _)| activity_at < created_at) {
                break;
            }
            let newer = self.read(id, |state| newest(state, &search, last)).unwrap_or_default();
            found.extend(newer);
            found.sort_by_key(|(key, _)| Reverse(*key));
            found.truncate(search.limit);
        }
        Ok(found.into_iter().map(|(_, message)| message).collect())
    }

    async fn own_candidates(
        &self,
        query: RoomQuery,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        Ok(self.listed(&query, |state| state.candidate(&query.by, members)).items)
    }

    async fn public_candidates(
        &self,
        by: &Caller,
        before: Option<RoomId>,
        limit: usize,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        let mut found = Vec::new();
        if !by.kinds.contains(RoomKind::Public) {
            return Ok(found);
        }
        let own: HashSet<_> = self.state.rooms_of(&by.user).into_iter().collect();
        let mut before = before;
        // A room may have changed since its id was read; then others take its place.
        while found.len() < limit {
            let ids = self.state.public_before(before, limit - found.len(), &own);
            let Some(last) = ids.last() else { break };
            before = Some(*last);
            let shown = |state: &RoomState| {
                let shown = state.room.active && state.slot(&by.user).is_none();
                shown.then(|| state.candidate(by, members))
            };
            found.extend(ids.into_iter().filter_map(|id| self.read(id, shown)?));
        }
        Ok(found)
    }
}

/// The newest messages that a search finds in a room, as far as they are newer than `last`.
fn newest(
    state: &RoomState,
    search: &MessageSearch,
    last: Option<(Timestamp, MessageId)>,
) -> Vec<Found> {
    if !state.is_shown(&search.by) {
        return Vec::new();
    }
    let access = state.access(Some(&search.by));
    let messages = state.index.find(&search.term).filter_map(|seq| state.messages.at(seq));
    let keyed = messages.map(|message| ((message.created_at, message.id), message));
    let newer = keyed.take_while(|(key, _)| last.is_none_or(|last| *key > last));
    let found = newer.map(|(key, message)| (key, Guarded::new(access, Arc::clone(message))));
    found.take(search.limit).collect()
}

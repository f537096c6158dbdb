//! Turns: who writes to a room waits for the others outside of the pool.
//!
//! The database would let only one of them go on anyway, and the others would hold connections that
//! everybody needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chat_core::model::RoomId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// How many rooms are remembered at least before those are forgotten that nobody waits for.
const MOST: usize = 1_024;

/// Whose turn it is in each room. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Rooms>>);

#[derive(Debug, Default)]
struct Rooms {
    turns: HashMap<RoomId, Weak<Turn<()>>>,
    /// How many there may be before it is looked which are over.
    most: usize,
}

impl Turns {
    /// Waits for one's turn in a room, which lasts for as long as the guard is held.
    pub(crate) async fn wait(&self, room: RoomId) -> OwnedMutexGuard<()> {
        let turn = self.of(room);
        turn.lock_owned().await
    }

    fn of(&self, room: RoomId) -> Arc<Turn<()>> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = rooms.turns.get(&room).and_then(Weak::upgrade) {
            return turn;
        }
        if rooms.turns.len() >= rooms.most {
            rooms.turns.retain(|_, turn| turn.strong_count() > 0);
            rooms.most = MOST.max(2 * rooms.turns.len());
        }
        let turn = Arc::default();
        rooms.turns.insert(room, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_room_has_one_turn_at_a_time_and_rooms_that_nobody_waits_for_are_forgotten() {
        let (turns, room) = (Turns::default(), |id| RoomId::new(id).unwrap());
        let first = turns.wait(room(1)).now_or_never().expect("nobody else is there");
        assert!(turns.wait(room(1)).now_or_never().is_none());
        for id in 2..10_000 {
            assert!(turns.wait(room(id)).now_or_never().is_some());
        }
        assert!(turns.0.lock().unwrap().turns.len() <= MOST);
        assert!(turns.wait(room(1)).now_or_never().is_none(), "it is still held");
        drop(first);
        assert!(turns.wait(room(1)).now_or_never().is_some());
    }
}

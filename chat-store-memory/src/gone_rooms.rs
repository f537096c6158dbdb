//! Rooms that are deleted: first gone for everybody, then swept in steps.

use chat_core::model::{Message, RoomId, Timestamp, Version};
use chat_core::store::StoreResult;

use crate::room_state::RoomState;
use crate::shards::lock;
use crate::state::{State, hold};

impl State {
    /// Takes a room away from everybody, whatever it holds, and returns its last version; `None`
    /// where something was said there at a moment or after it.
    pub(crate) fn delete_room(
        &self,
        id: RoomId,
        idle_since: Option<Timestamp>,
    ) -> StoreResult<Option<Version>> {
        let room = self.room(id)?;
        let pair = hold(&room)?.pair();
        // Guards the pair until its room is gone, so that whoever asks for one makes another.
        let mut pairs = pair.as_ref().map(|pair| self.pairs.hold(pair));
        // Guards the room until nobody finds it: who waits for it finds that it is gone.
        let mut state = hold(&room)?;
        if idle_since.is_some_and(|since| state.room.activity_at >= since) {
            return Ok(None);
        }
        let version = state.next_version();
        if let (Some(pairs), Some(pair)) = (&mut pairs, &pair) {
            pairs.remove(pair);
        }
        state.room.active = false;
        self.list_public(&state);
        self.rooms.take_out(id.get());
        let gone = state.take();
        // Guards the list while the room is added.
        lock(&self.gone_rooms).push(gone);
        Ok(Some(version))
    }

    /// Takes so many messages and members out of rooms that are gone; whether there is a room.
    pub(crate) fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> bool {
        let (mut left, mut found) = (limit, false);
        while left > 0
            && let Some(mut gone) = self.take_gone_room()
        {
            found = true;
            while left > 0 && self.take_one_out(&mut gone, at) {
                left -= 1;
            }
            if left == 0 {
                // Guards the list while the room is put back.
                lock(&self.gone_rooms).push(gone);
            } else {
                // To end with a room counts too, so that those with nothing in them are so many.
                left -= 1;
            }
        }
        found
    }

    /// Takes a room from the list of those that are gone, so that each is swept by one caller.
    fn take_gone_room(&self) -> Option<RoomState> {
        // Guards the list.
        lock(&self.gone_rooms).pop()
    }

    /// Takes a message or member out of a room that is gone; whether there was one.
    fn take_one_out(&self, gone: &mut RoomState, at: Timestamp) -> bool {
        if let Some(message) = gone.pop_message() {
            self.places.take_out(message.id.get());
            self.note_file(&message, at);
        } else if let Some(user) = gone.pop_member() {
            self.user_rooms.take_out(&user, gone.room.id);
            self.left_rooms.take_out(&user, gone.room.id);
        } else {
            return false;
        }
        true
    }

    /// Notes the file of a message that is gone.
    fn note_file(&self, message: &Message, at: Timestamp) {
        if let Some(file) = &message.attachment {
            // Guards the files that are to be deleted while this one is added.
            lock(&self.gone_files).note(&file.key, at);
        }
    }
}

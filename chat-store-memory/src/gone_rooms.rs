//! Rooms that are deleted: first gone for everybody, then swept in steps.

use chat_core::model::{Message, RoomId, Timestamp, Version};
use chat_core::store::StoreResult;

use crate::shards::lock;
use crate::state::{State, hold};

impl State {
    /// Takes a room away from everybody, whatever it holds, and returns its last version.
    pub(crate) fn delete_room(&self, id: RoomId) -> StoreResult<Version> {
        let room = self.room(id)?;
        let pair = hold(&room)?.pair();
        // Guards the pair until its room is gone, so that whoever asks for one makes another.
        let mut pairs = pair.as_ref().map(|pair| self.pairs.hold(pair));
        // Guards the room until nobody finds it: who waits for it finds that it is gone.
        let mut state = hold(&room)?;
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
        Ok(version)
    }

    /// Takes so many messages or members out of a room that is gone; whether there is one.
    pub(crate) fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> bool {
        // Guards the list, so that each room is taken by one caller.
        let Some(mut gone) = lock(&self.gone_rooms).pop() else { return false };
        for _ in 0..limit {
            if let Some(message) = gone.pop_message() {
                self.note_file(&message, at);
            } else if let Some(user) = gone.pop_member() {
                self.user_rooms.take_out(&user, gone.room.id);
                self.left_rooms.take_out(&user, gone.room.id);
            } else {
                return true;
            }
        }
        // Guards the list while the room is put back.
        lock(&self.gone_rooms).push(gone);
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

//! Rooms that are deleted, in the model and the store.

use std::time::Duration;

use chat_core::model::{Kinds, MessageId, RoomId, Version};

use super::compare::{Compared, agree};
use super::operation::{By, USERS};
use super::play::Player;
use super::reference::{Reference, ReferenceRoom};
use crate::store::world::refusal_of;

impl Reference {
    /// All rooms that were ever made.
    pub(super) fn ever(&self) -> impl Iterator<Item = &ReferenceRoom> {
        self.rooms.iter().chain(&self.gone)
    }

    /// Whether a message ever had this id.
    pub(super) fn has_given(&self, id: MessageId) -> bool {
        self.ever().flat_map(|room| &room.messages).any(|message| message.id == id)
    }

    /// Deletes a room, and returns its last version.
    fn delete(&mut self, id: RoomId) -> Option<Version> {
        let place = self.rooms.iter().position(|room| room.id == id)?;
        let room = self.rooms.remove(place);
        let version = room.version + 1;
        self.gone.push(room);
        Some(version)
    }
}

impl Player {
    /// Deletes a room that is idle since its last message and not before, unless it is the last that
    /// there is.
    pub(super) async fn delete_room(&mut self, room: u8) -> Compared {
        if self.reference.rooms.len() == 1 {
            return Ok(());
        }
        let room = self.room(room);
        let is_it = |it: &&ReferenceRoom| it.id == room;
        let known = self.reference.rooms.iter().find(is_it).ok_or("no such room")?;
        let last = known.room().activity_at;
        let idle = self.store.delete_room(room, Some(last)).await;
        agree(Ok(None), idle.map_err(refusal_of))?;
        let idle_since = Some(last.after(Duration::from_micros(1)));
        let wanted = self.reference.delete(room).ok_or("no such room")?;
        agree(Ok(Some(wanted)), self.store.delete_room(room, idle_since).await.map_err(refusal_of))
    }

    /// Sweeps a part of what is gone, which nobody sees.
    pub(super) async fn sweep(&self, limit: usize) -> Compared {
        let swept = self.store.sweep_gone_rooms(self.now(), limit).await;
        swept.map(drop).map_err(|error| error.to_string())
    }

    /// Looks that nothing is found of the rooms that are gone.
    pub(super) async fn compare_gone(&self) -> Compared {
        let gone = &self.reference.gone;
        let ids: Vec<_> = gone.iter().map(|room| room.id).collect();
        agree(Ok(Vec::new()), self.store.versions(&ids).await.map_err(refusal_of))?;
        for user in 1..=USERS {
            let by = self.caller(By { user, kinds: Kinds::ALL });
            let rooms = self.store.rooms_of(&by.user, None, 1_000).await.map_err(refusal_of);
            agree(Ok(false), rooms.map(|rooms| rooms.iter().any(|room| ids.contains(room))))?;
            let public =
                self.store.public_candidates(&by, None, 1_000, 1).await.map_err(refusal_of);
            let found = public.map(|rooms| rooms.iter().any(|it| ids.contains(&it.access().room)));
            agree(Ok(false), found)?;
        }
        for message in gone.iter().flat_map(|room| &room.messages) {
            let found = self.store.message(None, None, message.id).await.map_err(refusal_of);
            agree(Ok(false), found.map(|found| found.is_some()))?;
        }
        Ok(())
    }
}

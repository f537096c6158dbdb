//! Rooms that the host deletes: gone at once for everybody, and swept out of the store after it.

use super::{Chat, Error};
use crate::model::{Change, RoomId};
use crate::store::StoreError;

/// The most messages or members that a step of the sweep takes out.
const SWEPT: usize = 1_000;

impl Chat {
    /// Deletes a room of any kind for ever, with its messages, files, receipts, reactions and
    /// members. Once this has returned it is to everybody as if it never had been: nobody reads it
    /// or writes to it, lists, counts and searches leave it out, and its sockets are closed 4403,
    /// here within a second and on other nodes within two. Listeners and
    /// [`Hooks::on_event`](crate::host::Hooks::on_event) of this node are told [`Change::Gone`].
    /// Returns whether there was such a room; where it failed, call it again.
    ///
    /// Takes as long as any change of the room, however much is in it: its rows and files are
    /// deleted after this ([`Chat::sweep_gone_rooms`]).
    ///
    /// The two users of a direct room may have another one: the next that asks for it
    /// ([`Actor::direct_room`](super::Actor::direct_room)) makes it, with an id of its own and nothing
    /// in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn delete_room(&self, room: RoomId) -> Result<bool, Error> {
        let version = match self.inner.store.delete_room(room).await {
            Err(StoreError::NotFound) => return Ok(false),
            deleted => deleted?,
        };
        self.announce(room, version, vec![Change::Gone]);
        Ok(true)
    }

    /// Takes a part of what deleted rooms have left out of the store, a thousand messages or members
    /// at most; their files are deleted by [`Chat::delete_gone_files`]. Returns whether there may be
    /// more that can be done now. To be called until there is not, about twice a minute, on any node
    /// or on all of them: each works on another room.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn sweep_gone_rooms(&self) -> Result<bool, Error> {
        Ok(self.inner.store.sweep_gone_rooms(self.clock().now(), SWEPT).await?)
    }
}

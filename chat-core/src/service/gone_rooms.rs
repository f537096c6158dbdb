//! Rooms that the host deletes: gone at once for everybody, and swept out of the store after it.

use super::{Chat, Error};
use crate::model::{Change, RoomId, Timestamp};
use crate::store::StoreError;

/// The most messages and members that a step of the sweep takes out.
const SWEPT: usize = 1_000;

impl Chat {
    /// Deletes a room of any kind for ever, with its messages, files, receipts, reactions and
    /// members. Once this has returned it is to everybody as if it never had been: nobody reads it
    /// or writes to it, lists, counts and searches leave it out, and its sockets are closed 4403,
    /// here within a second and on other nodes within two. Listeners and
    /// [`Hooks::on_event`](crate::host::Hooks::on_event) of this node are told [`Change::Gone`].
    /// Returns whether there was such a room.
    ///
    /// Where it failed, call it again. If only the answer was lost, that returns false and tells
    /// nobody of [`Change::Gone`]: what has to be done once a room is gone, do after this has
    /// returned, whatever it returns.
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
        self.delete(room, None).await
    }

    /// Deletes a room, as [`Chat::delete_room`] does, in which nothing was said since a moment: whose
    /// [`Room::activity_at`](crate::model::Room::activity_at) is before it. Returns whether it has
    /// deleted it: false where there is no such room, and where it is kept.
    ///
    /// That is looked at in the step that deletes it, so no message is lost that was sent at that
    /// moment or after it: it is either stored before, and keeps the room, or refused, as there is no
    /// such room. What was read of the room before does not matter. Messages have the time at which
    /// they came in, by the clock of their server: let `since` be further back than clocks are apart.
    /// Edits, reactions and receipts keep no room, nor does who joins.
    ///
    /// # Errors
    /// As [`Chat::delete_room`].
    pub async fn delete_room_if_idle(&self, room: RoomId, since: Timestamp) -> Result<bool, Error> {
        self.delete(room, Some(since)).await
    }

    async fn delete(&self, room: RoomId, idle_since: Option<Timestamp>) -> Result<bool, Error> {
        let version = match self.inner.store.delete_room(room, idle_since).await {
            Err(StoreError::NotFound) | Ok(None) => return Ok(false),
            Ok(Some(version)) => version,
            Err(error) => return Err(error.into()),
        };
        self.announce(room, version, vec![Change::Gone]);
        Ok(true)
    }

    /// Takes a part of what deleted rooms have left out of the store, a thousand messages and members
    /// at most; their files are deleted by [`Chat::delete_gone_files`]. Returns whether there may be
    /// more that can be done now. To be called until there is not, about twice a minute, on any node
    /// or on all of them: each works on other rooms. Wait in between for as long as it took or
    /// longer, so that the database has time for everybody else.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`]: the rooms that this is about come again later,
    /// and others before them.
    pub async fn sweep_gone_rooms(&self) -> Result<bool, Error> {
        Ok(self.inner.store.sweep_gone_rooms(self.clock().now(), SWEPT).await?)
    }
}

//! What the host reads in its own name: nobody is asked whether it may.

use std::sync::Arc;

use super::{Chat, Error};
use crate::model::{Member, Message, MessageId, Page, RoomId, RoomSummary, Slice, UserId};
use crate::rules::Action;
use crate::store::{Anchor, HistoryQuery};

impl Chat {
    /// A room of any kind, active or not, with its members and last message. The host has nothing to
    /// read: `unread` is 0.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such room, [`Error::Unavailable`].
    pub async fn room(&self, room: RoomId) -> Result<RoomSummary, Error> {
        let found = self.inner.store.room(None, room).await?;
        Ok(found.ok_or(Error::NotFound)?.permit(Action::View)?)
    }

    /// All rooms, as [`Chat::room`] has them, by their ids; at most `limit` of those after a room.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomSummary>, Error> {
        Ok(self.inner.store.all_rooms(after, limit).await?)
    }

    /// The rooms of every kind that a user is a member of, active or not, by their ids; at most
    /// `limit` of those after a room. Asks nobody for permission.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn rooms_of(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, Error> {
        Ok(self.inner.store.rooms_of(user, after, limit).await?)
    }

    /// The present members of a room of any kind, in the order they joined: to send them push
    /// notifications, say. Asks nobody for permission.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such room, [`Error::Unavailable`].
    pub async fn members(&self, room: RoomId) -> Result<Vec<Member>, Error> {
        let mut rooms = self.inner.store.members(&[room]).await?;
        Ok(rooms.pop().ok_or(Error::NotFound)?.1)
    }

    /// A message of any room, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such message, [`Error::Unavailable`].
    pub async fn message(&self, message: MessageId) -> Result<Arc<Message>, Error> {
        let found = self.inner.store.message(None, None, message).await?;
        Ok(found.ok_or(Error::NotFound)?.permit(Action::ReadHistory)?)
    }

    /// A page of a room's messages, without deleted ones. [`Chat::all_messages`] has all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such room, [`Error::Unavailable`].
    pub async fn history(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
    ) -> Result<Page<Arc<Message>>, Error> {
        self.page(HistoryQuery { room, by: None, anchor, slice, deleted: false }).await
    }

    /// The same with deleted ones, which have no text any more, in their places.
    ///
    /// # Errors
    /// As for [`Chat::history`].
    pub async fn history_with_deleted(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
    ) -> Result<Page<Arc<Message>>, Error> {
        self.page(HistoryQuery { room, by: None, anchor, slice, deleted: true }).await
    }

    async fn page(&self, query: HistoryQuery) -> Result<Page<Arc<Message>>, Error> {
        let found = self.inner.store.history(query).await?;
        Ok(found.ok_or(Error::NotFound)?.permit(Action::ReadHistory)?)
    }
}

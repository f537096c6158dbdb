//! Typing: said, prolonged, ended.

use std::sync::Arc;
use std::time::Instant;

use super::{Actor, Chat, Error};
use crate::host::Hint;
use crate::model::{Event, RoomId, Signal, Timestamp, User, UserId};
use crate::rules::{Action, Typed};

impl Actor {
    /// Says that the actor types in a room. Ends by itself after
    /// [`Config::typing_limit`](crate::Config::typing_limit); saying it again prolongs it. Other nodes
    /// are told of that at most each quarter of the limit, so there it may end by so much earlier.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn start_typing(&self, room: RoomId, now: Instant) -> Result<(), Error> {
        self.may(Action::Type, room).await?;
        let user = self.user().await?;
        let at = self.chat().clock().now();
        let hint = Hint::Typing(room, user.id.clone(), true);
        let mut typing = self.chat().inner.typing.of(room);
        match typing.start(room, &user, now, at) {
            Typed::Begins => {
                self.chat().signal(Signal::Typing { room, user, is_typing: true, at }, hint);
            }
            // The other nodes count for themselves when it ends.
            Typed::GoesOn => self.chat().bus().publish(hint),
            Typed::IsKnown => {}
        }
        Ok(())
    }

    /// Says that the actor types no more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn stop_typing(&self, room: RoomId) -> Result<(), Error> {
        self.may(Action::Type, room).await?;
        self.chat().end_typing(room, self.id()?);
        Ok(())
    }

    /// Who types in a room, but the actor, and when each last said so.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn typing_users(
        &self,
        room: RoomId,
        now: Instant,
    ) -> Result<Vec<(Arc<User>, Timestamp)>, Error> {
        self.may(Action::Type, room).await?;
        Ok(self.others_typing(room, now))
    }

    /// Who types in a room that the actor has been shown already.
    pub(crate) fn others_typing(&self, room: RoomId, now: Instant) -> Vec<(Arc<User>, Timestamp)> {
        let mut users = self.chat().inner.typing.of(room).users(room, now);
        users.retain(|(user, _)| self.id().is_ok_and(|me| user.id != *me));
        users
    }
}

impl Chat {
    /// When somebody's typing ends next.
    pub fn poll_typing_timeout(&self) -> Option<Instant> {
        self.inner.typing.all().filter_map(|typing| typing.poll_timeout()).min()
    }

    /// Ends the typing that is over, and tells this node's listeners: the other nodes find out by
    /// themselves. To be called when [`Chat::poll_typing_timeout`] has come.
    pub fn handle_typing_timeout(&self, now: Instant) {
        let at = self.clock().now();
        for mut typing in self.inner.typing.all() {
            for (room, user) in typing.handle_timeout(now) {
                self.tell(&Event::Signal(Signal::Typing { room, user, is_typing: false, at }));
            }
        }
    }

    /// Ends a user's typing in a room, as when their last socket there has closed.
    pub(super) fn end_typing(&self, room: RoomId, user: &UserId) {
        let mut typing = self.inner.typing.of(room);
        if let Some(user) = typing.stop(room, user) {
            let hint = Hint::Typing(room, user.id.clone(), false);
            let at = self.clock().now();
            self.signal(Signal::Typing { room, user, is_typing: false, at }, hint);
        }
    }

    /// Follows another node's word that a user types. Who is known to is not looked up.
    pub(super) async fn hear_typing(
        &self,
        room: RoomId,
        id: &UserId,
        now: Instant,
    ) -> Result<(), Error> {
        let known = self.inner.typing.of(room).user(room, id);
        let user = match known {
            Some(user) => user,
            None => self.users([id]).await?.user(id),
        };
        let at = self.clock().now();
        let mut typing = self.inner.typing.of(room);
        if typing.start(room, &user, now, at) == Typed::Begins {
            self.tell(&Event::Signal(Signal::Typing { room, user, is_typing: true, at }));
        }
        Ok(())
    }

    /// Follows another node's word that a user types no more.
    pub(super) fn hear_typing_end(&self, room: RoomId, user: &UserId) {
        let mut typing = self.inner.typing.of(room);
        if let Some(user) = typing.stop(room, user) {
            let at = self.clock().now();
            self.tell(&Event::Signal(Signal::Typing { room, user, is_typing: false, at }));
        }
    }
}

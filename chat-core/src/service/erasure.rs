//! People who are to be forgotten.

use super::{Chat, Error};
use crate::model::{Change, RoomId, UserId};
use crate::store::{Erase, Erased, StoreError};

/// How many rooms are asked for at once.
const ROOMS: usize = 100;

/// How many sessions are forgotten at once.
const SESSIONS: usize = 1_000;

impl Chat {
    /// Erases a user whose account was deleted: signs them out, ends their memberships, deletes what
    /// they ever said in any room and the files with it, takes their reactions away, and forgets
    /// what they had read, their sessions and when they were last seen. Everybody is told of it as if
    /// it were done one by one. The user guide lists what stays: their id, in places where others
    /// would miss it, and what the host itself said in their name ([`Chat::send_as`]) where they
    /// never were a member.
    ///
    /// To be called once the directory does not know them any more, or they may come again
    /// meanwhile. Returns when all is done, which takes a while where they were in large rooms, as
    /// each is gone through in small steps that hold up nobody. Where it fails, or is given up in
    /// between, call it again: rooms that are done are not gone through another time. For somebody
    /// who is erased or was never there it does nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn erase_user(&self, user: &UserId) -> Result<(), Error> {
        self.sign_out(user);
        let mut after = None;
        loop {
            let rooms = self.inner.store.rooms_to_erase(user, after, ROOMS).await?;
            let Some(last) = rooms.last() else { break };
            after = Some(*last);
            for room in rooms {
                self.erase_from(room, user).await?;
            }
        }
        self.forget_sessions_of(user).await?;
        while self.delete_gone_files().await? {}
        Ok(())
    }

    async fn erase_from(&self, room: RoomId, user: &UserId) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let erase = Erase { room, user: user.clone(), after, at: self.clock().now() };
            let erased = match self.inner.store.erase(erase).await {
                Err(StoreError::NotFound) => return Ok(()),
                erased => erased?,
            };
            self.tell_erased(room, user, &erased).await;
            let Some(more) = erased.more else { return Ok(()) };
            after = more;
        }
    }

    async fn tell_erased(&self, room: RoomId, user: &UserId, erased: &Erased) {
        if let Some(version) = erased.left {
            self.end_typing(room, user);
            self.announce(room, version, vec![Change::Left { user: user.clone() }]);
        }
        if let Some(first) = erased.deleted.first() {
            self.tell_deleted(room, first.versions.deleted, &erased.deleted).await;
        }
        if let Some(first) = erased.reacted.first() {
            let changes = erased.reacted.iter();
            let changes = changes.map(|message| Change::Reacted { message: message.clone() });
            self.announce(room, first.versions.reacted, changes.collect());
        }
    }

    /// Ends and forgets a user's sessions. Nodes that still hold one find out for themselves when
    /// it has closed.
    async fn forget_sessions_of(&self, user: &UserId) -> Result<(), Error> {
        loop {
            let now = self.clock().now();
            let forgetting = self.inner.store.forget_user(user, now, SESSIONS);
            let forgotten = self.or_missed(forgetting).await?;
            self.tell_ended(forgotten.ended).await;
            if !forgotten.more {
                return Ok(());
            }
        }
    }
}

//! What the host does in its own name: nobody is asked whether it may.

use serde_json::{Map, Value};

use super::rooms::{each_once, named};
use super::{Chat, Error, OpenedRoom, Problem};
use crate::host::Hint;
use crate::model::{Change, MessageId, RoomId, RoomKind, Signal, UserId};
use crate::rules::{Denial, RoomName};
use crate::store::{DeleteMessage, ManageRoom, NewRoom};

impl Chat {
    /// Makes a room of any kind but direct in the name of the host, with whatever the host wants to
    /// keep beside it. It has no creator, so only the host can manage it. Whenever this is called
    /// another room is made: who may have to try again keeps the id beside what the room is for.
    ///
    /// # Errors
    /// [`Error::Denied`] where the kind is direct, [`Error::Invalid`] for the name (`name`) and where
    /// a member is unknown or there are too many (`members`), [`Error::Unavailable`].
    pub async fn create_room(
        &self,
        kind: RoomKind,
        name: impl TryInto<RoomName, Error: Into<Problem>>,
        members: Vec<UserId>,
        metadata: Map<String, Value>,
    ) -> Result<RoomId, Error> {
        let (name, members) = (Some(named(name)?), each_once(members));
        if kind == RoomKind::Direct {
            return Err(Error::Denied(Denial::WrongKind));
        }
        self.know(&members).await?;
        let at = self.clock().now();
        let (creator, member_limit) = (None, self.config().members_per_room);
        let new = NewRoom { kind, name, creator, members, member_limit, metadata, at };
        self.make_room(new).await
    }

    /// The direct room of two users, made unless it stands, in the name of the host: no hook is
    /// asked. Who is named first is its creator. Metadata goes into a room that is made now; into one
    /// that stands [`Chat::set_metadata`] puts it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the same user twice ([`Problem::Oneself`]) and where one is unknown
    /// (`members`), [`Error::Unavailable`].
    pub async fn direct_room(
        &self,
        first: impl TryInto<UserId>,
        second: impl TryInto<UserId>,
        metadata: Map<String, Value>,
    ) -> Result<OpenedRoom, Error> {
        let unknown = || Error::invalid("members", Problem::UnknownUser(String::new()));
        let (Ok(first), Ok(second)) = (first.try_into(), second.try_into()) else {
            return Err(unknown());
        };
        if first == second {
            return Err(Error::invalid("members", Problem::Oneself));
        }
        self.know(&[first.clone(), second.clone()]).await?;
        self.open_direct_room(first, second, metadata).await
    }

    /// Gives a room of any kind but direct another name, in the name of the host.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] where the room is direct, [`Error::Invalid`] for the
    /// name (`name`), [`Error::Unavailable`].
    pub async fn rename_room(
        &self,
        room: RoomId,
        name: impl TryInto<RoomName, Error: Into<Problem>>,
    ) -> Result<(), Error> {
        let name = Some(named(name)?);
        self.manage(ManageRoom { name, ..self.change(room) }).await
    }

    /// Makes a room of any kind inactive, so that it takes no messages and is left out of lists, or
    /// active again, in the name of the host.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn set_active(&self, room: RoomId, active: bool) -> Result<(), Error> {
        self.manage(ManageRoom { active: Some(active), ..self.change(room) }).await
    }

    /// Puts other metadata in the place of what the host keeps beside a room of any kind. Whoever
    /// reads the room next sees it; open sockets are not told.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn set_metadata(
        &self,
        room: RoomId,
        metadata: Map<String, Value>,
    ) -> Result<(), Error> {
        self.manage(ManageRoom { metadata: Some(metadata), ..self.change(room) }).await
    }

    /// Makes users members of a room of any kind but direct, in the name of the host. Who is one
    /// already stays one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] where the room is direct, [`Error::Invalid`] where
    /// somebody is unknown or the room is full (`members`), [`Error::Unavailable`].
    pub async fn add_members(&self, room: RoomId, users: Vec<UserId>) -> Result<(), Error> {
        let users = each_once(users);
        self.know(&users).await?;
        self.manage(ManageRoom { add: users, ..self.change(room) }).await
    }

    /// A change of nothing that the host wants, now.
    fn change(&self, room: RoomId) -> ManageRoom {
        ManageRoom::nothing(room, None, self.clock().now())
    }

    /// Ends a user's membership in a room of any kind, in the name of the host. Their sockets there
    /// are closed 4403 on every node, and no message's status changes. Returns whether the user was
    /// a member. Out of a direct room somebody is for good: one stands for each pair, and nobody joins
    /// it again.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such room, [`Error::Unavailable`].
    pub async fn remove_member(&self, room: RoomId, user: &UserId) -> Result<bool, Error> {
        let left = self.inner.store.remove_member(room, user, self.clock().now()).await?;
        let Some(left) = left else { return Ok(false) };
        self.announce(room, left.version, vec![Change::Left { user: user.clone() }]);
        Ok(true)
    }

    /// Deletes anybody's message in the name of the host, and its file after it. Everybody is told
    /// as if the sender had deleted it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such message in the room, [`Error::Denied`] where it is
    /// deleted already, [`Error::Unavailable`].
    pub async fn delete_message(&self, room: RoomId, message: MessageId) -> Result<(), Error> {
        let delete = DeleteMessage { room, message, by: None, at: self.clock().now() };
        let (message, attachment) = self.inner.store.delete(delete).await?;
        self.finish_deletion(message, attachment).await;
        Ok(())
    }

    /// Signs a user out: closes their open sockets 4401, on every node, as at the end of a sign-in.
    /// Whether they may come back is for the authenticator and the directory to say, who should
    /// know of it before.
    ///
    /// Other nodes are told over the bus. Where it loses that, sockets there end with their sign-in
    /// ([`Identity::expires_at`](crate::host::Identity::expires_at)).
    pub fn sign_out(&self, user: &UserId) {
        let signal = Signal::SignedOut { user: user.clone() };
        self.signal(signal, Hint::SignedOut(user.clone()));
    }
}

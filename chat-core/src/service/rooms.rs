//! Rooms: make, list, look, join, leave, count.

use std::collections::HashSet;
use std::iter;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Actor, Chat, Error, Problem};
use crate::host::{Hint, Invitation, RoomDraft};
use crate::model::{
    Change, Cursor, Event, Page, RoomEvent, RoomId, RoomKind, RoomSummary, Signal, Slice,
    Timestamp, UserId,
};
use crate::rules::{Access, Action, Denial, Guarded, RoomName, Standing, admit};
use crate::store::{
    ManageRoom, NewDirectRoom, NewRoom, RoomOrder, RoomQuery, RoomStats, StatsQuery, StoreError,
};

/// A page of rooms.
pub type RoomList = Page<RoomSummary>;

/// A room that was made, or stood already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedRoom {
    /// The room.
    pub id: RoomId,
    /// Whether it was made now.
    pub created: bool,
}

impl Actor {
    /// The direct room with another user, made unless it stands; then the host is not asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] for oneself ([`Problem::Oneself`]), for an unknown user
    /// ([`Problem::UnknownUser`]) and where the host refuses; [`Error::Unavailable`].
    pub async fn direct_room(&self, other: impl TryInto<UserId>) -> Result<OpenedRoom, Error> {
        let me = self.user().await?;
        let unknown = |id: String| Error::invalid("user_id", Problem::UnknownUser(id));
        let other = other.try_into().map_err(|_| unknown(String::new()))?;
        if other == me.id {
            return Err(Error::invalid("user_id", Problem::Oneself));
        }
        if self.chat().user(&other).await?.is_none() {
            return Err(unknown(other.to_string()));
        }
        let inner = &self.chat().inner;
        if inner.has_hooks {
            // Where it stands, nobody is brought into it.
            if let Some(id) = inner.store.direct_room_of(&me.id, &other).await? {
                return Ok(OpenedRoom { id, created: false });
            }
            let (room, room_kind) = (None, RoomKind::Direct);
            let users = std::slice::from_ref(&other);
            let invitation = Invitation { room, room_kind, users, by: &me };
            let allowed = inner.hooks.before_add(invitation).await;
            allowed.map_err(|refusal| Error::refused("user_id", refusal))?;
        }
        self.chat().open_direct_room(me.id.clone(), other, Map::new()).await
    }

    /// Makes a room of any kind but direct, with the actor as its first member.
    ///
    /// # Errors
    /// [`Error::Denied`] where the kind is direct, [`Error::Invalid`] for the name (`name`) and where
    /// a member is unknown or there are too many (`members`), and where the host refuses either;
    /// [`Error::Unavailable`].
    pub async fn create_room(
        &self,
        kind: RoomKind,
        name: impl TryInto<RoomName, Error: Into<Problem>>,
        members: Vec<UserId>,
    ) -> Result<RoomId, Error> {
        let (name, members) = (named(name)?, each_once(members));
        if kind == RoomKind::Direct {
            return Err(Error::Denied(Denial::WrongKind));
        }
        let me = self.user().await?;
        self.may_name(None, kind, &name).await?;
        self.may_add(None, kind, &members).await?;
        let at = self.chat().clock().now();
        let creator = Some(me.id.clone());
        let (name, metadata) = (Some(name), Map::new());
        let member_limit = self.chat().config().members_per_room;
        let new = NewRoom { kind, name, creator, members, member_limit, metadata, at };
        self.chat().make_room(new).await
    }

    /// A room with its members, last message and the actor's unread count.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn room(&self, room: RoomId) -> Result<RoomSummary, Error> {
        let found = self.chat().inner.store.room(Some(&self.caller()?), room).await?;
        self.permit(found.ok_or(Error::NotFound)?, Action::View)
    }

    /// A page of the actor's active rooms.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn rooms(&self, order: RoomOrder, slice: Slice) -> Result<RoomList, Error> {
        let query = RoomQuery { by: self.caller()?, order, slice };
        Ok(self.chat().inner.store.rooms(query).await?)
    }

    /// Checks that the actor may do something in a room, and says what the room is to them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn may(&self, action: Action, room: RoomId) -> Result<Access, Error> {
        let access = self.chat().inner.store.access(&self.caller()?, room).await?;
        let access = access.ok_or(Error::NotFound)?;
        self.permit(Guarded::new(access, access), action)
    }

    /// Gives a room of the actor's another name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Invalid`] for the name (`name`), which the
    /// host may refuse; [`Error::Unavailable`].
    pub async fn rename_room(
        &self,
        room: RoomId,
        name: impl TryInto<RoomName, Error: Into<Problem>>,
    ) -> Result<(), Error> {
        let name = Some(named(name)?);
        self.manage_room(ManageRoom { name, ..self.change(room)? }).await
    }

    /// Makes a room of the actor's inactive, so that it takes no messages and is left out of lists,
    /// or active again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn set_active(&self, room: RoomId, active: bool) -> Result<(), Error> {
        self.manage_room(ManageRoom { active: Some(active), ..self.change(room)? }).await
    }

    /// Makes users members of a room of the actor's. Who is one already stays one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Invalid`] where somebody is unknown, the host
    /// refuses them or the room is full (`members`); [`Error::Unavailable`].
    pub async fn add_members(&self, room: RoomId, users: Vec<UserId>) -> Result<(), Error> {
        self.manage_room(ManageRoom { add: users, ..self.change(room)? }).await
    }

    /// A change of nothing that the actor asks for, now.
    pub(crate) fn change(&self, room: RoomId) -> Result<ManageRoom, Error> {
        Ok(ManageRoom::nothing(room, Some(self.caller()?), self.chat().clock().now()))
    }

    /// Changes several things of a room at once.
    pub(crate) async fn manage_room(&self, change: ManageRoom) -> Result<(), Error> {
        let change = ManageRoom { add: each_once(change.add), ..change };
        let room = change.room;
        let kind = self.may(change.action(), room).await?.kind;
        if let Some(name) = &change.name {
            self.may_name(Some(room), kind, name).await?;
        }
        self.may_add(Some(room), kind, &change.add).await?;
        self.chat().manage(change).await
    }

    /// Becomes a member of a public room. Being one already succeeds.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Invalid`] where the host refuses or the room
    /// is full, [`Error::Unavailable`].
    pub async fn join(&self, room: RoomId) -> Result<(), Error> {
        let user = self.user().await?;
        if self.chat().inner.has_hooks {
            let access = self.may(Action::Join, room).await?;
            if access.standing == Standing::Stranger {
                let allowed = self.chat().inner.hooks.before_join(room, &user).await;
                allowed.map_err(|refusal| Error::refused("", refusal))?;
            }
        }
        let user = user.id.clone();
        let (limit, at) = (self.chat().config().members_per_room, self.chat().clock().now());
        let joined = self.chat().inner.store.join_room(&self.caller()?, room, limit, at).await?;
        if let Some(version) = joined {
            self.chat().announce(room, version, vec![Change::Joined { user }]);
        }
        Ok(())
    }

    /// Stops being a member.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn leave(&self, room: RoomId) -> Result<(), Error> {
        let at = self.chat().clock().now();
        let caller = self.caller()?;
        let left = self.chat().inner.store.leave_room(&caller, room, at).await?;
        self.chat().announce(room, left.version, vec![Change::Left { user: caller.user }]);
        Ok(())
    }

    /// How many messages of others the actor has not read, in all of their active rooms: for a badge.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unread(&self) -> Result<u64, Error> {
        Ok(self.chat().inner.store.unread(&self.caller()?).await?)
    }

    /// Counts the actor's rooms and their messages of the last 24 hours; with a room given, that
    /// room alone.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; with a room, [`Error::NotFound`] and [`Error::Denied`].
    pub async fn stats(&self, room: Option<RoomId>) -> Result<RoomStats, Error> {
        if let Some(room) = room {
            self.may(Action::View, room).await?;
        }
        let now: Timestamp = self.chat().clock().now();
        let since = now.before(Duration::from_hours(24));
        let query = StatsQuery { by: self.caller()?, room, since, today: now.start_of_day() };
        Ok(self.chat().inner.store.stats(query).await?)
    }

    /// Asks each open socket of a room, on every node, to tell its client about itself.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn check_health(&self, room: RoomId) -> Result<(), Error> {
        self.may(Action::CheckHealth, room).await?;
        self.chat().signal(Signal::HealthCheck { room }, Hint::HealthCheck(room));
        Ok(())
    }

    /// The same in every active room of the actor; returns how many rooms that were.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn check_health_everywhere(&self) -> Result<u64, Error> {
        let mut asked = 0;
        loop {
            let rooms = self.rooms(RoomOrder::Id, Slice { skip: asked, take: 100 }).await?;
            for summary in &rooms.items {
                let room = summary.room.id;
                self.chat().signal(Signal::HealthCheck { room }, Hint::HealthCheck(room));
            }
            asked += rooms.items.len() as u64;
            if asked >= rooms.count || rooms.items.is_empty() {
                return Ok(asked);
            }
        }
    }

    async fn may_name(
        &self,
        room: Option<RoomId>,
        room_kind: RoomKind,
        name: &RoomName,
    ) -> Result<(), Error> {
        let by = &*self.user().await?;
        let draft = RoomDraft { room, room_kind, name, by };
        let allowed = self.chat().inner.hooks.before_room(draft).await;
        allowed.map_err(|refusal| Error::refused("name", refusal))
    }

    /// Whether the actor may make members of users, of whom none comes twice.
    async fn may_add(
        &self,
        room: Option<RoomId>,
        room_kind: RoomKind,
        users: &[UserId],
    ) -> Result<(), Error> {
        if users.is_empty() {
            return Ok(());
        }
        // Before anybody is asked about so many.
        let limit = self.chat().config().members_per_room;
        admit(0, users.len(), limit).map_err(StoreError::from)?;
        self.chat().know(users).await?;
        let by = &*self.user().await?;
        let invitation = Invitation { room, room_kind, users, by };
        let allowed = self.chat().inner.hooks.before_add(invitation).await;
        allowed.map_err(|refusal| Error::refused("members", refusal))
    }
}

/// Users without repetitions, in their order.
pub(super) fn each_once(mut users: Vec<UserId>) -> Vec<UserId> {
    let mut seen = HashSet::new();
    users.retain(|user| seen.insert(user.clone()));
    users
}

/// A name, or what is wrong with it.
pub(super) fn named(name: impl TryInto<RoomName, Error: Into<Problem>>) -> Result<RoomName, Error> {
    name.try_into().map_err(|problem| Error::invalid("name", problem.into()))
}

impl Chat {
    /// Refuses users that the directory does not know.
    pub(super) async fn know(&self, users: &[UserId]) -> Result<(), Error> {
        if users.is_empty() {
            return Ok(());
        }
        let known = self.inner.directory.users(users).await?;
        match users.iter().find(|id| !known.contains_key(*id)) {
            Some(unknown) => {
                Err(Error::invalid("members", Problem::UnknownUser(unknown.to_string())))
            }
            None => Ok(()),
        }
    }

    pub(super) async fn open_direct_room(
        &self,
        first: UserId,
        second: UserId,
        metadata: Map<String, Value>,
    ) -> Result<OpenedRoom, Error> {
        let members = [first.clone(), second.clone()];
        let new = NewDirectRoom { first, second, metadata, at: self.clock().now() };
        let (id, created) = self.inner.store.direct_room(new).await?;
        if created {
            let [first, _] = &members;
            self.tell_made(id, Some(first.clone()), members.to_vec());
        }
        Ok(OpenedRoom { id, created })
    }

    pub(super) async fn make_room(&self, new: NewRoom) -> Result<RoomId, Error> {
        let by = new.creator.clone();
        let members = each_once(by.iter().chain(&new.members).cloned().collect());
        let room = self.inner.store.create_room(new).await?;
        self.tell_made(room, by, members);
        Ok(room)
    }

    /// Tells this node of a room that was made. Nobody can be connected to it elsewhere.
    fn tell_made(&self, room: RoomId, by: Option<UserId>, members: Vec<UserId>) {
        let joined = members.into_iter().map(|user| Change::Joined { user });
        let changes = iter::once(Change::Made { by }).chain(joined).collect();
        self.tell(&Event::Room(RoomEvent { room, reached: Cursor::version(1), changes }));
    }

    pub(super) async fn manage(&self, change: ManageRoom) -> Result<(), Error> {
        let (room, member_limit) = (change.room, self.config().members_per_room);
        let change = ManageRoom { member_limit, ..change };
        let changed = self.inner.store.manage_room(change).await?;
        if let Some(version) = changed.settings {
            self.announce(room, version, vec![Change::Settings]);
        }
        if let Some((users, version)) = changed.joined {
            let joined = users.into_iter().map(|user| Change::Joined { user }).collect();
            self.announce(room, version, joined);
        }
        Ok(())
    }
}

//! The fixture of the store's tests: a store, a clock that only ticks, and short names for calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chat_core::model::{
    Attachment, Cursor, Kinds, Member, Membership, Message, MessageId, MessageKind, NodeId, Page,
    Room, RoomId, RoomKind, RoomSummary, Seq, Session, SessionId, Slice, Timestamp, UserId,
    Version,
};
use chat_core::rules::{Action, Caller, Content, Denial, Emoji, RoomFull, RoomName};
use chat_core::store::{
    Added, Anchor, Changed, DeleteMessage, EditMessage, Erase, Erased, HistoryQuery, ManageRoom,
    Mark, Marked, NewDirectRoom, NewMessage, NewRoom, Once, React, ReceiptKind, Store, StoreError,
    StoreResult, Targets,
};
use serde_json::Map;

/// How many members a room may have where a test is about something else.
pub(crate) const LIMIT: usize = 1_000;

/// A store and a clock of its own, which moves on by a second whenever it is read.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    seconds: AtomicI64,
}

/// Everything that a room holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Everything {
    pub(crate) room: Room,
    /// Present and former members, by the version of their coming or going.
    pub(crate) members: Vec<Membership>,
    /// Those who are present, with what they have read and received.
    pub(crate) present: Vec<Member>,
    /// By `seq`.
    pub(crate) messages: Vec<Message>,
}

/// A [`StoreError`] that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    Denied(Denial),
    KeyReused,
    BadReply,
    Limit,
    Full(RoomFull),
}

impl World {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, seconds: AtomicI64::new(0) }
    }

    /// The next second.
    pub(crate) fn now(&self) -> Timestamp {
        at(self.seconds.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) async fn direct(&self, first: u64, second: u64) -> RoomId {
        let new = NewDirectRoom {
            first: user(first),
            second: user(second),
            metadata: Map::new(),
            at: self.now(),
        };
        self.store.direct_room(new).await.unwrap().0
    }

    /// A group; the first member is the creator.
    pub(crate) async fn group<const N: usize>(&self, members: [u64; N]) -> RoomId {
        self.store.create_room(self.new_room(RoomKind::Group, &members)).await.unwrap()
    }

    /// A public room; the first member is the creator.
    pub(crate) async fn public<const N: usize>(&self, members: [u64; N]) -> RoomId {
        self.store.create_room(self.new_room(RoomKind::Public, &members)).await.unwrap()
    }

    /// A room of any kind; the first member is the creator.
    pub(crate) async fn room_of(&self, kind: RoomKind, members: &[u64]) -> RoomId {
        match (kind, members) {
            (RoomKind::Direct, [first, second, ..]) => self.direct(*first, *second).await,
            _ => self.store.create_room(self.new_room(kind, members)).await.unwrap(),
        }
    }

    pub(crate) fn new_room(&self, kind: RoomKind, members: &[u64]) -> NewRoom {
        NewRoom {
            kind,
            name: None,
            creator: members.first().copied().map(user),
            members: members.iter().skip(1).copied().map(user).collect(),
            member_limit: LIMIT,
            metadata: Map::new(),
            at: self.now(),
        }
    }

    /// A text message, to be changed by struct update where a test needs more.
    pub(crate) fn text(&self, room: RoomId, by: u64, text: &str) -> NewMessage {
        NewMessage {
            room,
            by: caller(by).into(),
            kind: MessageKind::Text,
            content: content(text),
            attachment: None,
            reply_to: None,
            once: None,
            at: self.now(),
        }
    }

    pub(crate) async fn send(&self, new: NewMessage) -> Arc<Message> {
        let sent = self.store.send(new).await.unwrap();
        assert!(!sent.repeated, "a first send is no repetition");
        sent.message
    }

    pub(crate) async fn say(&self, room: RoomId, by: u64, text: &str) -> Arc<Message> {
        self.send(self.text(room, by, text)).await
    }

    /// A note of the host's.
    pub(crate) async fn note(&self, room: RoomId, by: u64, text: &str) -> Arc<Message> {
        self.send(NewMessage { kind: MessageKind::System, ..self.text(room, by, text) }).await
    }

    pub(crate) async fn edit(
        &self,
        room: RoomId,
        by: u64,
        message: MessageId,
        text: &str,
    ) -> StoreResult<Arc<Message>> {
        let edit =
            EditMessage { room, message, by: caller(by), content: content(text), at: self.now() };
        self.store.edit(edit).await
    }

    pub(crate) async fn delete(
        &self,
        room: RoomId,
        by: u64,
        message: MessageId,
    ) -> StoreResult<(Arc<Message>, Option<Attachment>)> {
        self.store
            .delete(DeleteMessage { room, message, by: Some(caller(by)), at: self.now() })
            .await
    }

    /// Adds an emoji; with a minus sign before it, takes it away.
    pub(crate) async fn react(
        &self,
        room: RoomId,
        by: u64,
        message: MessageId,
        emoji: &str,
    ) -> StoreResult<(Arc<Message>, bool)> {
        let (add, emoji) = match emoji.strip_prefix('-') {
            Some(emoji) => (false, emoji),
            None => (true, emoji),
        };
        let emoji = Emoji::parse(emoji).unwrap();
        self.store.react(React { room, message, by: caller(by), emoji, add }).await
    }

    pub(crate) async fn mark(
        &self,
        room: RoomId,
        by: u64,
        kind: ReceiptKind,
        targets: Targets,
    ) -> StoreResult<Marked> {
        self.store.mark(Mark { room, by: caller(by), kind, targets, at: self.now() }).await
    }

    pub(crate) async fn read(&self, room: RoomId, by: u64, message: &Message) -> Marked {
        self.mark(room, by, ReceiptKind::Read, Targets::Message(message.id)).await.unwrap()
    }

    pub(crate) async fn receive(&self, room: RoomId, by: u64, message: &Message) -> Marked {
        self.mark(room, by, ReceiptKind::Delivered, Targets::Message(message.id)).await.unwrap()
    }

    pub(crate) async fn read_all(&self, room: RoomId, by: u64) -> Marked {
        self.mark(room, by, ReceiptKind::Read, Targets::All).await.unwrap()
    }

    pub(crate) async fn receive_all(&self, room: RoomId, by: u64) -> Marked {
        self.mark(room, by, ReceiptKind::Delivered, Targets::All).await.unwrap()
    }

    /// A change of nothing, to be changed by struct update.
    pub(crate) fn manage(&self, room: RoomId, by: u64) -> ManageRoom {
        ManageRoom::nothing(room, Some(caller(by)), self.now())
    }

    pub(crate) async fn set_active(&self, room: RoomId, by: u64, active: bool) -> Added {
        let change = ManageRoom { active: Some(active), ..self.manage(room, by) };
        self.store.manage_room(change).await.unwrap()
    }

    /// Adds users and returns the version of their joining.
    pub(crate) async fn add<const N: usize>(
        &self,
        room: RoomId,
        by: u64,
        users: [u64; N],
    ) -> Option<Version> {
        let change = ManageRoom { add: users.map(user).into(), ..self.manage(room, by) };
        self.store.manage_room(change).await.unwrap().joined.map(|(_, version)| version)
    }

    pub(crate) async fn leave(&self, room: RoomId, by: u64) -> Version {
        self.store.leave_room(&caller(by), room, self.now()).await.unwrap().version
    }

    pub(crate) async fn remove(&self, room: RoomId, member: u64) -> Option<Version> {
        let left = self.store.remove_member(room, &user(member), self.now()).await.unwrap();
        left.map(|left| left.version)
    }

    /// Erases a user from a room, and returns all steps of it.
    pub(crate) async fn erase(&self, room: RoomId, erased: u64) -> Vec<Erased> {
        self.erase_user(room, &user(erased)).await
    }

    pub(crate) async fn erase_user(&self, room: RoomId, user: &UserId) -> Vec<Erased> {
        let (mut steps, mut after) = (Vec::new(), Some(0));
        while let Some(from) = after {
            let erase = Erase { room, user: user.clone(), after: from, at: self.now() };
            let step = self.store.erase(erase).await.unwrap();
            after = step.more;
            assert!(after.is_none_or(|after| after > from || step.left.is_some()));
            steps.push(step);
        }
        steps
    }

    /// The room as a member sees it.
    pub(crate) async fn summary(&self, room: RoomId, by: u64) -> RoomSummary {
        let guarded = self.store.room(Some(&caller(by)), room).await.unwrap().unwrap();
        guarded.permit(Action::View).unwrap()
    }

    pub(crate) async fn unread(&self, room: RoomId, by: u64) -> u64 {
        self.summary(room, by).await.unread
    }

    /// A present member's row.
    pub(crate) async fn member(&self, room: RoomId, member: u64) -> Member {
        let members = self.present(room).await;
        let found = members.into_iter().find(|row| row.user == user(member));
        found.expect("the user is a member")
    }

    /// The joining or leaving of somebody who is or was a member.
    pub(crate) async fn membership(&self, room: RoomId, member: u64) -> Membership {
        let members = self.everything(room).await.members;
        let found = members.into_iter().find(|row| row.user == user(member));
        found.expect("the user is or was a member")
    }

    async fn present(&self, room: RoomId) -> Vec<Member> {
        let found = self.store.members(&[room]).await.unwrap().pop();
        found.map_or_else(Vec::new, |(_, members)| members)
    }

    pub(crate) async fn version(&self, room: RoomId) -> Version {
        let versions = self.store.versions(&[room]).await.unwrap();
        assert_eq!(versions.len(), 1);
        versions[0].1
    }

    /// A message as it is now, as a member sees it.
    pub(crate) async fn message(&self, by: u64, message: MessageId) -> Arc<Message> {
        let guarded = self.store.message(Some(&caller(by)), None, message).await.unwrap().unwrap();
        guarded.permit(Action::ReadHistory).unwrap()
    }

    /// A page as a member reads it.
    pub(crate) async fn history(
        &self,
        room: RoomId,
        by: u64,
        anchor: Anchor,
        slice: Slice,
        deleted: bool,
    ) -> Page<Arc<Message>> {
        let query = HistoryQuery { room, by: Some(caller(by)), anchor, slice, deleted };
        let guarded = self.store.history(query).await.unwrap().unwrap();
        guarded.permit(Action::ReadHistory).unwrap()
    }

    /// All that the room holds, whoever is in it.
    pub(crate) async fn everything(&self, room: RoomId) -> Everything {
        let all = self.store.changes(room, Cursor::version(0), usize::MAX >> 1).await.unwrap();
        assert_eq!(all.more, None, "all was asked for at once");
        Everything::new(all.room, self.present(room).await, all.items)
    }

    /// Why a call is refused, having made sure that it changed nothing in the room.
    pub(crate) async fn refuses<T>(
        &self,
        room: RoomId,
        call: impl Future<Output = StoreResult<T>>,
    ) -> Refusal {
        let before = self.everything(room).await;
        let refusal = refusal(call.await);
        assert_eq!(self.everything(room).await, before, "{refusal:?}, but something changed");
        refusal
    }
}

impl Everything {
    fn new(room: Room, present: Vec<Member>, items: Vec<Changed>) -> Self {
        let (mut members, mut messages) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Changed::Member(member) => members.push(member),
                Changed::Message(message) => messages.push(Arc::unwrap_or_clone(message)),
            }
        }
        messages.sort_by_key(|message| message.seq);
        Self { room, members, present, messages }
    }
}

/// Why a call was refused.
#[track_caller]
pub(crate) fn refusal<T>(result: StoreResult<T>) -> Refusal {
    match result {
        Ok(_) => panic!("the call was not refused"),
        Err(error) => refusal_of(error),
    }
}

/// What an error means; a failure of the store is no refusal.
#[track_caller]
pub(crate) fn refusal_of(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound => Refusal::NotFound,
        StoreError::Denied(denial) => Refusal::Denied(denial),
        StoreError::KeyReused => Refusal::KeyReused,
        StoreError::BadReply => Refusal::BadReply,
        StoreError::Limit(_) => Refusal::Limit,
        StoreError::Full(full) => Refusal::Full(full),
        failure => panic!("the store failed: {failure:?}"),
    }
}

/// A moment this many seconds after the fixture's beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

pub(crate) fn user(id: u64) -> UserId {
    id.into()
}

pub(crate) fn users<const N: usize>(ids: [u64; N]) -> Vec<UserId> {
    ids.map(user).into()
}

/// A user to whom all kinds of room are shown.
pub(crate) fn caller(id: u64) -> Caller {
    Caller { user: user(id), kinds: Kinds::ALL }
}

pub(crate) fn caller_of(id: u64, kinds: Kinds) -> Caller {
    Caller { user: user(id), kinds }
}

pub(crate) fn content(text: &str) -> Content {
    Content::parse(text, 10_000).unwrap()
}

pub(crate) fn name(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

pub(crate) fn once(key: u8, content: u8) -> Once {
    Once { key: [key; 16], content: [content; 16] }
}

pub(crate) fn attachment(name: &str) -> Attachment {
    Attachment {
        key: format!("files/{name}"),
        name: name.to_owned(),
        content_type: "image/png".to_owned(),
        size: (1 << 40) + 1,
    }
}

/// A session of a node, open for a minute from `connected` on.
pub(crate) fn session(by: u64, room: RoomId, node: NodeId, connected: i64) -> Session {
    Session {
        id: SessionId::random(),
        user: user(by),
        room,
        node,
        connected_at: at(connected),
        last_seen: at(connected),
        lease_until: at(connected + 60),
        closed_at: None,
        user_agent: None,
        ip_address: None,
    }
}

/// An id that no room of a test has.
pub(crate) fn no_room() -> RoomId {
    RoomId::new((1 << 48) - 1).unwrap()
}

/// An id that no message of a test has.
pub(crate) fn no_message() -> MessageId {
    MessageId::new((1 << 48) - 1).unwrap()
}

pub(crate) fn seqs<'a>(messages: impl IntoIterator<Item = &'a Arc<Message>>) -> Vec<Seq> {
    messages.into_iter().map(|message| message.seq).collect()
}

pub(crate) fn member_ids(members: &[Member]) -> Vec<UserId> {
    members.iter().map(|member| member.user.clone()).collect()
}

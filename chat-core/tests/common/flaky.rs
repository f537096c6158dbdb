//! A store that can be taken down, is late on demand, and counts how often it is called.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use chat_core::model::{
    Attachment, Cursor, Member, Message, MessageId, NodeId, Page, Presence, RoomId, RoomSummary,
    Session, SessionId, Timestamp, UserId, Version,
};
use chat_core::rules::{Access, Caller, Guarded};
use chat_core::store::{
    Added, Attendance, Changes, DeleteMessage, EditMessage, Erase, Erased, ErasureStore,
    ForgottenUser, HistoryQuery, Left, ManageRoom, Mark, Marked, MessageSearch, MessageStore,
    NewDirectRoom, NewMessage, NewRoom, Once, React, ReceiptStore, RoomCandidate, RoomQuery,
    RoomStats, RoomStore, SearchStore, Sent, SessionStore, StatsQuery, StoreError, StoreResult,
};
use chat_store_memory::MemoryStore;

/// The store in memory, which answers nothing while it is down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flaky {
    inner: MemoryStore,
    down: Arc<AtomicBool>,
    late: Arc<AtomicBool>,
    mute: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
}

impl Flaky {
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Whether sessions and presence are answered only later, though at once stored or looked up.
    pub(crate) fn set_late(&self, late: bool) {
        self.late.store(late, Ordering::Relaxed);
    }

    /// Whether it opens and ends sessions and deletes messages, but its answers are lost.
    pub(crate) fn set_mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::Relaxed);
    }

    fn said<T>(&self, answer: StoreResult<T>) -> StoreResult<T> {
        if self.mute.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("its answer was lost".into()));
        }
        answer
    }

    /// To be polled again by hand.
    async fn answered<T>(&self, answer: T) -> T {
        poll_fn(
            |_| if self.late.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(()) },
        )
        .await;
        answer
    }

    /// How often it was called since this was last asked.
    pub(crate) fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }

    fn up(&self) -> StoreResult<&MemoryStore> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("it was taken down".into()));
        }
        Ok(&self.inner)
    }
}

#[async_trait]
impl RoomStore for Flaky {
    async fn create_room(&self, new: NewRoom) -> StoreResult<RoomId> {
        self.up()?.create_room(new).await
    }

    async fn direct_room(&self, new: NewDirectRoom) -> StoreResult<(RoomId, bool)> {
        self.up()?.direct_room(new).await
    }

    async fn direct_room_of(&self, first: &UserId, second: &UserId) -> StoreResult<Option<RoomId>> {
        self.up()?.direct_room_of(first, second).await
    }

    async fn access(&self, by: &Caller, room: RoomId) -> StoreResult<Option<Access>> {
        self.up()?.access(by, room).await
    }

    async fn summaries(
        &self,
        by: Option<&Caller>,
        rooms: &[RoomId],
    ) -> StoreResult<Vec<Guarded<RoomSummary>>> {
        self.up()?.summaries(by, rooms).await
    }

    async fn rooms(&self, query: RoomQuery) -> StoreResult<Page<RoomSummary>> {
        self.up()?.rooms(query).await
    }

    async fn all_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomSummary>> {
        self.up()?.all_rooms(after, limit).await
    }

    async fn manage_room(&self, change: ManageRoom) -> StoreResult<Added> {
        self.up()?.manage_room(change).await
    }

    async fn join_room(
        &self,
        by: &Caller,
        room: RoomId,
        member_limit: usize,
        at: Timestamp,
    ) -> StoreResult<Option<Version>> {
        self.up()?.join_room(by, room, member_limit, at).await
    }

    async fn leave_room(&self, by: &Caller, room: RoomId, at: Timestamp) -> StoreResult<Left> {
        self.up()?.leave_room(by, room, at).await
    }

    async fn remove_member(
        &self,
        room: RoomId,
        user: &UserId,
        at: Timestamp,
    ) -> StoreResult<Option<Left>> {
        self.up()?.remove_member(room, user, at).await
    }

    async fn members(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Vec<Member>)>> {
        self.up()?.members(rooms).await
    }

    async fn rooms_of(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        self.up()?.rooms_of(user, after, limit).await
    }

    async fn versions(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, Version)>> {
        self.up()?.versions(rooms).await
    }

    async fn unread(&self, by: &Caller) -> StoreResult<u64> {
        self.up()?.unread(by).await
    }

    async fn stats(&self, query: StatsQuery) -> StoreResult<RoomStats> {
        self.up()?.stats(query).await
    }
}

#[async_trait]
impl MessageStore for Flaky {
    async fn send(&self, new: NewMessage) -> StoreResult<Sent> {
        self.up()?.send(new).await
    }

    async fn sent_before(
        &self,
        room: RoomId,
        sender: &UserId,
        once: Once,
    ) -> StoreResult<Option<Arc<Message>>> {
        self.up()?.sent_before(room, sender, once).await
    }

    async fn edit(&self, edit: EditMessage) -> StoreResult<Arc<Message>> {
        self.up()?.edit(edit).await
    }

    async fn delete(
        &self,
        delete: DeleteMessage,
    ) -> StoreResult<(Arc<Message>, Option<Attachment>)> {
        self.said(self.up()?.delete(delete).await)
    }

    async fn react(&self, react: React) -> StoreResult<(Arc<Message>, bool)> {
        self.up()?.react(react).await
    }

    async fn message(
        &self,
        by: Option<&Caller>,
        room: Option<RoomId>,
        message: MessageId,
    ) -> StoreResult<Option<Guarded<Arc<Message>>>> {
        self.up()?.message(by, room, message).await
    }

    async fn history(
        &self,
        query: HistoryQuery,
    ) -> StoreResult<Option<Guarded<Page<Arc<Message>>>>> {
        self.up()?.history(query).await
    }

    async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> StoreResult<Changes> {
        self.up()?.changes(room, after, limit).await
    }
}

#[async_trait]
impl ReceiptStore for Flaky {
    async fn mark(&self, mark: Mark) -> StoreResult<Marked> {
        self.up()?.mark(mark).await
    }
}

#[async_trait]
impl SearchStore for Flaky {
    async fn search_messages(
        &self,
        search: MessageSearch,
    ) -> StoreResult<Vec<Guarded<Arc<Message>>>> {
        self.up()?.search_messages(search).await
    }

    async fn own_candidates(
        &self,
        query: RoomQuery,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        self.up()?.own_candidates(query, members).await
    }

    async fn public_candidates(
        &self,
        by: &Caller,
        before: Option<RoomId>,
        limit: usize,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        self.up()?.public_candidates(by, before, limit, members).await
    }
}

#[async_trait]
impl SessionStore for Flaky {
    async fn open_session(&self, session: Session) -> StoreResult<Attendance> {
        self.said(self.answered(self.up()?.open_session(session).await).await)
    }

    async fn renew_sessions(
        &self,
        node: NodeId,
        alive: &[(SessionId, Timestamp)],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        self.up()?.renew_sessions(node, alive, now, lease_until).await
    }

    async fn close_session(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<Attendance>> {
        self.answered(self.up()?.close_session(session, now).await).await
    }

    async fn expire_sessions(&self, now: Timestamp) -> StoreResult<Vec<Attendance>> {
        self.said(self.up()?.expire_sessions(now).await)
    }

    async fn presence(&self, users: &[UserId], now: Timestamp) -> StoreResult<Vec<Presence>> {
        self.answered(self.up()?.presence(users, now).await).await
    }

    async fn sessions(
        &self,
        user: &UserId,
        open_at: Option<Timestamp>,
        limit: usize,
    ) -> StoreResult<Vec<Session>> {
        self.up()?.sessions(user, open_at, limit).await
    }

    async fn forget_sessions(
        &self,
        user: &UserId,
        closed_before: Timestamp,
        now: Timestamp,
    ) -> StoreResult<u64> {
        self.up()?.forget_sessions(user, closed_before, now).await
    }

    async fn forget_all_sessions(
        &self,
        closed_before: Timestamp,
        limit: usize,
    ) -> StoreResult<u64> {
        self.up()?.forget_all_sessions(closed_before, limit).await
    }
}

#[async_trait]
impl ErasureStore for Flaky {
    async fn rooms_to_erase(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        self.up()?.rooms_to_erase(user, after, limit).await
    }

    async fn erase(&self, erase: Erase) -> StoreResult<Erased> {
        self.said(self.up()?.erase(erase).await)
    }

    async fn forget_user(
        &self,
        user: &UserId,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<ForgottenUser> {
        self.said(self.up()?.forget_user(user, now, limit).await)
    }

    async fn delete_room(
        &self,
        room: RoomId,
        idle_since: Option<Timestamp>,
    ) -> StoreResult<Option<Version>> {
        self.said(self.up()?.delete_room(room, idle_since).await)
    }

    async fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> StoreResult<bool> {
        self.up()?.sweep_gone_rooms(at, limit).await
    }

    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()> {
        self.up()?.note_gone_files(keys, at).await
    }

    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>> {
        self.up()?.take_gone_files(now, limit).await
    }

    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()> {
        self.up()?.forget_gone_files(keys).await
    }
}

//! Sessions: the open sockets of all nodes, and presence from them.

use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use chat_core::model::{NodeId, Presence, Session, SessionId, Timestamp, UserId};
use chat_core::store::{Attendance, SessionStore, StoreResult};

use crate::MemoryStore;
use crate::attendance::Sessions;

#[async_trait]
impl SessionStore for MemoryStore {
    async fn open_session(&self, session: Session) -> StoreResult<Attendance> {
        Ok(self.sessions_mut().open(session))
    }

    async fn renew_sessions(
        &self,
        node: NodeId,
        alive: &[(SessionId, Timestamp)],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        Ok(self.sessions_mut().renew(node, alive, now, lease_until))
    }

    async fn close_session(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<Attendance>> {
        Ok(self.sessions_mut().close(session, now))
    }

    async fn expire_sessions(&self, now: Timestamp) -> StoreResult<Vec<Attendance>> {
        Ok(self.sessions_mut().expire(now))
    }

    async fn presence(&self, users: &[UserId], now: Timestamp) -> StoreResult<Vec<Presence>> {
        let sessions = self.sessions_ref();
        Ok(users.iter().map(|user| sessions.presence(user, now)).collect())
    }

    async fn sessions(
        &self,
        user: &UserId,
        open_at: Option<Timestamp>,
        limit: usize,
    ) -> StoreResult<Vec<Session>> {
        Ok(self.sessions_ref().list(user, open_at, limit))
    }

    async fn forget_sessions(
        &self,
        user: &UserId,
        closed_before: Timestamp,
        now: Timestamp,
    ) -> StoreResult<u64> {
        Ok(self.sessions_mut().forget(user, closed_before, now))
    }

    async fn forget_all_sessions(
        &self,
        closed_before: Timestamp,
        limit: usize,
    ) -> StoreResult<u64> {
        Ok(self.sessions_mut().forget_all(closed_before, limit))
    }
}

impl MemoryStore {
    fn sessions_ref(&self) -> RwLockReadGuard<'_, Sessions> {
        // Guards all sessions, so that what is read of several users is of one moment.
        self.state.sessions.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sessions_mut(&self) -> RwLockWriteGuard<'_, Sessions> {
        // Guards all sessions, so that of sockets that come and go at once one is the first and
        // one the last.
        self.state.sessions.write().unwrap_or_else(PoisonError::into_inner)
    }
}

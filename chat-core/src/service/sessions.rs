//! A user's sessions, as the user sees them.

use std::time::Duration;

use super::{Actor, Chat, Error};
use crate::model::{Session, UserId};

/// The most sessions that are looked at.
const MOST: usize = 1_000;

/// How long a closed session is kept at least.
const KEPT: Duration = Duration::from_hours(24);

/// How long a closed session is kept whose user never asks for it to be forgotten.
const RETENTION: Duration = Duration::from_hours(30 * 24);

impl Actor {
    /// The actor's open sessions, the newest first, of the newest 1,000.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.chat().open_sessions(self.id()?).await
    }

    /// Forgets the actor's sessions that closed more than 24 hours ago, and returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_old_sessions(&self) -> Result<u64, Error> {
        self.forget_sessions(KEPT).await
    }

    /// Forgets those that closed so long ago that nobody will ask. Where that fails they stay until
    /// the user comes the next time.
    pub(super) async fn forget_ancient_sessions(&self) {
        let _ = self.forget_sessions(RETENTION).await;
    }

    async fn forget_sessions(&self, age: Duration) -> Result<u64, Error> {
        let now = self.chat().clock().now();
        Ok(self.chat().inner.store.forget_sessions(self.id()?, now.before(age), now).await?)
    }
}

impl Chat {
    pub(super) async fn open_sessions(&self, user: &UserId) -> Result<Vec<Session>, Error> {
        let mut sessions = self.inner.store.sessions(user, MOST).await?;
        let now = self.clock().now();
        sessions.retain(|session| session.is_open(now));
        Ok(sessions)
    }
}

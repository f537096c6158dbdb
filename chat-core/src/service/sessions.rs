//! A user's sessions, as the user sees them.

use std::time::Duration;

use super::{Actor, Chat, Error};
use crate::model::{Session, UserId};

/// The most sessions that are looked at.
const MOST: usize = 1_000;

/// How long a closed session is kept at least.
const KEPT: Duration = Duration::from_hours(24);

/// The most sessions that are forgotten at once.
const FORGOTTEN: usize = 1_000;

impl Actor {
    /// The actor's open sessions, the newest 1,000, the newest first.
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
        let now = self.chat().clock().now();
        Ok(self.chat().inner.store.forget_sessions(self.id()?, now.before(KEPT), now).await?)
    }
}

impl Chat {
    pub(super) async fn open_sessions(&self, user: &UserId) -> Result<Vec<Session>, Error> {
        Ok(self.inner.store.sessions(user, Some(self.clock().now()), MOST).await?)
    }

    /// Forgets sessions past [`Config::session_retention`](crate::Config::session_retention), at most
    /// 1,000, and says whether there may be more. To be called when leases are looked at, until there
    /// are none.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_sessions(&self) -> Result<bool, Error> {
        let before = self.clock().now().before(self.config().session_retention);
        let forgotten = self.inner.store.forget_all_sessions(before, FORGOTTEN).await?;
        Ok(forgotten >= FORGOTTEN as u64)
    }
}

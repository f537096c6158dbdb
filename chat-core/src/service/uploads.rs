//! Who uploads files now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Chat, Error};
use crate::model::UserId;

/// When to try again, where a user uploads too many files at once.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Who uploads files on this node now, and how many. Guards the counts, held to change one.
#[derive(Debug, Clone, Default)]
pub(super) struct Uploads(Arc<Mutex<HashMap<UserId, usize>>>);

/// A file that is being uploaded; it counts until this is dropped.
pub(super) struct Uploading {
    uploads: Uploads,
    user: UserId,
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chat {
    /// Counts a file that a user begins to upload.
    ///
    /// # Errors
    /// [`Error::Limited`] where there are [`Config::uploads_per_user`] of them.
    ///
    /// [`Config::uploads_per_user`]: crate::Config::uploads_per_user
    pub(super) fn begin_upload(&self, user: &UserId) -> Result<Uploading, Error> {
        let uploads = self.inner.uploads.clone();
        let mut users = uploads.lock();
        let count = users.get(user).copied().unwrap_or(0);
        if count >= self.config().uploads_per_user {
            return Err(Error::Limited { retry_after: RETRY_AFTER });
        }
        users.insert(user.clone(), count + 1);
        drop(users);
        Ok(Uploading { uploads, user: user.clone() })
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        let mut users = self.uploads.lock();
        match users.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(users.remove(&self.user)),
        }
    }
}

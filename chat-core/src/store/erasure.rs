//! Erasure: what is to be gone for good.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreResult;
use crate::model::Timestamp;

/// How long after it was first taken a file is to be deleted again, unless it was forgotten.
pub const FIRST_FILE_PAUSE: Duration = Duration::from_secs(30);

/// The longest time between two tries to delete a file.
pub const LONGEST_FILE_PAUSE: Duration = Duration::from_hours(6);

/// Erasure: what is to be gone for good.
#[async_trait]
pub trait ErasureStore: Send + Sync + 'static {
    /// Notes files that no message bears, by their keys in the file store: they are to be deleted,
    /// from a moment on. Those of messages that are deleted are noted with the deletion. A file
    /// that is noted already stays as it is.
    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()>;

    /// Takes files that are to be deleted at `now`, those that are due longest first; at most
    /// `limit`.
    ///
    /// # Contract
    /// Of callers at once each file is taken by one. It comes again [`FIRST_FILE_PAUSE`] after it
    /// was taken, and after each further time twice as long, at most [`LONGEST_FILE_PAUSE`], until
    /// it is forgotten.
    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>>;

    /// Forgets files that are deleted; those that are not noted are none.
    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()>;
}

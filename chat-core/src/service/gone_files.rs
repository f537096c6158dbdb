//! Files that no message bears any more: deleted at once where that works, else until it does.

use futures::stream::{self, StreamExt};

use super::{Chat, Error};
use crate::host::FileStore;
use crate::model::Attachment;
use crate::store::NewMessage;

/// The most files that are taken from the store at once.
const TAKEN: usize = 32;

/// How many of them are deleted at a time.
const AT_A_TIME: usize = 8;

impl Chat {
    /// Deletes files that no message bears any more and that could not be deleted at once. One that
    /// cannot be deleted now is tried again after half a minute, then after twice that and so on, up
    /// to six hours. Returns whether there may be more that can be deleted now. To be called about
    /// twice a minute, on any node or on all of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn delete_gone_files(&self) -> Result<bool, Error> {
        let Some(files) = &self.inner.files else { return Ok(false) };
        let taken = self.inner.store.take_gone_files(self.clock().now(), TAKEN).await?;
        let all = taken.len() == TAKEN;
        let deletions = stream::iter(taken).map(|key| self.delete_noted(&**files, key));
        let deleted: Vec<bool> = deletions.buffer_unordered(AT_A_TIME).collect().await;
        Ok(all && deleted.into_iter().all(|deleted| deleted))
    }

    /// Deletes the file of a message of [`Actor::compose`](super::Actor::compose) that the host has
    /// not stored after all: the store has refused it, the host's transaction was rolled back, or
    /// it was a repetition ([`Sent::repeated`](crate::store::Sent::repeated)), whose first message
    /// has a file of its own. Not to be called where the message is stored or may be.
    pub async fn discard(&self, message: NewMessage) {
        if let Some(file) = &message.attachment {
            self.delete_unused_file(file).await;
        }
    }

    /// Deletes the file of a message that is deleted. Where that fails, the store knows of it.
    pub(super) async fn delete_file_of_deleted(&self, attachment: Attachment) {
        if let Some(files) = &self.inner.files {
            self.delete_noted(&**files, attachment.key).await;
        }
    }

    /// Deletes a file that no message has ever borne. Where that fails, the store is told of it.
    pub(super) async fn delete_unused_file(&self, attachment: &Attachment) {
        let Some(files) = &self.inner.files else { return };
        if is_deleted(&**files, &attachment.key).await {
            return;
        }
        let (keys, at) = ([attachment.key.clone()], self.clock().now());
        if let Err(error) = self.inner.store.note_gone_files(&keys, at).await {
            tracing::warn!(key = attachment.key, %error, "a file that is not needed is left over");
        }
    }

    /// Deletes a file of which the store knows; whether that could be done.
    async fn delete_noted(&self, files: &dyn FileStore, key: String) -> bool {
        if !is_deleted(files, &key).await {
            return false;
        }
        // What is not forgotten is deleted again, which does nothing.
        if let Err(error) = self.inner.store.forget_gone_files(&[key]).await {
            tracing::debug!(%error, "a file that was deleted is not forgotten yet");
        }
        true
    }
}

/// Deletes a file; whether that could be done.
async fn is_deleted(files: &dyn FileStore, key: &str) -> bool {
    let deleted = files.delete(key).await;
    if let Err(error) = &deleted {
        tracing::warn!(key, %error, "a file that is not needed could not be deleted; trying again");
    }
    deleted.is_ok()
}

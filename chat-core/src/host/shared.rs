//! What the host shares with others, or chose at run time, is as good as what it gives away: each
//! trait works through an [`Arc`].

#![warn(clippy::missing_trait_methods)]

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{
    AuthError, Authenticator, Bus, Clock, Credentials, Directory, DirectoryError, Draft, FileError,
    FileStore, Hint, Hooks, Identity, Invitation, Pieces, Refusal, RoomDraft, StoredFile,
};
use crate::model::{Event, RoomId, Timestamp, User, UserId};

#[async_trait]
impl<T: Authenticator + ?Sized> Authenticator for Arc<T> {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        (**self).authenticate(credentials).await
    }
}

impl<T: Bus + ?Sized> Bus for Arc<T> {
    fn publish(&self, hint: Hint) {
        (**self).publish(hint);
    }

    fn subscribe(&self) -> BoxStream<'static, Hint> {
        (**self).subscribe()
    }

    fn is_available(&self) -> bool {
        (**self).is_available()
    }
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[async_trait]
impl<T: Directory + ?Sized> Directory for Arc<T> {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        (**self).users(ids).await
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Arc<User>>, DirectoryError> {
        (**self).search(text, limit).await
    }

    async fn search_after(
        &self,
        text: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, DirectoryError> {
        (**self).search_after(text, after, limit).await
    }
}

#[async_trait]
impl<T: FileStore + ?Sized> FileStore for Arc<T> {
    async fn put(&self, key: &str, pieces: Pieces) -> Result<(), FileError> {
        (**self).put(key, pieces).await
    }

    async fn get(&self, key: &str) -> Result<StoredFile, FileError> {
        (**self).get(key).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Pieces, FileError> {
        (**self).get_range(key, range).await
    }

    async fn delete(&self, key: &str) -> Result<(), FileError> {
        (**self).delete(key).await
    }
}

#[async_trait]
impl<T: Hooks + ?Sized> Hooks for Arc<T> {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        (**self).before_send(draft).await
    }

    async fn before_add(&self, invitation: Invitation<'_>) -> Result<(), Refusal> {
        (**self).before_add(invitation).await
    }

    async fn before_join(&self, room: RoomId, user: &User) -> Result<(), Refusal> {
        (**self).before_join(room, user).await
    }

    async fn before_room(&self, draft: RoomDraft<'_>) -> Result<(), Refusal> {
        (**self).before_room(draft).await
    }

    fn on_event(&self, event: &Event) {
        (**self).on_event(event);
    }
}

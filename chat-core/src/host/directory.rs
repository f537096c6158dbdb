//! Where users come from.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{User, UserId};

/// Why the directory did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the user directory is unavailable")]
pub struct DirectoryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The host's users. The library asks in batches and keeps nothing.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// use chat_core::host::{Directory, DirectoryError};
/// use chat_core::model::{User, UserId};
///
/// struct Accounts; // with a pool of the host's database
///
/// #[async_trait::async_trait]
/// impl Directory for Accounts {
///     async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
///         // select id, name from accounts where id = any($1)
///         let row = |id: &UserId| (id.clone(), Arc::new(User::new(id.clone(), "somebody")));
///         Ok(ids.iter().map(row).collect())
///     }
/// }
/// ```
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The users with these ids; who is not known is left out.
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError>;

    /// At most `limit` users whose username has `text` in it, letter case ignored, ordered by
    /// [`UserId::cmp_for_listing`]; all users for an empty text.
    ///
    /// Only the `direct` dialect's user list asks this. Unless the host says otherwise its users are
    /// shown to nobody: the list is empty.
    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Arc<User>>, DirectoryError> {
        let _ = (text, limit);
        Ok(Vec::new())
    }

    /// The same, but only of those who are listed after a user; all of them where none is given.
    /// The list is read to its end in pages, so a page costs best what is on it.
    ///
    /// Unless the host says otherwise every page is cut out of the whole result of
    /// [`Directory::search`], which is good for some thousands of users.
    async fn search_after(
        &self,
        text: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, DirectoryError> {
        let Some(after) = after else { return self.search(text, limit).await };
        let mut users = self.search(text, usize::MAX).await?;
        users.retain(|user| user.id.cmp_for_listing(after).is_gt());
        users.truncate(limit);
        Ok(users)
    }
}

/// A fixed set of users, for demos, tests and small installations.
#[derive(Debug, Clone, Default)]
pub struct StaticDirectory {
    users: HashMap<UserId, Arc<User>>,
    /// The same in the order they are listed.
    listed: Vec<Arc<User>>,
}

impl FromIterator<User> for StaticDirectory {
    fn from_iter<I: IntoIterator<Item = User>>(users: I) -> Self {
        let users: HashMap<_, _> =
            users.into_iter().map(|user| (user.id.clone(), Arc::new(user))).collect();
        let mut listed: Vec<_> = users.values().cloned().collect();
        listed.sort_by(|a, b| a.id.cmp_for_listing(&b.id));
        Self { users, listed }
    }
}

#[async_trait]
impl Directory for StaticDirectory {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        let known = ids.iter().filter_map(|id| self.users.get(id));
        Ok(known.map(|user| (user.id.clone(), user.clone())).collect())
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Arc<User>>, DirectoryError> {
        self.search_after(text, None, limit).await
    }

    async fn search_after(
        &self,
        text: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, DirectoryError> {
        let text = text.to_lowercase();
        let start = after.map_or(0, |after| {
            self.listed.partition_point(|user| user.id.cmp_for_listing(after).is_le())
        });
        let matching = self.listed[start..]
            .iter()
            .filter(|user| text.is_empty() || user.username.to_lowercase().contains(&text));
        Ok(matching.take(limit).cloned().collect())
    }
}

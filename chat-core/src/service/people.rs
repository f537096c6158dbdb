//! Users and their presence, looked up in batches.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Chat, Error};
use crate::model::{Presence, User, UserId};

/// A user and whether they are there.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user.
    pub user: Arc<User>,
    /// Whether they are there.
    pub presence: Presence,
}

/// The users of a page, looked up at once.
#[derive(Debug, Clone, Default)]
pub struct People {
    people: HashMap<UserId, Person>,
}

impl People {
    /// Somebody; who was not looked up is [`User::unknown`].
    pub fn person(&self, id: &UserId) -> Person {
        let unknown =
            || Person { user: Arc::new(User::unknown(id.clone())), presence: Presence::default() };
        self.people.get(id).cloned().unwrap_or_else(unknown)
    }

    /// Somebody's data; who was not looked up is [`User::unknown`].
    pub fn user(&self, id: &UserId) -> Arc<User> {
        self.person(id).user
    }
}

impl Chat {
    /// The data of these users, with one call of the directory. Who is no longer known is
    /// [`User::unknown`].
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn users(&self, ids: impl IntoIterator<Item = &UserId>) -> Result<People, Error> {
        let ids = distinct(ids);
        let mut users =
            if ids.is_empty() { HashMap::new() } else { self.inner.directory.users(&ids).await? };
        let person = |id: UserId| {
            let user = users.remove(&id).unwrap_or_else(|| Arc::new(User::unknown(id.clone())));
            (id, Person { user, presence: Presence::default() })
        };
        Ok(People { people: ids.into_iter().map(person).collect() })
    }

    /// The data and the presence of these users, with one call of the directory and one of the
    /// store.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn people(&self, ids: impl IntoIterator<Item = &UserId>) -> Result<People, Error> {
        let ids = distinct(ids);
        let mut people = self.users(&ids).await?;
        let presences = self.presence(&ids).await?;
        for (id, presence) in ids.iter().zip(presences) {
            if let Some(person) = people.people.get_mut(id) {
                person.presence = presence;
            }
        }
        Ok(people)
    }
}

fn distinct<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<UserId> {
    let mut ids: Vec<_> = ids.into_iter().cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

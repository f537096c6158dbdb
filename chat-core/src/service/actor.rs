//! A user who acts.

use std::sync::Arc;

use super::{Chat, Error};
use crate::model::{Kinds, User, UserId};
use crate::rules::{Action, Caller, Denial, Guarded, Standing};

/// A user who acts, in rooms of some kinds. All use cases are its methods.
#[derive(Debug, Clone)]
pub struct Actor {
    chat: Chat,
    id: Option<UserId>,
    user: Option<Arc<User>>,
    kinds: Kinds,
    /// Whether they may look at public rooms that they are no member of.
    visits: bool,
}

impl Actor {
    pub(super) fn new(chat: Chat, id: Option<UserId>, kinds: Kinds) -> Self {
        Self { chat, id, user: None, kinds, visits: true }
    }

    /// A user who was recognised by [`Chat::authenticate`], in rooms of these kinds only, and
    /// without `visits` only in rooms that they are a member of.
    pub fn recognised(chat: &Chat, user: Arc<User>, kinds: Kinds, visits: bool) -> Self {
        Self { chat: chat.clone(), id: Some(user.id.clone()), user: Some(user), kinds, visits }
    }

    /// The chat.
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// The user's id.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where what was given is no user id.
    pub fn id(&self) -> Result<&UserId, Error> {
        self.id.as_ref().ok_or(Error::Unauthenticated)
    }

    /// The user.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the directory does not know them, [`Error::Unavailable`].
    pub async fn user(&self) -> Result<Arc<User>, Error> {
        match &self.user {
            Some(user) => Ok(user.clone()),
            None => self.chat.user(self.id()?).await?.ok_or(Error::Unauthenticated),
        }
    }

    /// Hands out what was read if the actor may have it.
    pub(super) fn permit<T>(&self, found: Guarded<T>, action: Action) -> Result<T, Error> {
        if !self.visits && found.access().standing == Standing::Stranger {
            return Err(Denial::NotMember.into());
        }
        Ok(found.permit(action)?)
    }

    pub(super) fn caller(&self) -> Result<Caller, Error> {
        Ok(Caller { user: self.id()?.clone(), kinds: self.kinds })
    }
}

//! What the host wants to say to what happens.

use async_trait::async_trait;

use crate::model::{Attachment, Event, RoomId, User, UserId};
use crate::rules::Content;

/// A message that somebody wants to send.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The room.
    pub room: RoomId,
    /// Who wants to send it.
    pub sender: &'a User,
    /// The text.
    pub content: &'a Content,
    /// The file.
    pub attachment: Option<&'a Attachment>,
}

/// Why the host refuses something, in a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// The host's say. Every method has a default that says nothing.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Whether a message may be sent. Asked before it is stored, and not again where the send of a
    /// stored one is repeated; a refusal is shown to the sender as an invalid text.
    async fn before_send(&self, draft: Draft<'_>) -> Result<(), Refusal> {
        let _ = draft;
        Ok(())
    }

    /// Whether a user may be made a member of rooms by another: by being invited, or by being
    /// written to directly.
    async fn before_add(&self, user: &UserId, by: &User) -> Result<(), Refusal> {
        let _ = (user, by);
        Ok(())
    }

    /// Is told what happened on this node, after it was stored: to send push notifications, say.
    /// Must not block, nor wait for the chat, which may be telling it something.
    fn on_event(&self, event: &Event) {
        let _ = event;
    }
}

/// Hooks that say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}

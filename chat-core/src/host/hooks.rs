//! What the host wants to say to what happens.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{
    Attachment, Event, Message, MessageId, MessageKind, RoomId, RoomKind, User, UserId,
};
use crate::rules::{Content, RoomName};

/// What somebody wants to say: with a new message, or with a new text of one that stands.
#[derive(Debug)]
#[non_exhaustive]
pub struct Draft<'a> {
    /// The room.
    pub room: RoomId,
    /// The room's kind.
    pub room_kind: RoomKind,
    /// In a direct room, to whom it is said; none in other rooms, and where they are no member any
    /// more.
    pub other: Option<UserId>,
    /// Who wants to say it.
    pub sender: &'a User,
    /// What it carries. Clients cannot send notes of the host's ([`MessageKind::System`]).
    pub kind: MessageKind,
    /// The text. What the host puts here is stored instead; its bounds are the host's then.
    pub content: Content,
    /// The file.
    pub attachment: Option<&'a Attachment>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The message as it is, where it gets another text; none for a new message.
    pub edited: Option<&'a Message>,
}

/// Users who are to become members of a room because another user wants it: invited, or one who is
/// written to directly.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Invitation<'a> {
    /// The room; none for one that is yet to be made, and for a direct one, made or not.
    pub room: Option<RoomId>,
    /// The room's kind.
    pub room_kind: RoomKind,
    /// Who is to become a member, each once; some may be members already. At most
    /// [`Config::members_per_room`](crate::Config::members_per_room).
    pub users: &'a [UserId],
    /// Who wants it.
    pub by: &'a User,
}

/// A room of any kind but direct that somebody wants to make, or to give another name.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RoomDraft<'a> {
    /// The room that gets another name; none for a new one.
    pub room: Option<RoomId>,
    /// Its kind.
    pub room_kind: RoomKind,
    /// Its name.
    pub name: &'a RoomName,
    /// Who wants it.
    pub by: &'a User,
}

/// Why the host refuses something.
///
/// ```
/// # use chat_core::host::Refusal;
/// let refusal: Refusal = "No advertising here.".into();
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not allowed, in a sentence for the user: 400, as for what is wrong with the input.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// The user does this too often: 429.
    #[error("too many requests")]
    Limited {
        /// When they may try again.
        retry_after: Duration,
    },
    /// Whoever could tell does not answer: 503, and nothing is changed.
    #[error("the host cannot tell")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<&'static str> for Refusal {
    fn from(sentence: &'static str) -> Self {
        Self::Invalid(sentence.into())
    }
}

impl From<String> for Refusal {
    fn from(sentence: String) -> Self {
        Self::Invalid(sentence.into())
    }
}

/// The host's say. Every method has a default that says nothing.
///
/// What the host does itself, through [`Chat`](crate::Chat) and not as a user, is asked about
/// nowhere.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Whether something may be said; the host may put another text in its place. Asked before a
    /// message is stored, and before it gets another text, of those who may do so; not again where
    /// the send of a stored message is repeated.
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let _ = draft;
        Ok(())
    }

    /// Whether users may be made members of a room by another; all of them or none. Not asked about a
    /// direct room that stands.
    async fn before_add(&self, invitation: Invitation<'_>) -> Result<(), Refusal> {
        let _ = invitation;
        Ok(())
    }

    /// Whether a user may become a member of a public room by themselves.
    async fn before_join(&self, room: RoomId, user: &User) -> Result<(), Refusal> {
        let _ = (room, user);
        Ok(())
    }

    /// Whether a room may be made, or get another name.
    async fn before_room(&self, draft: RoomDraft<'_>) -> Result<(), Refusal> {
        let _ = draft;
        Ok(())
    }

    /// Is told what happened: to send push notifications, say. Must not block, nor wait for the chat,
    /// which may be telling it something.
    ///
    /// A [lasting change](Event::Room) of a room, its making too, is told on the node that has
    /// written it, after it was stored and at most once: not where that node ends in between, nor
    /// where the store's answer was lost, and a message that is sent again is no news then. A
    /// [signal](Event::Signal) is told on every node that hears of it, and may come more than once or
    /// never.
    fn on_event(&self, event: &Event) {
        let _ = event;
    }
}

/// Hooks that say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}

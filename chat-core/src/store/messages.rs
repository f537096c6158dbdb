//! Messages, their edits and reactions, and what changed since.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreResult;
use crate::model::{
    Attachment, Cursor, Membership, Message, MessageId, MessageKind, Page, Room, RoomId, Seq,
    Slice, Timestamp, UserId,
};
use crate::rules::{Caller, Content, Emoji, Guarded};

/// The key that makes a repeated send find the first message, unique for (room, sender, key).
///
/// Both are digests made by the service, so that a store compares 16 bytes whatever clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Once {
    /// The key: which sends are the same one.
    pub key: [u8; 16],
    /// What was sent: text, reply and file. Under a key that was used for other content the send
    /// is refused.
    pub content: [u8; 16],
}

/// In whose name a message is stored.
#[derive(Debug, Clone)]
pub enum Author {
    /// A user, who has to be permitted to send it.
    User(Caller),
    /// A user for whom the host speaks, member or not: nobody is asked.
    Host(UserId),
}

impl Author {
    /// The user.
    pub fn user(&self) -> &UserId {
        match self {
            Self::User(by) => &by.user,
            Self::Host(user) => user,
        }
    }

    /// Who asks; none where the host itself does.
    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::User(by) => Some(by),
            Self::Host(_) => None,
        }
    }
}

impl From<Caller> for Author {
    fn from(by: Caller) -> Self {
        Self::User(by)
    }
}

/// A message to store.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The room.
    pub room: RoomId,
    /// Who sends it.
    pub by: Author,
    /// What it carries.
    pub kind: MessageKind,
    /// The text.
    pub content: Content,
    /// The file.
    pub attachment: Option<Attachment>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The key against storing it twice.
    pub once: Option<Once>,
    /// When.
    pub at: Timestamp,
}

/// A message that was stored, now or by an earlier send with the same key.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message as it is now.
    pub message: Arc<Message>,
    /// Whether an earlier send had stored it.
    pub repeated: bool,
}

/// A change of a message's text.
#[derive(Debug, Clone)]
pub struct EditMessage {
    /// The room.
    pub room: RoomId,
    /// The message, which must be in that room.
    pub message: MessageId,
    /// Who asks.
    pub by: Caller,
    /// The new text.
    pub content: Content,
    /// When.
    pub at: Timestamp,
}

/// A deletion.
#[derive(Debug, Clone)]
pub struct DeleteMessage {
    /// The room.
    pub room: RoomId,
    /// The message, which must be in that room.
    pub message: MessageId,
    /// Who asks; none where the host itself does, who may delete anybody's.
    pub by: Option<Caller>,
    /// When.
    pub at: Timestamp,
}

/// An emoji to add to a message or to take away.
#[derive(Debug, Clone)]
pub struct React {
    /// The room.
    pub room: RoomId,
    /// The message, which must be in that room.
    pub message: MessageId,
    /// Whose reaction.
    pub by: Caller,
    /// The emoji.
    pub emoji: Emoji,
    /// Whether to add it; else to take it away.
    pub add: bool,
}

/// Where in a room's history a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At the newest message.
    Newest,
    /// At the newest one with a smaller id.
    BeforeMessage(MessageId),
    /// At the newest one with a smaller position.
    BeforeSeq(Seq),
    /// Not at the new end: at the oldest one with a larger position, going up.
    AfterSeq(Seq),
}

/// Which messages of a room to read.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// The room.
    pub room: RoomId,
    /// Who asks; none where the host itself does.
    pub by: Option<Caller>,
    /// Where to begin.
    pub anchor: Anchor,
    /// Which part of what lies beyond.
    pub slice: Slice,
    /// Whether deleted messages are read and counted too.
    pub deleted: bool,
}

/// Something that changed, as it is now.
#[derive(Debug, Clone)]
pub enum Changed {
    /// A message; its `versions` say what about it.
    Message(Arc<Message>),
    /// A member who joined or left; `left` says which. What they have received and read takes no
    /// version, and may be large.
    Member(Membership),
}

/// What changed in a room.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The room as it is now.
    pub room: Room,
    /// The rows whose last change lies after the asked point, each once.
    pub items: Vec<Changed>,
    /// Where to go on if there is more; `None` where `items` reaches up to `room.version`.
    pub more: Option<Cursor>,
}

/// Messages, their edits and reactions, and what changed since.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Stores a message ([`Action::Send`]).
    ///
    /// # Contract
    /// Takes the room's next `seq` and next version; the id is larger than those of the room's
    /// messages before it. `created_at` is `at`, or that of the message before it if that is
    /// later. A sender who is a member has read and received it. A system message is uncounted.
    ///
    /// What the host stores ([`Author::Host`]) goes also into rooms that are inactive, and its
    /// sender need not be a member.
    ///
    /// Where the sender has sent a message with the same `once.key` to this room before, nothing is
    /// stored: with the same `once.content` and the message not deleted it is returned with
    /// `repeated`, else [`KeyReused`]. This is found out after membership and before everything
    /// else, so that a repetition succeeds also in a room that has become inactive.
    ///
    /// `reply_to` must be a message of the room that is not deleted, else [`BadReply`].
    ///
    /// [`Action::Send`]: crate::rules::Action::Send
    /// [`KeyReused`]: super::StoreError::KeyReused
    /// [`BadReply`]: super::StoreError::BadReply
    async fn send(&self, new: NewMessage) -> StoreResult<Sent>;

    /// The message that a user has sent to a room with this key and content, as it is now; `None`
    /// where there is none or it is deleted.
    async fn sent_before(
        &self,
        room: RoomId,
        sender: &UserId,
        once: Once,
    ) -> StoreResult<Option<Arc<Message>>>;

    /// Changes a message's text ([`Action::Edit`]).
    ///
    /// # Contract
    /// Sets `edited_at` and takes a version, also where the text is the same. A message that is not
    /// in the room is [`NotFound`](super::StoreError::NotFound).
    ///
    /// [`Action::Edit`]: crate::rules::Action::Edit
    async fn edit(&self, edit: EditMessage) -> StoreResult<Arc<Message>>;

    /// Deletes a message ([`Action::Delete`]); the row stays and keeps its place.
    ///
    /// # Contract
    /// Text, attachment and reactions are gone from the store, and with them what a key was used
    /// for: only that it was. The attachment is handed back in the second place, and its file is
    /// noted as one to be deleted ([`ErasureStore::take_gone_files`]) from `at` on. The message is
    /// in the room's `deleted` and `uncounted`. Deleting again is
    /// [`Denial::Deleted`](crate::rules::Denial::Deleted).
    ///
    /// [`Action::Delete`]: crate::rules::Action::Delete
    /// [`ErasureStore::take_gone_files`]: super::ErasureStore::take_gone_files
    async fn delete(
        &self,
        delete: DeleteMessage,
    ) -> StoreResult<(Arc<Message>, Option<Attachment>)>;

    /// Adds or takes away a reaction ([`Action::React`]); the flag says whether that changed
    /// anything.
    ///
    /// # Contract
    /// One emoji of a user counts once. Emoji and users stay in the order they came; an emoji
    /// without users is gone. What changes nothing takes no version. A message holds at most 50
    /// different emoji, and one user at most 20 on it; more is
    /// [`Limit`](super::StoreError::Limit).
    ///
    /// [`Action::React`]: crate::rules::Action::React
    async fn react(&self, react: React) -> StoreResult<(Arc<Message>, bool)>;

    /// A message by its id; `None` where there is none, or `room` is given and is not its room. No
    /// caller is the host.
    async fn message(
        &self,
        by: Option<&Caller>,
        room: Option<RoomId>,
        message: MessageId,
    ) -> StoreResult<Option<Guarded<Arc<Message>>>>;

    /// A page of a room's messages; `None` where there is no such room.
    ///
    /// # Contract
    /// Newest first, except from [`Anchor::AfterSeq`], which goes up. `count` is of all messages on
    /// the anchor's side. A page costs what the messages on it cost, wherever it lies.
    async fn history(
        &self,
        query: HistoryQuery,
    ) -> StoreResult<Option<Guarded<Page<Arc<Message>>>>>;

    /// What changed in a room after a point, at most about `limit` rows at once.
    ///
    /// # Contract
    /// Every message and member whose last change lies after the point, each once, as it is now,
    /// by (version of the last change, `seq`). An old snapshot of the room plus these rows
    /// is a new snapshot. [`NotFound`](super::StoreError::NotFound) where there is no such room.
    async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> StoreResult<Changes>;
}

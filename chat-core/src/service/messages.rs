//! Messages: send, read, edit, delete, react.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Actor, Error, Problem, Upload};
use crate::host::Draft;
use crate::model::{
    Change, Message, MessageId, MessageKind, Page, RoomId, SessionId, Slice, User, Version,
};
use crate::rules::{Action, Content, Emoji};
use crate::store::{Anchor, DeleteMessage, EditMessage, HistoryQuery, NewMessage, Once, React};

/// The key that a client repeats when it repeats a send (wire.md, "Sending twice").
///
/// The two kinds do not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendKey {
    /// `temp_id` of a WebSocket frame, as JSON. The same key with other content is another message.
    Temporary(String),
    /// The `Idempotency-Key` header. The same key with other content is a conflict.
    Idempotency(String),
}

/// A message to send.
///
/// ```
/// # use chat_core::Outgoing;
/// let plain: Outgoing = "hello".into();
/// let safe_to_repeat = Outgoing::new("hello").with_key("order-17-shipped");
/// ```
#[derive(Debug)]
#[must_use]
pub struct Outgoing {
    pub(crate) text: String,
    limit: Option<usize>,
    reply_to: Option<MessageId>,
    key: Option<SendKey>,
    origin: Option<SessionId>,
    kind: MessageKind,
    file: Option<Upload>,
}

impl Outgoing {
    /// A text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            limit: None,
            reply_to: None,
            key: None,
            origin: None,
            kind: MessageKind::Text,
            file: None,
        }
    }

    /// Answers a message of the same room.
    pub fn with_reply_to(mut self, message: MessageId) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// Says what it carries; text unless set.
    pub fn with_kind(mut self, kind: MessageKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets an idempotency key: a repetition with the same key and content finds the first message.
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(SendKey::Idempotency(key.into()));
        self
    }

    /// Sets a key of either kind.
    pub fn with_send_key(mut self, key: Option<SendKey>) -> Self {
        self.key = key;
        self
    }

    /// Sets the most characters; [`Config::message_limit`](crate::Config::message_limit) unless
    /// set.
    pub fn with_limit(mut self, characters: usize) -> Self {
        self.limit = Some(characters);
        self
    }

    /// Adds a file that [`Actor::upload`] has stored; then the text may be blank. Where the message
    /// is not stored, or was before, the file is deleted.
    pub fn with_file(mut self, file: Upload) -> Self {
        self.file = Some(file);
        self
    }

    /// Names the socket it came over.
    pub(crate) fn with_origin(mut self, session: SessionId) -> Self {
        self.origin = Some(session);
        self
    }

    /// The digests under which the store finds a repetition.
    fn once(&self) -> Option<Once> {
        let reply = self.reply_to.map_or(0, MessageId::get).to_be_bytes();
        let content = match &self.file {
            None => digest(&[&reply, self.text.as_bytes()]),
            Some(Upload { attachment, digest: file }) => {
                digest(&[&reply, self.text.as_bytes(), attachment.name.as_bytes(), file])
            }
        };
        let key = match self.key.as_ref()? {
            // Other content under the same temporary key is another message, so the content is
            // part of the key.
            SendKey::Temporary(key) => digest(&[b"temporary", key.as_bytes(), &content]),
            SendKey::Idempotency(key) => digest(&[b"idempotency", key.as_bytes()]),
        };
        Some(Once { key, content })
    }
}

impl<T: Into<String>> From<T> for Outgoing {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// The first half of a SHA-256 over length-prefixed parts.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// A message that is in the store, and who sent it.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The message.
    pub message: Arc<Message>,
    /// Its sender.
    pub sender: Arc<User>,
    /// Whether an earlier send with the same key had stored it.
    pub repeated: bool,
}

impl Actor {
    /// Sends a message. When this returns it is stored, and everybody in the room is told.
    ///
    /// Ends the actor's typing in the room.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the text (`content`), the reply (`reply_to`) and what the host
    /// refuses; [`Error::Conflict`] where the key was used for another message;
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Internal`]. After [`Error::Unavailable`]
    /// the message may be stored or not: send again with the same key.
    pub async fn send(
        &self,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<Delivered, Error> {
        let outgoing = message.into();
        let file = outgoing.file.as_ref().map(|file| file.attachment.clone());
        let sent = self.store_and_tell(room, outgoing).await;
        // Where it is not known whether the message was stored, its file stays.
        let needed = match &sent {
            Ok(sent) => !sent.repeated,
            Err(error) => matches!(error, Error::Unavailable(_)),
        };
        if let (Some(file), false) = (file, needed) {
            self.delete_file(&file).await;
        }
        sent
    }

    async fn store_and_tell(&self, room: RoomId, outgoing: Outgoing) -> Result<Delivered, Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let once = outgoing.once();
        let limit = outgoing.limit.unwrap_or(chat.config().message_limit);
        let attachment = outgoing.file.map(|file| file.attachment);
        let content = match attachment {
            Some(_) => Content::parse_caption(outgoing.text, limit),
            None => Content::parse(outgoing.text, limit),
        };
        let content = content.map_err(|error| Error::invalid("content", error.into()))?;
        if chat.inner.has_hooks {
            // The host is not shown what somebody wants to say where they may not be.
            self.may(Action::Connect, room).await?;
        }
        let draft =
            Draft { room, sender: &sender, content: &content, attachment: attachment.as_ref() };
        let allowed = chat.inner.hooks.before_send(draft).await;
        allowed.map_err(|refusal| Error::invalid("content", refusal.into()))?;
        let new = NewMessage {
            room,
            by: self.caller()?,
            kind: outgoing.kind,
            content,
            attachment,
            reply_to: outgoing.reply_to,
            once,
            at: chat.clock().now(),
        };
        let sent = chat.inner.store.send(new).await?;
        let message = sent.message;
        self.end_typing(room);
        if !sent.repeated {
            let change = Change::Sent {
                message: message.clone(),
                sender: sender.clone(),
                origin: outgoing.origin,
            };
            self.announce_change(room, message.versions.sent, vec![change]);
        }
        Ok(Delivered { message, sender, repeated: sent.repeated })
    }

    /// A page of a room's messages.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn history(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
        deleted: bool,
    ) -> Result<Page<Arc<Message>>, Error> {
        let query = HistoryQuery { room, by: self.caller()?, anchor, slice, deleted };
        let found = self.chat().inner.store.history(query).await?;
        self.permit(found.ok_or(Error::NotFound)?, Action::ReadHistory)
    }

    /// A message, in whichever room it is or in the one given.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn message(
        &self,
        room: Option<RoomId>,
        message: MessageId,
    ) -> Result<Arc<Message>, Error> {
        let found = self.chat().inner.store.message(&self.caller()?, room, message).await?;
        self.permit(found.ok_or(Error::NotFound)?, Action::ReadHistory)
    }

    /// Changes the text of one's own message.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the text (`content`), [`Error::NotFound`], [`Error::Denied`],
    /// [`Error::Unavailable`].
    pub async fn edit(
        &self,
        room: RoomId,
        message: MessageId,
        text: impl Into<String>,
    ) -> Result<Delivered, Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let content = Content::parse(text, chat.config().message_limit)
            .map_err(|error| Error::invalid("content", error.into()))?;
        let edit =
            EditMessage { room, message, by: self.caller()?, content, at: chat.clock().now() };
        let message = chat.inner.store.edit(edit).await?;
        let read_by = chat.readers([(&*message, true)]).await.map(|readers| readers.of(&message));
        let change = |read_by| {
            let (message, sender) = (message.clone(), sender.clone());
            Change::Edited { message, sender, read_by }
        };
        self.announce_shown(room, message.versions.edited, read_by.map(change));
        Ok(Delivered { message, sender, repeated: false })
    }

    /// Deletes one's own message, and its file after it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn delete(&self, room: RoomId, message: MessageId) -> Result<(), Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let delete = DeleteMessage { room, message, by: self.caller()?, at: chat.clock().now() };
        let (message, attachment) = chat.inner.store.delete(delete).await?;
        let version = message.versions.deleted;
        let read_by = chat.readers([(&*message, true)]).await.map(|readers| readers.of(&message));
        let change = read_by.map(|read_by| Change::Deleted { message, sender, read_by });
        self.announce_shown(room, version, change);
        if let Some(attachment) = &attachment {
            self.delete_file(attachment).await;
        }
        Ok(())
    }

    /// Announces what could be read of a change. Of what could not, only that it happened:
    /// listeners read the store then.
    fn announce_shown(&self, room: RoomId, version: Version, change: Result<Change, Error>) {
        self.announce_change(room, version, change.into_iter().collect());
    }

    /// Adds a reaction to a message, or takes it away. What changes nothing succeeds.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the emoji (`emoji`) and past the bounds on reactions,
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn react(
        &self,
        room: RoomId,
        message: MessageId,
        emoji: &str,
        add: bool,
    ) -> Result<Arc<Message>, Error> {
        let emoji =
            Emoji::parse(emoji).map_err(|error| Error::invalid("emoji", Problem::from(error)))?;
        let react = React { room, message, by: self.caller()?, emoji, add };
        let (message, changed) = self.chat().inner.store.react(react).await?;
        if changed {
            let change = Change::Reacted { message: message.clone() };
            self.announce_change(room, message.versions.reacted, vec![change]);
        }
        Ok(message)
    }
}

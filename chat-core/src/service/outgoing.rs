//! What somebody wants to send.

use sha2::{Digest, Sha256};

use super::Upload;
use crate::model::{Attachment, MessageId, MessageKind, SessionId};
use crate::store::Once;

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
    pub(super) limit: Option<usize>,
    pub(super) reply_to: Option<MessageId>,
    key: Option<SendKey>,
    pub(super) origin: Option<SessionId>,
    pub(super) kind: MessageKind,
    pub(super) file: Option<Upload>,
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

    /// Adds a file that [`Actor::upload`](crate::Actor::upload) has stored; then the text may be
    /// blank. Where [`Actor::send`](crate::Actor::send) does not store the message, or had stored it
    /// before, the file is deleted; only where it answers
    /// [`Error::Unavailable`](crate::Error::Unavailable) it stays, as the message may be stored. A
    /// message that the host stores itself it discards itself: [`Chat::discard`](crate::Chat::discard).
    pub fn with_file(mut self, file: Upload) -> Self {
        self.file = Some(file);
        self
    }

    /// Names the socket it came over.
    pub(crate) fn with_origin(mut self, session: SessionId) -> Self {
        self.origin = Some(session);
        self
    }

    /// The file, where there is one.
    pub(super) fn attachment(&self) -> Option<Attachment> {
        self.file.as_ref().map(|file| file.attachment.clone())
    }

    /// The digests under which the store finds a repetition.
    pub(super) fn once(&self) -> Option<Once> {
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

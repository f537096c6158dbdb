//! Attachments: up before their message, down for members.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Actor, Error, Problem};
use crate::host::{FileError, FileStore, Pieces, StoredFile};
use crate::model::{Attachment, MessageId, RoomId};
use crate::rules::{Action, HEAD, safe_file_name};

/// A file that is stored and that no message bears yet: send it with
/// [`Outgoing::with_file`](super::Outgoing::with_file), or give it back with [`Actor::discard`].
#[derive(Debug)]
#[must_use = "a file that is not sent has to be discarded"]
pub struct Upload {
    pub(super) attachment: Attachment,
    pub(super) digest: [u8; 32],
}

/// The file of a message, for somebody who may read it.
pub struct Download {
    /// Its name, type and size.
    pub attachment: Attachment,
    files: Arc<dyn FileStore>,
}

impl Download {
    /// Reads all of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the file store has it no more, [`Error::Unavailable`].
    pub async fn read(&self) -> Result<StoredFile, Error> {
        self.files.get(&self.attachment.key).await.map_err(meaning)
    }

    /// Reads these of its bytes: at least one, and none beyond its size.
    ///
    /// # Errors
    /// The same.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Pieces, Error> {
        self.files.get_range(&self.attachment.key, range).await.map_err(meaning)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("attachment", &self.attachment).finish_non_exhaustive()
    }
}

/// What was seen of a file while it passed.
#[derive(Default)]
struct Seen {
    hash: Sha256,
    head: Vec<u8>,
    size: u64,
    too_large: bool,
}

impl Seen {
    /// Notes a piece; whether the file is not too large with it.
    fn note(&mut self, piece: &[u8], most: u64) -> bool {
        self.size += piece.len() as u64;
        self.too_large = self.size > most;
        if !self.too_large {
            self.hash.update(piece);
            let room = HEAD.saturating_sub(self.head.len()).min(piece.len());
            self.head.extend_from_slice(&piece[..room]);
        }
        !self.too_large
    }
}

impl Actor {
    /// Stores a file for a message of a room, as its pieces come.
    ///
    /// Once begun it should be let finish, together with the send or [`Actor::discard`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] and [`Error::Limited`]
    /// ([`Config::uploads_per_user`](crate::Config::uploads_per_user)) before any piece is taken;
    /// [`Error::TooLarge`]; [`Error::Invalid`] (`file`) where the host takes no files or none of
    /// this type, or the pieces broke off; [`Error::Unavailable`]. Then nothing is stored.
    pub async fn upload(&self, room: RoomId, name: &str, pieces: Pieces) -> Result<Upload, Error> {
        self.may(Action::Connect, room).await?;
        let chat = self.chat();
        let Some(files) = &chat.inner.files else {
            return Err(refused("Files are not taken here."));
        };
        let _uploading = chat.begin_upload(self.id()?)?;
        let policy = &chat.config().uploads;
        let key = Uuid::new_v4().simple().to_string();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stored = files.put(&key, watched(pieces, seen.clone(), policy.max_bytes)).await;
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.too_large {
            return Err(Error::TooLarge);
        }
        match stored {
            Ok(()) => {}
            Err(FileError::Broken(_)) => return Err(refused("The file could not be read.")),
            Err(error) => return Err(Error::Unavailable(error.into())),
        }
        let attachment = |content_type: &str| Attachment {
            key,
            name: safe_file_name(name),
            content_type: content_type.to_owned(),
            size: seen.size,
        };
        let Some(content_type) = policy.media_type(&seen.head) else {
            self.chat().delete_unused_file(&attachment("")).await;
            return Err(refused("Files of this type are not taken."));
        };
        Ok(Upload { attachment: attachment(content_type), digest: seen.hash.finalize().into() })
    }

    /// Deletes a file that no message will bear.
    pub async fn discard(&self, upload: Upload) {
        self.chat().delete_unused_file(&upload.attachment).await;
    }

    /// Finds the file of a message, to be read. For members of the room only.
    ///
    /// # Errors
    /// [`Error::NotFound`] also where the message has no file or is deleted; [`Error::Denied`],
    /// [`Error::Unavailable`].
    pub async fn download(&self, message: MessageId) -> Result<Download, Error> {
        let found = self.chat().inner.store.message(Some(&self.caller()?), None, message).await?;
        let message = self.permit(found.ok_or(Error::NotFound)?, Action::Download)?;
        let attachment = message.attachment.clone().ok_or(Error::NotFound)?;
        let files = self.chat().inner.files.clone().ok_or(Error::NotFound)?;
        Ok(Download { attachment, files })
    }
}

/// Looks at the pieces as they pass. Past the bound they end with an error.
fn watched(pieces: Pieces, seen: Arc<Mutex<Seen>>, most: u64) -> Pieces {
    let watch = move |mut pieces: Pieces| {
        let seen = seen.clone();
        async move {
            let piece: Result<Bytes, _> = pieces.next().await?;
            let Ok(bytes) = piece else { return Some((piece, pieces)) };
            if seen.lock().unwrap_or_else(PoisonError::into_inner).note(&bytes, most) {
                return Some((Ok(bytes), pieces));
            }
            Some((Err("the file is too large".into()), stream::empty().boxed()))
        }
    };
    stream::unfold(pieces, watch).boxed()
}

fn meaning(error: FileError) -> Error {
    match error {
        FileError::NotFound => Error::NotFound,
        error => Error::Unavailable(error.into()),
    }
}

fn refused(sentence: &'static str) -> Error {
    Error::invalid("file", Problem::Refused(sentence.into()))
}

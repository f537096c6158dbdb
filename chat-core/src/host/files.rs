//! Where attachments are kept.

use std::future::ready;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A file on its way, piece by piece. An error ends it.
pub type Pieces = BoxStream<'static, Result<Bytes, Source>>;

/// Why a file store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no file under this key.
    #[error("there is no such file")]
    NotFound,
    /// The pieces to store ended with an error, so nothing is stored.
    #[error("the file broke off")]
    Broken(#[source] Source),
    /// The store does not answer now.
    #[error("the file store is unavailable")]
    Unavailable(#[source] Source),
}

/// A file that is being read.
pub struct StoredFile {
    /// Its length in bytes.
    pub size: u64,
    /// Its content, as the reader takes it.
    pub pieces: Pieces,
}

impl std::fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredFile").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Where attachments are kept. The runtime has one on the `object_store` crate: a local folder,
/// S3 and its like.
///
/// Keys are the library's: a UUID each, never a name that a client gave.
#[async_trait]
pub trait FileStore: Send + Sync + 'static {
    /// Stores a file under a key that was not used before, taking the pieces one at a time.
    ///
    /// # Contract
    /// All or nothing: where the pieces end with an error ([`FileError::Broken`]) or the store
    /// fails, nothing can be read under the key. No more than a few pieces are in memory at once.
    async fn put(&self, key: &str, pieces: Pieces) -> Result<(), FileError>;

    /// Reads a file.
    async fn get(&self, key: &str) -> Result<StoredFile, FileError>;

    /// Reads a part of a file: at least one byte, and none beyond its end. Where less is there than
    /// was stored, that is an error, or the pieces end early, and the download is cut off.
    ///
    /// Unless the host says otherwise the whole file is read up to where the part ends, and what is
    /// before it is thrown away.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Pieces, FileError> {
        Ok(part(self.get(key).await?.pieces, range))
    }

    /// Deletes a file; one that is not there is deleted already.
    async fn delete(&self, key: &str) -> Result<(), FileError>;
}

/// These bytes of a file, out of the pieces of all of it.
fn part(pieces: Pieces, range: Range<u64>) -> Pieces {
    let cut = move |end: &mut u64, piece: Result<Bytes, Source>| {
        let begin = *end;
        if begin >= range.end {
            return ready(None);
        }
        let cut = piece.map(|piece| {
            *end += piece.len() as u64;
            let place = |at: u64| usize::try_from(at.clamp(begin, *end) - begin);
            let place = |at: u64| place(at).unwrap_or(piece.len());
            piece.slice(place(range.start)..place(range.end))
        });
        ready(Some(cut))
    };
    let is_empty = |piece: &Result<Bytes, Source>| piece.as_ref().is_ok_and(Bytes::is_empty);
    pieces.scan(0, cut).filter(move |piece| ready(!is_empty(piece))).boxed()
}

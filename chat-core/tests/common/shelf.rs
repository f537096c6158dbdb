//! A file store in memory that can be watched and taken down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::host::{FileError, FileStore, Pieces, StoredFile};
use futures::stream::{self, StreamExt};

#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    taken: AtomicUsize,
    down: AtomicBool,
}

impl Shelf {
    /// The contents of all files.
    pub(crate) fn contents(&self) -> Vec<Vec<u8>> {
        self.0.files.lock().unwrap().values().cloned().collect()
    }

    /// How many pieces it was handed.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::Relaxed);
    }

    fn up(&self) -> Result<&Inner, FileError> {
        let down = self.0.down.load(Ordering::Relaxed);
        if down { Err(FileError::Unavailable("it was taken down".into())) } else { Ok(&self.0) }
    }
}

#[async_trait]
impl FileStore for Shelf {
    async fn put(&self, key: &str, mut pieces: Pieces) -> Result<(), FileError> {
        let mut file = Vec::new();
        while let Some(piece) = pieces.next().await {
            self.0.taken.fetch_add(1, Ordering::Relaxed);
            file.extend_from_slice(&piece.map_err(FileError::Broken)?);
        }
        self.up()?.files.lock().unwrap().insert(key.to_owned(), file);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<StoredFile, FileError> {
        let file = self.up()?.files.lock().unwrap().get(key).cloned().ok_or(FileError::NotFound)?;
        let size = file.len() as u64;
        Ok(StoredFile { size, pieces: stream::iter([Ok(Bytes::from(file))]).boxed() })
    }

    async fn delete(&self, key: &str) -> Result<(), FileError> {
        self.up()?.files.lock().unwrap().remove(key);
        Ok(())
    }
}

//! Attachments on object stores.
#![cfg(feature = "files")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chat_conformance::files;
use chat_core::host::{FileError, FileStore, Pieces, StoredFile};
use chat_runtime::ObjectFiles;
use futures::stream::{self, StreamExt};

#[tokio::test]
async fn in_memory() {
    files::check(&ObjectFiles::in_memory()).await;
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    files::check(&ObjectFiles::in_folder(folder.path()).unwrap()).await;
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 4, "nothing is left of what broke off: {left:?}");
}

/// A store that reads files as wholes only.
struct Wholes(ObjectFiles);

#[async_trait]
impl FileStore for Wholes {
    async fn put(&self, key: &str, pieces: Pieces) -> Result<(), FileError> {
        self.0.put(key, pieces).await
    }

    async fn get(&self, key: &str) -> Result<StoredFile, FileError> {
        self.0.get(key).await
    }

    async fn delete(&self, key: &str) -> Result<(), FileError> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn what_reads_files_as_wholes_reads_parts_too() {
    files::check(&Wholes(ObjectFiles::in_memory())).await;
}

#[test]
fn a_folder_has_to_be_there() {
    assert!(ObjectFiles::in_folder("/no/such/folder").is_err());
}

/// A piece of which it is known how many are held.
struct Counted(Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        b"x"
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn pieces_however_small_are_not_held_until_a_part_is_whole() {
    const SIZE: usize = 100_000;
    let (held, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let piece = move |_| {
        seen.fetch_max(held.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Ok(Bytes::from_owner(Counted(held.clone())))
    };
    let files = ObjectFiles::in_memory();
    files.put("small", stream::iter((0..SIZE).map(piece)).boxed()).await.unwrap();
    assert!(most.load(Ordering::Relaxed) <= 2, "{most:?} pieces were held at once");
    assert_eq!(files.get("small").await.unwrap().size, SIZE as u64);
}

//! Attachments on an object store.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::host::{FileError, FileStore, Pieces, StoredFile};
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};

/// How many parts of a file are written at once; each is 5 MiB, the least that S3 takes.
const AT_ONCE: usize = 2;

/// Attachments on any [`ObjectStore`]: a folder, memory, S3, Google Cloud Storage, Azure.
///
/// The stores of the clouds are features of `object_store` itself (`aws`, `gcp`, `azure`), to be
/// switched on by the host:
///
/// ```
/// use std::sync::Arc;
///
/// use chat_runtime::ObjectFiles;
///
/// let files = ObjectFiles::new(Arc::new(object_store::memory::InMemory::new()));
/// // object_store::aws::AmazonS3Builder::from_env().with_bucket_name("chat").build()?
/// ```
#[derive(Debug, Clone)]
pub struct ObjectFiles {
    store: Arc<dyn ObjectStore>,
}

impl ObjectFiles {
    /// On an object store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    /// In a folder, which has to be there.
    ///
    /// # Errors
    /// Where it is no folder.
    pub fn in_folder(folder: impl AsRef<Path>) -> std::io::Result<Self> {
        let store = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
        Ok(Self::new(Arc::new(store)))
    }

    /// In memory, for tests.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }
}

#[async_trait]
impl FileStore for ObjectFiles {
    async fn put(&self, key: &str, mut pieces: Pieces) -> Result<(), FileError> {
        let parts = self.store.put_multipart(&Key::from(key)).await.map_err(meaning)?;
        let mut parts = WriteMultipart::new(parts);
        while let Some(piece) = pieces.next().await {
            let written = match piece {
                Ok(piece) => {
                    // Copied into blocks: a handle for each piece outweighs small pieces many times.
                    parts.write(&piece);
                    parts.wait_for_capacity(AT_ONCE).await.map_err(meaning)
                }
                Err(error) => Err(FileError::Broken(error)),
            };
            if let Err(error) = written {
                if let Err(error) = parts.abort().await {
                    tracing::warn!(key, %error, "a part of a file was left behind");
                }
                return Err(error);
            }
        }
        parts.finish().await.map(drop).map_err(meaning)
    }

    async fn get(&self, key: &str) -> Result<StoredFile, FileError> {
        let found = self.store.get(&Key::from(key)).await.map_err(meaning)?;
        let size = found.meta.size;
        let pieces = found.into_stream().map(|piece| piece.map_err(Into::into)).boxed();
        Ok(StoredFile { size, pieces })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Pieces, FileError> {
        let part = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&Key::from(key), part).await.map_err(meaning)?;
        Ok(found.into_stream().map(|piece| piece.map_err(Into::into)).boxed())
    }

    async fn delete(&self, key: &str) -> Result<(), FileError> {
        match self.store.delete(&Key::from(key)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(meaning(error)),
        }
    }
}

fn meaning(error: Error) -> FileError {
    match error {
        Error::NotFound { .. } => FileError::NotFound,
        error => FileError::Unavailable(error.into()),
    }
}

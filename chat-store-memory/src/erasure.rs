//! Erasure: what is to be gone for good.

use async_trait::async_trait;
use chat_core::model::Timestamp;
use chat_core::store::{ErasureStore, StoreResult};

use crate::MemoryStore;
use crate::shards::lock;

#[async_trait]
impl ErasureStore for MemoryStore {
    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()> {
        // Guards the files while these are added.
        let mut files = lock(&self.state.gone_files);
        for key in keys {
            files.note(key, at);
        }
        Ok(())
    }

    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>> {
        // Guards the files, so that each is taken by one caller.
        Ok(lock(&self.state.gone_files).take(now, limit))
    }

    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()> {
        // Guards the files while these are taken out.
        let mut files = lock(&self.state.gone_files);
        for key in keys {
            files.forget(key);
        }
        Ok(())
    }
}

//! Receipts: who has received and read what.

use async_trait::async_trait;
use chat_core::store::{Mark, Marked, ReceiptStore, StoreError, StoreResult};

use crate::PgStore;
use crate::lane::{Outcome, Write};

#[async_trait]
impl ReceiptStore for PgStore {
    async fn mark(&self, mark: Mark) -> StoreResult<Marked> {
        match self.lanes.write(Write::Mark(mark)).await? {
            Outcome::Marked(marked) => Ok(marked),
            Outcome::Sent(_) => Err(StoreError::NotFound),
        }
    }
}

//! Receipts: who has received and read what.

use async_trait::async_trait;
use chat_core::store::{Mark, Marked, ReceiptStore, StoreError, StoreResult};

use crate::PgStore;
use crate::lane::{Outcome, Write};

#[async_trait]
impl ReceiptStore for PgStore {
    /// A receipt that moves more than a thousand statuses takes several commits, between which
    /// others write: in a room that is long, one would take longer than they can wait.
    async fn mark(&self, mut mark: Mark) -> StoreResult<Marked> {
        let mut all = Marked::default();
        loop {
            let outcome = self.lanes.write(Write::Mark(mark.clone())).await?;
            let Outcome::Marked { marked, rest } = outcome else {
                return Err(StoreError::NotFound);
            };
            all.newly += marked.newly;
            // In more than one step more have moved than are handed back.
            all.moved = if all.version.is_none() { marked.moved } else { Vec::new() };
            all.version = marked.version.or(all.version);
            let Some(rest) = rest else { return Ok(all) };
            mark.targets = rest;
        }
    }
}

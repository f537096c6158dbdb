//! The contract of the store, tested by the suite that every store runs.

use chat_conformance::store::Fresh;
use chat_store_memory::MemoryStore;

async fn fresh() -> Fresh {
    Fresh::new(MemoryStore::new())
}

chat_conformance::store_tests!(fresh);

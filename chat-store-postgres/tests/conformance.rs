//! The contract of the store, tested by the suite that every store runs.

mod common;

use chat_conformance::store::Fresh;

async fn fresh() -> Fresh {
    let (store, schema) = common::store().await;
    Fresh::new(store).with_guard(schema)
}

chat_conformance::store_tests!(fresh);

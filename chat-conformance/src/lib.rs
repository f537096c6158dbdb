//! The tests that every implementation of chat-core's traits runs against itself: ours do, and so
//! can anybody's.
//!
//! Each sentence of a contract is a test here, so that whoever writes a store, a bus, a file store
//! or an adapter has nothing to guess, and the same request gets the same answer everywhere.
//!
//! | for | is tested by |
//! | --- | --- |
//! | a [`Store`](chat_core::store::Store) | [`store_tests!`], which makes a test of each; see [`store`] |
//! | a [`Bus`](chat_core::host::Bus) | [`bus::check`] |
//! | a [`FileStore`](chat_core::host::FileStore) | [`files::check`] |
//! | an adapter to a web framework | [`adapter::run`] |
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let files = chat_runtime::ObjectFiles::in_memory();
//! chat_conformance::files::check(&files).await;
//! # }
//! ```
#![allow(clippy::missing_panics_doc, reason = "a test panics where a contract is broken")]

pub mod adapter;
pub mod bus;
pub mod files;
pub mod store;

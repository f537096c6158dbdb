//! The tests that every implementation of chat-core's traits runs against itself: ours do, and so
//! can anybody's.
#![allow(clippy::missing_panics_doc, reason = "a test panics where a contract is broken")]

pub mod adapter;
pub mod bus;
pub mod files;
pub mod store;

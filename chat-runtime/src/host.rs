//! Work in which the host's own code has a part, which may panic.

use std::panic::AssertUnwindSafe;

use chat_core::Error;
use futures::FutureExt;

/// What work comes to; [`Error::Internal`] where it panics.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let panicked = |_| Err(Error::Internal("the host's own code panicked".into()));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

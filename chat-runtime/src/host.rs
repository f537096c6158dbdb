//! Work in which the host's own code has a part, which may panic or never return.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chat_core::Error;
use futures::FutureExt;
use tokio::time::timeout;

/// How long a piece of such work may take that others wait for.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What work comes to; [`Error::Internal`] where it panics.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let panicked = |_| Err(Error::Internal("the host's own code panicked".into()));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

/// The same; [`Error::Unavailable`] where it takes longer than a limit.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| Err(Error::Unavailable("the host's own code does not return".into()));
    timeout(limit, caught(work)).await.unwrap_or_else(late)
}

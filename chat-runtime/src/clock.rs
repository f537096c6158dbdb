//! Time as tokio's goes.

use chat_core::host::Clock;
use chat_core::model::Timestamp;
use tokio::time::Instant;

/// A wall clock that goes as tokio's time goes, for tests: where that is paused and advanced
/// (`tokio::time::pause`), typing, presence, leases and sign-ins end after their time without
/// anybody waiting for it.
///
/// A `JwtAuthenticator` has a clock of its own, which takes this one too.
///
/// ```
/// use std::time::Duration;
///
/// use chat_core::host::Clock;
/// use chat_core::model::Timestamp;
/// use chat_runtime::TokioClock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// tokio::time::pause();
/// let clock = TokioClock::new(Timestamp::from_seconds(1_700_000_000));
/// tokio::time::advance(Duration::from_secs(60)).await;
/// assert_eq!(clock.now(), Timestamp::from_seconds(1_700_000_060));
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: Timestamp,
    since: Instant,
}

impl TokioClock {
    /// A clock that shows this moment now.
    pub fn new(now: Timestamp) -> Self {
        Self { start: now, since: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.start.after(self.since.elapsed())
    }
}

/// Now, for machines: what waits is woken by the same clock, also where a test moves it.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

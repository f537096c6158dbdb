//! Time that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chat_core::host::Clock;
use chat_core::model::Timestamp;

/// 2024-12-25T10:30:00Z, the document's present.
const BEGIN: i64 = 1_735_122_600_000_000;

/// A wall clock and a monotonic clock that move together, when they are moved.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    /// Microseconds since the start of 1970.
    wall: Arc<AtomicI64>,
    /// The monotonic moment of `BEGIN`; any will do, since only distances are looked at.
    origin: Instant,
}

impl Time {
    pub(crate) fn new() -> Self {
        Self { wall: Arc::new(AtomicI64::new(BEGIN)), origin: Instant::now() }
    }

    pub(crate) fn instant(&self) -> Instant {
        self.origin + self.now().since(Timestamp::from_micros(BEGIN))
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_micros() / 1_000_000
    }

    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.wall.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn move_to(&self, to: Instant) {
        self.advance(to.saturating_duration_since(self.instant()));
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.wall.load(Ordering::Relaxed))
    }
}

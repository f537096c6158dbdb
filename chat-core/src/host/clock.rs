//! Wall time.

use std::fmt::Debug;
use std::time::SystemTime;

use crate::model::Timestamp;

/// Tells what time it is. Monotonic time is an argument wherever it is needed.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

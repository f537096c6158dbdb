//! How much one user may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::{Chat, Error};
use crate::config::RateLimit;
use crate::model::UserId;

/// Counts what users do on this node, and says when it is too much.
pub(super) struct Limiter {
    time: Monotonic,
    users: RateLimiter<UserId, HashMapStateStore<UserId>, Monotonic, NoOpMiddleware<Nanos>>,
}

/// Time as the callers tell it. It never goes back, whatever happens to the wall clock.
#[derive(Debug, Clone)]
struct Monotonic {
    start: Instant,
    elapsed: Arc<AtomicU64>,
}

impl Monotonic {
    fn advance(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).as_nanos();
        self.elapsed.fetch_max(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.elapsed.load(Ordering::Relaxed))
    }
}

impl Limiter {
    pub(super) fn new(limit: RateLimit, start: Instant) -> Self {
        let time = Monotonic { start, elapsed: Arc::default() };
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self { users: RateLimiter::hashmap_with_clock(quota, time.clone()), time }
    }
}

impl Chat {
    /// Counts one request or frame of a user.
    ///
    /// # Errors
    /// [`Error::Limited`] where they have come too fast ([`Config::rate_limit`]).
    ///
    /// [`Config::rate_limit`]: crate::Config::rate_limit
    pub(crate) fn admit(&self, user: &UserId, now: Instant) -> Result<(), Error> {
        let Some(limit) = self.config().rate_limit else { return Ok(()) };
        let limiter = self.inner.limiter.get_or_init(|| Limiter::new(limit, now));
        limiter.time.advance(now);
        limiter.users.check_key(user).map_err(|until| {
            let retry_after: Duration = until.wait_time_from(limiter.time.now());
            Error::Limited { retry_after }
        })
    }

    /// Forgets users who have done nothing for so long that nothing of it counts any more.
    pub(super) fn forget_idle_users(&self) {
        if let Some(limiter) = self.inner.limiter.get() {
            limiter.users.retain_recent();
            limiter.users.shrink_to_fit();
        }
    }
}

//! When a socket wants to be woken.

use std::time::Instant;

/// What a socket waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next ping is due.
    Ping,
    /// A ping has stayed unanswered.
    Pong,
    /// The sign-in expires.
    Expiry,
    /// The socket has lived long enough.
    Lifetime,
}

/// The deadlines of one socket; at most one of each kind.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; 4]);

impl Timers {
    const ALL: [Timer; 4] = [Timer::Ping, Timer::Pong, Timer::Expiry, Timer::Lifetime];

    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes the earliest deadline that has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Timer, Instant)> {
        let due =
            |timer: Timer| self.0[timer as usize].filter(|at| *at <= now).map(|at| (timer, at));
        let first = Self::ALL.into_iter().filter_map(due).min_by_key(|(_, at)| *at)?;
        self.clear(first.0);
        Some(first)
    }
}

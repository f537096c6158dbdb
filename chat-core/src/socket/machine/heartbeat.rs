//! The machine's timers: pings, the end of the sign-in, the lifetime.

use std::time::Instant;

use super::Socket;
use crate::socket::timers::Timer;
use crate::socket::{Close, Heartbeat, Output, Reply};

impl Socket {
    pub(super) fn handle_activity(&mut self) {
        self.last_activity = self.actor.chat().clock().now();
        self.session.touch(self.last_activity);
        self.timers.clear(Timer::Pong);
        self.missed = 0;
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some((timer, due)) = self.timers.take_due(now) {
            match timer {
                Timer::Ping => self.ping(due, now),
                Timer::Pong => self.handle_missed_ping(),
                Timer::Expiry => self.set_expiry(now),
                Timer::Lifetime => self.close(Close::LIFETIME),
            }
            if self.closed {
                return;
            }
        }
    }

    fn ping(&mut self, due: Instant, now: Instant) {
        let config = self.actor.chat().config();
        // After a pause of the whole machine the pings that were missed are not made up for.
        let next = due + config.ping_interval;
        self.timers.set(Timer::Ping, if next > now { next } else { now + config.ping_interval });
        if !self.timers.is_set(Timer::Pong) {
            self.timers.set(Timer::Pong, now + config.ping_timeout);
        }
        self.pings += 1;
        if let Some(history) = &mut self.history {
            history.retry();
        }
        match self.dialect.codec.heartbeat {
            Heartbeat::Frames => self.reply(&Reply::Ping { sequence: self.pings }),
            Heartbeat::Protocol => self.outputs.push_back(Output::Ping),
        }
    }

    fn handle_missed_ping(&mut self) {
        // The answer may be there, but not be read.
        if !self.wants_frames() {
            return;
        }
        self.missed += 1;
        self.reply(&Reply::Reconnect { reason: "ping_timeout", attempts: self.missed });
        if self.missed >= self.config().max_missed_pings {
            self.close(Close::PING_TIMEOUT);
        }
    }

    /// Whether the sign-in has expired by the wall clock.
    pub(super) fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= self.actor.chat().clock().now())
    }

    /// Closes if the sign-in has expired, else waits until it may have.
    pub(super) fn set_expiry(&mut self, now: Instant) {
        let Some(expires_at) = self.expires_at else { return };
        let left = expires_at.since(self.actor.chat().clock().now());
        if left.is_zero() {
            self.close(Close::UNAUTHENTICATED);
        } else {
            self.timers.set(Timer::Expiry, now + left);
        }
    }
}

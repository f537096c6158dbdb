//! How time passes in the world, and what happens meanwhile.

use std::time::{Duration, Instant};

use chat_core::socket::Input;

use super::{RENEWAL, World, now};

impl World {
    /// Lets time pass, and whatever is due on the way happen when it is due.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.time.instant() + by;
        while let Some(due) = self.next_deadline().filter(|due| *due <= end) {
            self.time.move_to(due);
            self.timeout();
        }
        self.time.move_to(end);
    }

    /// Lets some seconds pass.
    pub(crate) fn advance_secs(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass without anybody being woken, as when the machine was asleep.
    pub(crate) fn sleep(&mut self, by: Duration) {
        self.time.advance(by);
        self.timeout();
    }

    /// When something is due next.
    fn next_deadline(&self) -> Option<Instant> {
        let sockets = self.sockets.iter().filter_map(|socket| socket.deadline);
        sockets.chain(self.chat.poll_typing_timeout()).chain([self.next_renewal]).min()
    }

    /// Wakes everybody whose deadline has come.
    fn timeout(&mut self) {
        let at = self.time.instant();
        self.chat.handle_typing_timeout(at);
        if self.next_renewal <= at {
            self.next_renewal = at + RENEWAL;
            now(self.chat.renew_sessions()).unwrap();
            now(self.chat.expire_sessions()).unwrap();
        }
        for socket in &mut self.sockets {
            if socket.deadline.is_some_and(|due| due <= at) {
                socket.handle(Input::Timeout, &self.time);
                assert!(socket.deadline.is_none_or(|due| due > at), "woken again at once");
            }
        }
        self.settle();
    }

    /// Whether anything was told that was not handed out yet; it is lost.
    pub(crate) fn take_told(&self) -> bool {
        std::iter::from_fn(|| self.hub.take()).count() > 0
    }

    /// Hands out what was told, until nothing is.
    pub(crate) fn settle(&mut self) {
        loop {
            self.sockets.iter_mut().for_each(|socket| socket.drive(&self.time));
            let Some(delivery) = self.hub.take() else { return };
            for socket in &mut self.sockets {
                socket.deliver(&delivery, &self.time);
            }
        }
    }
}

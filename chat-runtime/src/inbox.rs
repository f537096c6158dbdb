//! What waits for one socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use chat_core::Config;
use chat_core::model::{Cursor, Version};
use chat_core::socket::Delivery;
use futures::task::AtomicWaker;

/// What waits for one socket, within bounds. Who fills it never waits.
///
/// Past half of the bounds signals are left out. Past the bounds everything is, until the socket has
/// taken what waits and asked for what it has missed.
#[derive(Debug)]
pub(crate) struct Inbox {
    most_frames: usize,
    most_bytes: usize,
    /// Guards what waits; held to put in or take out a delivery, or to throw all away.
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Arc<Delivery>>,
    bytes: usize,
    /// After which point deliveries are left out, where they are.
    lagging: Option<Cursor>,
    ending: Option<Ending>,
    closed: bool,
    /// From where in its room the socket counts, once it does.
    began: Option<Cursor>,
    /// Where in its room its user was last removed.
    removed: Option<Cursor>,
}

/// Why a socket is to end; the latter counts more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// The server drains.
    Drain,
    /// Its user was removed from the room.
    Removal,
    /// Its user was signed out.
    SignOut,
}

/// What a socket finds in its inbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// The next delivery.
    Delivery(Arc<Delivery>),
    /// Deliveries were left out, and are until [`Inbox::resume`].
    Lagging,
    /// The socket is to end. Said once, before everything else.
    Ending(Ending),
}

impl Inbox {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            most_frames: config.queue_frames,
            most_bytes: config.queue_bytes,
            state: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    /// Puts a delivery in that follows a point; whether the inbox begins to lag with it.
    pub(crate) fn push(&self, delivery: &Arc<Delivery>, weight: usize, before: Cursor) -> bool {
        {
            let mut state = self.lock();
            if state.lagging.is_some() || state.closed {
                return false;
            }
            let (frames, bytes) = (state.queue.len() + 1, state.bytes + weight);
            if delivery.is_passing()
                && (frames > self.most_frames / 2 || bytes > self.most_bytes / 2)
            {
                return false;
            }
            // A single delivery of any size is let through, or it never would be.
            if frames > 1 && (frames > self.most_frames || bytes > self.most_bytes) {
                state.lagging = Some(before);
                return true;
            }
            state.queue.push_back(delivery.clone());
            state.bytes = bytes;
            if frames > 1 {
                return false;
            }
        }
        self.waker.wake();
        false
    }

    /// Lags after a point, and throws away what waits, as something is missing before it; whether
    /// the inbox begins to lag with that.
    pub(crate) fn fall_behind(&self, after: Cursor) -> bool {
        let mut state = self.lock();
        (state.queue, state.bytes) = (VecDeque::new(), 0);
        let begins = state.lagging.is_none();
        state.lagging = Some(after);
        begins
    }

    /// After which point deliveries are left out that somebody will ask for.
    pub(crate) fn missing_after(&self) -> Option<Cursor> {
        let state = self.lock();
        state.lagging.filter(|_| !state.closed)
    }

    /// Takes what comes from now on; whether it was lagging.
    pub(crate) fn resume(&self) -> bool {
        self.lock().lagging.take().is_some()
    }

    /// How many deliveries wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().queue.len()
    }

    pub(crate) fn end(&self, ending: Ending) {
        {
            let mut state = self.lock();
            state.ending = state.ending.max(Some(ending));
        }
        self.waker.wake();
    }

    /// The socket counts from this version of its room, at which its user was a member.
    pub(crate) fn begin(&self, version: Version) {
        self.lock().began = Some(Cursor::version(version));
        self.check_membership();
    }

    /// The socket's user was removed from its room, and may have come again since: the socket ends
    /// where it counts from before.
    pub(crate) fn remove(&self, reached: Cursor) {
        {
            let mut state = self.lock();
            state.removed = state.removed.max(Some(reached));
        }
        self.check_membership();
    }

    fn check_membership(&self) {
        let is_over = {
            let state = self.lock();
            state.began.is_some_and(|began| Some(began) < state.removed)
        };
        if is_over {
            self.end(Ending::Removal);
        }
    }

    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Mail> {
        if let Some(mail) = self.take() {
            return Poll::Ready(mail);
        }
        self.waker.register(cx.waker());
        // Something may have come between the look and the registration.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Why the socket is to end, if it is; said once. For one that takes nothing else now.
    pub(crate) fn poll_ending(&self, cx: &Context<'_>) -> Option<Ending> {
        self.waker.register(cx.waker());
        self.lock().ending.take()
    }

    /// Throws away what waits and what comes: nobody will take it.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        (state.queue, state.bytes) = (VecDeque::new(), 0);
        state.closed = true;
    }

    fn take(&self) -> Option<Mail> {
        let mut state = self.lock();
        if let Some(ending) = state.ending.take() {
            return Some(Mail::Ending(ending));
        }
        if let Some(delivery) = state.queue.pop_front() {
            state.bytes = state.bytes.saturating_sub(delivery.weight());
            if state.queue.is_empty() {
                // An idle socket keeps no buffer.
                state.queue = VecDeque::new();
                state.bytes = 0;
            }
            return Some(Mail::Delivery(delivery));
        }
        (state.lagging.is_some() && !state.closed).then_some(Mail::Lagging)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chat_core::model::{Event, RoomId, Signal};

    use super::*;

    #[test]
    fn it_counts_what_waits_and_nothing_once_it_is_closed() {
        let inbox = Inbox::new(&Config::default());
        let room = RoomId::new(1).expect("an id");
        let delivery = Arc::new(Delivery::new(Event::Signal(Signal::HealthCheck { room })));
        let push = || inbox.push(&delivery, delivery.weight(), Cursor::default());
        push();
        push();
        assert_eq!(inbox.len(), 2);
        assert!(matches!(inbox.take(), Some(Mail::Delivery(_))));
        assert_eq!(inbox.len(), 1);
        inbox.close();
        push();
        assert_eq!(inbox.len(), 0);
    }

    #[test]
    fn it_ends_where_its_user_was_removed_after_it_began() {
        let ends = |removed_first: bool, removed: Version, began: Version| {
            let inbox = Inbox::new(&Config::default());
            let remove = || inbox.remove(Cursor::version(removed));
            if removed_first {
                remove();
            }
            inbox.begin(began);
            if !removed_first {
                remove();
            }
            matches!(inbox.take(), Some(Mail::Ending(Ending::Removal)))
        };
        for removed_first in [false, true] {
            assert!(ends(removed_first, 7, 6));
            assert!(!ends(removed_first, 7, 7), "it was read then that they are a member");
            assert!(!ends(removed_first, 7, 8));
        }
    }
}

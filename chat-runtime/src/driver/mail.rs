//! What the hub has for a socket, and how a socket is caught up that has fallen behind.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use chat_core::Error;
use chat_core::model::{Cursor, Event, RoomEvent};
use chat_core::service::Batch;
use chat_core::socket::{Close, Delivery, Input};
use futures::FutureExt;
use futures::future::{MaybeDone, maybe_done};
use tokio::time::Instant;

use super::Driver;
use crate::hub::{Missed, Reading};
use crate::inbox::Mail;
use crate::meters;

/// How many events that were read are handed over at once.
const PORTION: usize = 16;

/// After how many readings it is looked whether a socket falls back.
const READINGS: u32 = 8;

/// How a socket is caught up that has fallen behind.
#[derive(Default)]
pub(super) struct Behind {
    /// What is being read from the store.
    reading: Option<MaybeDone<Reading>>,
    /// What was read and is being handed over.
    read: Option<Read>,
    readings: u32,
    /// How many versions were missing when it was looked.
    missing: u64,
}

struct Read {
    events: vec::IntoIter<RoomEvent>,
    /// How far they reach.
    reached: Cursor,
    /// Whether there is more to read.
    more: bool,
}

impl Behind {
    /// Whether somebody falls back who still misses so many versions after a reading: at two looks
    /// more than `limit`, and more at the second.
    fn falls_back(&mut self, missing: u64, limit: u64) -> bool {
        self.readings += 1;
        if !self.readings.is_multiple_of(READINGS) {
            return false;
        }
        let before = std::mem::replace(&mut self.missing, missing);
        before > limit && missing > before
    }
}

impl Driver {
    /// Gives the machine what comes next: what it has missed, or else what is in the inbox.
    pub(super) fn poll_mail(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if let Some(ending) = self.inbox.poll_ending(cx) {
            self.take_ending(ending, now);
            return Poll::Ready(());
        }
        if !self.socket.wants_deliveries() {
            // The command that they wait for wakes the task.
            return Poll::Pending;
        }
        if self.behind.is_some() {
            return self.poll_behind(cx, now);
        }
        match self.inbox.poll_next(cx) {
            Poll::Ready(Mail::Delivery(delivery)) => {
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
            Poll::Ready(Mail::Lagging) => self.behind = Some(Box::default()),
            Poll::Ready(Mail::Ending(ending)) => self.take_ending(ending, now),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Reads on from the store, also while the connection takes nothing: others wait for their turn.
    pub(super) fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reading = self.behind.as_mut().and_then(|behind| behind.reading.as_mut());
        reading.map_or(Poll::Ready(()), |reading| reading.poll_unpin(cx))
    }

    /// Gives the machine the next that it has missed.
    fn poll_behind(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        ready!(self.poll_reading(cx));
        let Some(behind) = &mut self.behind else { return Poll::Ready(()) };
        let reading = behind.reading.take();
        if let Some(read) = reading.and_then(|mut reading| Pin::new(&mut reading).take_output()) {
            self.take_batch(read, now);
        } else if let Some(read) = &mut behind.read {
            for event in read.events.by_ref().take(PORTION) {
                let delivery = Delivery::new(Event::Room(event));
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
            if read.events.len() == 0 {
                self.socket.catch_up_to(read.reached);
                let more = read.more;
                behind.read = None;
                if !more {
                    self.behind = None;
                }
            }
        } else {
            self.ask_for_missed(now);
        }
        Poll::Ready(())
    }

    /// Asks for what was left out of the inbox: as it was told, or else from the store.
    fn ask_for_missed(&mut self, now: Instant) {
        let (room, cursor) = (self.socket.room(), self.socket.cursor());
        if let Some(Missed { deliveries, is_all }) = self.hub.missed(room, cursor, &self.inbox) {
            for delivery in deliveries {
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
            if is_all {
                self.behind = None;
            } else if let Some(behind) = &mut self.behind {
                // Whoever can be handed what was told is not far behind.
                (behind.readings, behind.missing) = (0, 0);
            }
        } else if let Some(behind) = &mut self.behind {
            meters::caught_up("socket");
            behind.reading = Some(maybe_done(self.hub.stored(room, cursor)));
        }
    }

    fn take_batch(&mut self, read: Result<Batch, Error>, now: Instant) {
        let Some(behind) = &mut self.behind else { return };
        match read {
            // It shows texts as they are now, which may be later than that.
            Ok(batch) if batch.events.iter().any(|event| self.socket.is_removed_by(event)) => {
                self.socket.handle(Input::Close(Close::FORBIDDEN), now.into_std());
            }
            Ok(Batch { events, reached, newest, more }) => {
                behind.read = Some(Read { events: events.into_iter(), reached, more });
                let limit = self.socket.actor().chat().config().lag_limit;
                if behind.falls_back(newest.saturating_sub(reached.version), limit) {
                    self.socket.handle(Input::Close(Close::TOO_SLOW), now.into_std());
                }
            }
            Err(error) => {
                tracing::warn!(room = %self.socket.room(), %error, "a slow socket could not be caught up");
                self.socket.handle(Input::Close(Close::from(&error)), now.into_std());
            }
        }
    }
}

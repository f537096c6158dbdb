//! What the hub has for a socket, and what it had to leave out.

use std::task::{Context, Poll};

use chat_core::Error;
use chat_core::model::Event;
use chat_core::service::Batch;
use chat_core::socket::{Close, Delivery, Input};
use futures::FutureExt;
use tokio::time::Instant;

use super::Driver;
use crate::inbox::Mail;
use crate::meters;

impl Driver {
    /// Gives the machine what comes next: from the store while it catches up, else from the inbox.
    pub(super) fn poll_mail(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.socket.wants_deliveries() {
            // The command that they wait for wakes the task.
            return Poll::Pending;
        }
        if let Some(reading) = &mut self.reading {
            if self.inbox.poll_drain(cx) {
                self.socket.handle(Input::Drain, now.into_std());
                return Poll::Ready(());
            }
            let Poll::Ready(read) = reading.poll_unpin(cx) else { return Poll::Pending };
            self.reading = None;
            self.take_batch(read, now);
            return Poll::Ready(());
        }
        match self.inbox.poll_next(cx) {
            Poll::Ready(Mail::Delivery(delivery)) => {
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
            Poll::Ready(Mail::Lagging) => self.take_missed(now),
            Poll::Ready(Mail::Draining) => self.socket.handle(Input::Drain, now.into_std()),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// What was left out of the inbox: as it was told, or else from the store.
    fn take_missed(&mut self, now: Instant) {
        let (room, cursor) = (self.socket.room(), self.socket.cursor());
        if let Some(deliveries) = self.hub.missed(room, cursor, &self.inbox) {
            for delivery in deliveries {
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
        } else {
            meters::caught_up("socket");
            self.read_changes(now);
        }
    }

    /// Reads on from the store, unless the socket only falls back by it.
    fn read_changes(&mut self, now: Instant) {
        let (room, cursor) = (self.socket.room(), self.socket.cursor());
        let behind = self.hub.distance(room, cursor);
        let before = *self.behind.get_or_insert(behind);
        if behind > before.max(self.socket.actor().chat().config().lag_limit) {
            self.socket.handle(Input::Close(Close::TOO_SLOW), now.into_std());
        } else {
            self.reading = Some(self.hub.stored(room, cursor));
        }
    }

    fn take_batch(&mut self, read: Result<Batch, Error>, now: Instant) {
        match read {
            Ok(batch) => {
                for event in batch.events {
                    let delivery = Delivery::new(Event::Room(event));
                    self.socket.handle(Input::Delivery(&delivery), now.into_std());
                }
                self.socket.catch_up_to(batch.reached);
                if batch.more {
                    self.read_changes(now);
                } else {
                    self.behind = None;
                }
            }
            Err(error) => {
                tracing::warn!(room = %self.socket.room(), %error, "a slow socket could not be caught up");
                self.socket.handle(Input::Close(Close::FAULT), now.into_std());
            }
        }
    }
}

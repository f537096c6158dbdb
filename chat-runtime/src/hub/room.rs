//! One room's sockets and how far they have been told its changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_core::model::{Cursor, Event, RoomEvent, Version};
use chat_core::service::Batch;
use chat_core::socket::Delivery;

use super::remove;
use crate::inbox::Inbox;

/// How many events may wait for one before them; more are read from the store anyway.
const MOST_EARLY: usize = 256;

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing more.
    Done,
    /// A version is missing: if it does not come soon, read it from the store.
    Wait,
    /// What is missing will not come: read it from the store.
    Read,
}

/// One room's sockets and how far they have been told its changes.
#[derive(Debug, Default)]
pub(super) struct Room {
    inboxes: Vec<Arc<Inbox>>,
    /// How far everybody has been told; none until the first socket has begun.
    cursor: Option<Cursor>,
    /// Events whose predecessors have not come yet.
    early: BTreeMap<Cursor, Arc<Delivery>>,
    /// The version that the room is known to have reached.
    expected: Version,
    /// The version that others say it has reached: looked for once, and no more where it is not
    /// there.
    hinted: Version,
    /// Whether somebody is to look into the store.
    watched: bool,
    /// Whether somebody looks into the store: meanwhile events wait, or they would be told twice.
    reading: bool,
}

impl Room {
    pub(super) fn subscribe(&mut self, inbox: Arc<Inbox>) {
        self.inboxes.push(inbox);
    }

    pub(super) fn unsubscribe(&mut self, inbox: &Arc<Inbox>) {
        remove(&mut self.inboxes, inbox);
        if self.inboxes.len() * 4 < self.inboxes.capacity() {
            self.inboxes.shrink_to_fit();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inboxes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.inboxes.len()
    }

    pub(super) fn inboxes(&self) -> impl Iterator<Item = &Arc<Inbox>> {
        self.inboxes.iter()
    }

    /// Puts a delivery into every inbox.
    pub(super) fn push(&self, delivery: &Arc<Delivery>) {
        let weight = delivery.weight();
        self.inboxes.iter().for_each(|inbox| inbox.push(delivery, weight));
    }

    /// A socket has seen a version; the first one says from where the room counts here.
    pub(super) fn begin(&mut self, version: Version) -> Step {
        let cursor = *self.cursor.get_or_insert(Cursor::version(version));
        self.expected = self.expected.max(version);
        if cursor.version == version { self.advance() } else { self.step() }
    }

    /// The room is said to have reached a version; whether it is to be looked for.
    pub(super) fn expect(&mut self, version: Version) -> bool {
        self.hinted = self.hinted.max(version);
        self.step() != Step::Done
    }

    /// Takes an event that has just happened.
    pub(super) fn take(&mut self, event: &RoomEvent) -> Step {
        self.expected = self.expected.max(event.reached.version);
        if self.cursor.is_some_and(|cursor| event.reached <= cursor) {
            return Step::Done;
        }
        if event.changes.is_empty() {
            return if self.step() == Step::Done { Step::Done } else { Step::Read };
        }
        if self.early.len() < MOST_EARLY {
            let delivery = Arc::new(Delivery::new(Event::Room(event.clone())));
            self.early.insert(event.reached, delivery);
        }
        self.advance()
    }

    /// Delivers what has no gap before it.
    fn advance(&mut self) -> Step {
        while let (Some(cursor), false) = (self.cursor, self.reading) {
            let Some(first) = self.early.first_entry() else { break };
            let reached = *first.key();
            if reached > cursor && reached.version != cursor.version + 1 {
                break;
            }
            let delivery = first.remove();
            if reached > cursor {
                self.push(&delivery);
                self.cursor = Some(reached);
            }
        }
        self.step()
    }

    /// From where something is missing.
    fn behind(&self) -> Option<Cursor> {
        let reached = self.expected.max(self.hinted);
        self.cursor.filter(|cursor| cursor.version < reached)
    }

    /// How many changes are known of that have not been told.
    pub(super) fn lag(&self) -> u64 {
        let reached = self.expected.max(self.hinted);
        self.cursor.map_or(0, |cursor| reached.saturating_sub(cursor.version))
    }

    fn step(&mut self) -> Step {
        if self.behind().is_none() || self.watched {
            return Step::Done;
        }
        self.watched = true;
        Step::Wait
    }

    /// Begins to read from the store: from where, or `None` where nothing is missing any more.
    pub(super) fn start_reading(&mut self) -> Option<Cursor> {
        let cursor = self.behind();
        self.hinted = 0;
        self.reading = cursor.is_some();
        self.watched = self.reading;
        cursor
    }

    /// Delivers what was read.
    pub(super) fn take_batch(&mut self, batch: Batch) {
        for event in batch.events {
            let delivery = Arc::new(Delivery::new(Event::Room(event)));
            self.push(&delivery);
        }
        self.cursor = self.cursor.max(Some(batch.reached));
        self.expected = self.expected.max(batch.reached.version);
    }

    /// Ends reading and delivers what came meanwhile. Whether something is still missing.
    pub(super) fn stop_reading(&mut self) -> bool {
        self.reading = false;
        self.watched = false;
        self.advance() != Step::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_not_there_is_looked_for_once() {
        let mut room = Room::default();
        room.begin(5);
        assert!(room.expect(Version::MAX));
        assert!(!room.expect(Version::MAX), "somebody is about to look");
        assert_eq!(room.start_reading(), Some(Cursor::version(5)));
        assert!(!room.stop_reading());
        assert!(!room.expect(5));
        assert!(room.expect(6));
        assert_eq!(room.lag(), 1);
        assert_eq!(room.start_reading(), Some(Cursor::version(5)));
        assert!(
            room.expect(7) || room.stop_reading(),
            "what is said meanwhile is looked for again"
        );
    }
}

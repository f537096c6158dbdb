//! One room's sockets and how far they have been told its changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_core::model::{Cursor, Event, RoomEvent, Version};
use chat_core::service::Batch;
use chat_core::socket::Delivery;

use super::remove;
use super::tail::{Budget, Tail};
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
#[derive(Debug)]
pub(super) struct Room {
    inboxes: Vec<Arc<Inbox>>,
    /// For those that are behind.
    tail: Tail,
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
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            inboxes: Vec::new(),
            tail: Tail::new(budget),
            cursor: None,
            early: BTreeMap::new(),
            expected: 0,
            hinted: 0,
            watched: false,
            reading: false,
        }
    }

    pub(super) fn subscribe(&mut self, inbox: Arc<Inbox>) {
        self.inboxes.push(inbox);
    }

    pub(super) fn unsubscribe(&mut self, inbox: &Arc<Inbox>) {
        remove(&mut self.inboxes, inbox);
        if self.inboxes.len() * 4 < self.inboxes.capacity() {
            self.inboxes.shrink_to_fit();
        }
        self.trim();
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

    /// Puts a delivery into every inbox; whether one of them is lagging.
    pub(super) fn push(&self, delivery: &Arc<Delivery>) -> bool {
        let weight = delivery.weight();
        let push = |lagging, inbox: &Arc<Inbox>| inbox.push(delivery, weight) || lagging;
        self.inboxes.iter().fold(false, push)
    }

    /// Tells everybody what comes next.
    fn tell(&mut self, reached: Cursor, delivery: Arc<Delivery>) {
        let before = self.cursor.replace(reached).unwrap_or_default();
        if self.push(&delivery) {
            self.tail.push(before, reached, delivery);
        }
    }

    /// What a socket has missed whose inbox is lagging, at most so many deliveries of it, where they
    /// are still known. With the last of them, or where they are not, its inbox takes what comes
    /// from now on.
    pub(super) fn missed(
        &mut self,
        inbox: &Inbox,
        after: Cursor,
        most: usize,
    ) -> Option<Vec<Arc<Delivery>>> {
        let missed = self.tail.after(after, most);
        if missed.as_ref().is_none_or(|(_, is_all)| *is_all) {
            inbox.resume();
            self.trim();
        }
        missed.map(|(deliveries, _)| deliveries)
    }

    /// Keeps nothing for sockets that are behind where there are none.
    fn trim(&mut self) {
        if !self.tail.is_empty() && !self.inboxes.iter().any(|inbox| inbox.is_lagging()) {
            self.tail.clear();
        }
    }

    /// How many changes somebody is behind the others.
    pub(super) fn distance(&self, after: Cursor) -> u64 {
        self.cursor.map_or(0, |cursor| cursor.version.saturating_sub(after.version))
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
                self.tell(reached, delivery);
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
            self.tell(event.reached, Arc::new(Delivery::new(Event::Room(event))));
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
    use std::task::{Context, Poll};

    use chat_core::Config;
    use chat_core::model::{Change, RoomId, UserId};
    use futures::task::noop_waker;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::inbox::Mail;

    #[test]
    fn a_version_that_is_not_there_is_looked_for_once() {
        let mut room = Room::new(Budget::new(0));
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

    /// A socket of the room, which takes what comes when it likes.
    struct Reader {
        inbox: Arc<Inbox>,
        /// How far it has come.
        cursor: Cursor,
        /// Whether it reads from the store.
        reading: bool,
    }

    impl Reader {
        /// Does the next thing; whether there was one.
        fn step(&mut self, room: &mut Room, portion: usize) -> bool {
            if std::mem::take(&mut self.reading) {
                self.cursor = room.cursor.expect("it has begun");
                return true;
            }
            match self.inbox.poll_next(&Context::from_waker(&noop_waker())) {
                Poll::Ready(Mail::Delivery(delivery)) => self.take(&delivery),
                Poll::Ready(Mail::Lagging) => {
                    match room.missed(&self.inbox, self.cursor, portion) {
                        Some(deliveries) => deliveries.iter().for_each(|it| self.take(it)),
                        None => self.reading = true,
                    }
                }
                Poll::Ready(Mail::Draining) | Poll::Pending => return false,
            }
            true
        }

        fn take(&mut self, delivery: &Delivery) {
            let Event::Room(event) = delivery.event() else { return };
            if event.reached > self.cursor {
                assert_eq!(event.reached.version, self.cursor.version + 1, "nothing is left out");
                self.cursor = event.reached;
            }
        }
    }

    proptest! {
        /// Whoever is slow is told everything, in order, whatever is kept.
        #[test]
        fn every_socket_is_told_everything_in_order(
            steps in vec(0..5_usize, 1..300),
            frames in 1..5_usize,
            kept in 0..20_usize,
            portion in 1..4_usize,
        ) {
            let mut config = Config::default();
            config.queue_frames = frames;
            let budget = Budget::new(kept * 512);
            let mut room = Room::new(budget.clone());
            let reader = || Reader {
                inbox: Arc::new(Inbox::new(&config)),
                cursor: Cursor::version(1),
                reading: false,
            };
            let mut readers = [reader(), reader(), reader()];
            for reader in &readers {
                room.subscribe(reader.inbox.clone());
            }
            room.begin(1);
            let mut version = 1;
            for step in steps {
                if let Some(reader) = readers.get_mut(step) {
                    reader.step(&mut room, portion);
                } else {
                    version += 1;
                    let reached = Cursor::version(version);
                    let changes = vec![Change::Left { user: UserId::from(1) }];
                    let id = RoomId::new(1).expect("an id");
                    room.take(&RoomEvent { room: id, reached, changes });
                }
            }
            for reader in &mut readers {
                while reader.step(&mut room, portion) {}
                prop_assert_eq!(reader.cursor, Cursor::version(version));
            }
            prop_assert!(room.tail.is_empty(), "nobody is behind");
        }
    }
}

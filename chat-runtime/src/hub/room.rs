//! One room's sockets and how far they have been told its changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chat_core::model::{Cursor, Event, RoomEvent, Version};
use chat_core::socket::Delivery;

use super::remove;
use super::tail::{Budget, Missed, Tail, Told};
use crate::inbox::{Ending, Inbox};

/// How many events may wait for one before them; more are read from the store anyway.
const MOST_EARLY: usize = 256;

/// How many bytes of a tail may be kept that everybody has.
const TRIM: usize = 256 * 1024;

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
    /// How many of them are lagging.
    lagging: usize,
    /// For those that are.
    tail: Tail,
    /// How large the tail may become before it is looked at what of it everybody has.
    trim_at: usize,
    /// How far everybody has been told; none until the first socket has begun.
    cursor: Option<Cursor>,
    /// Where that was.
    began: Version,
    /// Events whose predecessors have not come yet.
    early: BTreeMap<Cursor, Arc<Delivery>>,
    /// The version that the room is known to have reached.
    expected: Version,
    /// The version that others say it has reached: looked for once, and no more where it is not
    /// there.
    hinted: Version,
    /// What of that is being looked for.
    sought: Version,
    /// Whether somebody is to look into the store.
    watched: bool,
    /// Whether somebody looks into the store: meanwhile events wait, or they would be told twice.
    reading: bool,
}

impl Room {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            inboxes: Vec::new(),
            lagging: 0,
            tail: Tail::new(budget),
            trim_at: TRIM,
            cursor: None,
            began: 0,
            early: BTreeMap::new(),
            expected: 0,
            hinted: 0,
            sought: 0,
            watched: false,
            reading: false,
        }
    }

    pub(super) fn subscribe(&mut self, inbox: Arc<Inbox>) {
        self.inboxes.push(inbox);
    }

    /// What is handed back is to be dropped where nobody waits for that.
    pub(super) fn unsubscribe(&mut self, inbox: &Arc<Inbox>) -> VecDeque<Told> {
        remove(&mut self.inboxes, inbox);
        if self.inboxes.len() * 4 < self.inboxes.capacity() {
            self.inboxes.shrink_to_fit();
        }
        self.resume(inbox)
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
    pub(super) fn push(&mut self, delivery: &Arc<Delivery>) {
        let (weight, before) = (delivery.weight(), self.cursor.unwrap_or_default());
        let begins = |inbox: &&Arc<Inbox>| inbox.push(delivery, weight, before);
        self.lagging += self.inboxes.iter().filter(begins).count();
    }

    /// Tells everybody what comes next.
    fn tell(&mut self, reached: Cursor, delivery: Arc<Delivery>) {
        self.push(&delivery);
        let before = self.cursor.replace(reached).unwrap_or_default();
        if self.lagging == 0 {
            return;
        }
        self.tail.push(before, reached, delivery);
        if self.tail.weight() > self.trim_at {
            let missing = self.inboxes.iter().filter_map(|inbox| inbox.missing_after());
            self.tail.forget(missing.min().unwrap_or(reached));
            self.trim_at = TRIM + self.tail.weight() + self.tail.weight() / 2;
        }
    }

    /// What comes after a point for a socket that is behind, at most so many deliveries. With the
    /// last of them, or where they are not known, its inbox takes what comes from now on; until then
    /// it lags.
    ///
    /// What is handed back besides is to be dropped where nobody waits for that.
    pub(super) fn missed(
        &mut self,
        inbox: &Inbox,
        after: Cursor,
        most: usize,
    ) -> (Option<Missed>, VecDeque<Told>) {
        let missed = self.tail.after(after, most);
        if missed.as_ref().is_some_and(|missed| !missed.is_all) {
            // It may be asked for one that reads from the store and does not lag any more.
            self.lagging += usize::from(inbox.fall_behind(after));
            return (missed, VecDeque::new());
        }
        (missed, self.resume(inbox))
    }

    /// An inbox takes what comes from now on, or is no more. Nothing is kept where none is lagging.
    fn resume(&mut self, inbox: &Inbox) -> VecDeque<Told> {
        self.lagging -= usize::from(inbox.resume());
        if self.lagging > 0 {
            return VecDeque::new();
        }
        self.trim_at = TRIM;
        self.tail.take()
    }

    /// A socket has seen a version; the first one says from where the room counts here.
    pub(super) fn begin(&mut self, inbox: &Inbox, version: Version) -> Step {
        let cursor = *self.cursor.get_or_insert_with(|| {
            self.began = version;
            Cursor::version(version)
        });
        if version < self.began {
            // What came between was told to nobody.
            self.lagging += usize::from(inbox.fall_behind(Cursor::version(version)));
        }
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

    /// The version that the room is known or said to have reached.
    fn reached(&self) -> Version {
        self.expected.max(self.hinted).max(self.sought)
    }

    /// The version that the room is known to have reached, so that the store has it, or has lost it.
    pub(super) fn expected(&self) -> Version {
        self.expected
    }

    /// From where something is missing.
    fn behind(&self) -> Option<Cursor> {
        self.cursor.filter(|cursor| cursor.version < self.reached())
    }

    /// Up to which version everybody has been told.
    pub(super) fn told(&self) -> Version {
        self.cursor.map_or(0, |cursor| cursor.version)
    }

    /// Closes all sockets and begins anew with those that come. What is handed back is to be dropped
    /// where nobody waits for that.
    pub(super) fn give_up(&mut self, ending: Ending) -> VecDeque<Told> {
        self.inboxes.iter().for_each(|inbox| inbox.end(ending));
        self.cursor = None;
        self.early.clear();
        (self.expected, self.hinted, self.sought) = (0, 0, 0);
        (self.watched, self.reading) = (false, false);
        self.trim_at = TRIM;
        self.tail.take()
    }

    /// How many changes are known of that have not been told.
    pub(super) fn lag(&self) -> u64 {
        self.cursor.map_or(0, |cursor| self.reached().saturating_sub(cursor.version))
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
        // Kept until it was read: that may fail and be tried again.
        self.sought = self.sought.max(std::mem::take(&mut self.hinted));
        self.reading = cursor.is_some();
        self.watched = self.reading;
        if cursor.is_none() {
            self.sought = 0;
        }
        cursor
    }

    /// Delivers what was read; whether somebody reads for this room. It may be another one than that
    /// for which it was read, after all sockets have gone and others come.
    pub(super) fn take_read(&mut self, events: impl Iterator<Item = RoomEvent>) -> bool {
        if !self.reading {
            return false;
        }
        for event in events {
            if self.cursor.is_some_and(|cursor| event.reached > cursor) {
                self.tell(event.reached, Arc::new(Delivery::new(Event::Room(event))));
            }
        }
        true
    }

    /// Everything up to a point was read and delivered.
    pub(super) fn read_to(&mut self, reached: Cursor) {
        if !self.reading {
            return;
        }
        self.cursor = self.cursor.max(Some(reached));
        self.expected = self.expected.max(reached.version);
    }

    /// Ends reading and delivers what came meanwhile. Whether something is still missing.
    pub(super) fn stop_reading(&mut self) -> bool {
        self.reading = false;
        self.watched = false;
        self.sought = 0;
        self.advance() != Step::Done
    }
}

#[cfg(test)]
mod tests;

//! One room's sockets and how far they have been told its changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chat_core::model::{Cursor, Event, RoomEvent, Version};
use chat_core::socket::Delivery;

use super::remove;
use super::tail::{Budget, Missed, Tail, Told};
use crate::inbox::Inbox;

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
        self.expected.max(self.hinted)
    }

    /// From where something is missing.
    fn behind(&self) -> Option<Cursor> {
        self.cursor.filter(|cursor| cursor.version < self.reached())
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
        self.hinted = 0;
        self.reading = cursor.is_some();
        self.watched = self.reading;
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
        self.cursor = self.cursor.max(Some(reached));
        self.expected = self.expected.max(reached.version);
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

    fn event(version: Version) -> RoomEvent {
        let changes = vec![Change::Left { user: UserId::from(1) }];
        let room = RoomId::new(1).expect("an id");
        RoomEvent { room, reached: Cursor::version(version), changes }
    }

    #[test]
    fn a_version_that_is_not_there_is_looked_for_once() {
        let mut room = Room::new(Budget::new(0));
        room.begin(&Inbox::new(&Config::default()), 5);
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

    #[test]
    fn what_came_while_two_sockets_opened_is_not_lost_for_the_first() {
        let mut room = Room::new(Budget::new(1_000_000));
        let first = Reader::subscribed(&mut room, &Config::default(), 290);
        room.take(&event(291));
        let second = Reader::subscribed(&mut room, &Config::default(), 291);
        room.begin(&second.inbox, 291);
        room.begin(&first.inbox, 290);
        room.take(&event(292));
        assert!(matches!(first.mail(), Poll::Ready(Mail::Lagging)), "291 was told to nobody");
        assert!(room.missed(&first.inbox, first.cursor, 10).0.is_none(), "it is in the store");
        room.take(&event(293));
        assert!(matches!(first.mail(), Poll::Ready(Mail::Delivery(_))));
    }

    /// A socket of the room, which takes what comes when it likes.
    struct Reader {
        inbox: Arc<Inbox>,
        /// How far it has come.
        cursor: Cursor,
        begun: bool,
        /// Whether it is being caught up, and from the store.
        behind: bool,
        reading: bool,
    }

    impl Reader {
        fn subscribed(room: &mut Room, config: &Config, version: Version) -> Self {
            let (inbox, cursor) = (Arc::new(Inbox::new(config)), Cursor::version(version));
            room.subscribe(inbox.clone());
            Self { inbox, cursor, begun: false, behind: false, reading: false }
        }

        fn mail(&self) -> Poll<Mail> {
            self.inbox.poll_next(&Context::from_waker(&noop_waker()))
        }

        /// Does the next thing; whether there was one.
        fn step(&mut self, room: &mut Room, newest: Version, portion: usize) -> bool {
            if !std::mem::replace(&mut self.begun, true) {
                room.begin(&self.inbox, self.cursor.version);
            } else if std::mem::take(&mut self.reading) {
                // As much at once as there is, or less.
                let most = self.cursor.version + portion as u64;
                self.cursor = Cursor::version(newest.min(most));
                self.behind = newest > most;
            } else if self.behind {
                match room.missed(&self.inbox, self.cursor, portion).0 {
                    Some(Missed { deliveries, is_all }) => {
                        for delivery in deliveries {
                            self.take(&delivery);
                        }
                        self.behind = !is_all;
                    }
                    None => self.reading = true,
                }
            } else {
                match self.mail() {
                    Poll::Ready(Mail::Delivery(delivery)) => self.take(&delivery),
                    Poll::Ready(Mail::Lagging) => self.behind = true,
                    Poll::Ready(Mail::Draining) | Poll::Pending => return false,
                }
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

    #[derive(Debug, Clone)]
    enum Act {
        /// A version comes, and the room is told.
        Comes,
        /// A version comes and the room is not told.
        Is,
        /// The room reads what it was not told, this much at once.
        Reads(usize),
        /// A socket takes the next.
        Takes(usize),
        /// A socket is closed and leaves, and another opens.
        Changes(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            8 => Just(Act::Comes),
            1 => Just(Act::Is),
            1 => (1..4_usize).prop_map(Act::Reads),
            12 => (0..3_usize).prop_map(Act::Takes),
            1 => (0..3_usize).prop_map(Act::Changes),
        ]
    }

    proptest! {
        /// Whoever is slow is told everything, in order, whatever is kept and whoever comes and goes.
        #[test]
        fn every_socket_is_told_everything_in_order(
            acts in vec(act(), 1..300),
            frames in 1..5_usize,
            kept in 0..80_usize,
            portion in 1..4_usize,
        ) {
            let mut config = Config::default();
            config.queue_frames = frames;
            let budget = Budget::new(kept * 512);
            let mut room = Room::new(budget.clone());
            let mut version = 1;
            let mut readers = [(); 3].map(|()| Reader::subscribed(&mut room, &config, version));
            for act in acts {
                match act {
                    Act::Comes => {
                        version += 1;
                        room.take(&event(version));
                    }
                    Act::Is => version += 1,
                    Act::Reads(most) => {
                        room.expect(version);
                        let Some(from) = room.start_reading() else { continue };
                        for next in (from.version + 1..=version).collect::<Vec<_>>().chunks(most) {
                            room.take_read(next.iter().copied().map(event));
                        }
                        room.read_to(Cursor::version(version));
                        room.stop_reading();
                    }
                    Act::Takes(reader) => {
                        readers[reader].step(&mut room, version, portion);
                    }
                    Act::Changes(reader) => {
                        readers[reader].inbox.close();
                        drop(room.unsubscribe(&readers[reader].inbox));
                        readers[reader] = Reader::subscribed(&mut room, &config, version);
                    }
                }
            }
            for reader in &mut readers {
                while reader.step(&mut room, version, portion) {}
            }
            room.expect(version);
            if let Some(from) = room.start_reading() {
                room.take_read((from.version + 1..=version).map(event));
                room.read_to(Cursor::version(version));
                room.stop_reading();
            }
            for reader in &mut readers {
                while reader.step(&mut room, version, portion) {}
                prop_assert_eq!(reader.cursor, Cursor::version(version));
            }
            prop_assert_eq!((room.lagging, budget.used()), (0, 0), "nobody is behind");
        }
    }
}

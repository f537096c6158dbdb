//! A room and its sockets, whatever comes and whoever goes.

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
    assert!(room.expect(7) || room.stop_reading(), "what is said meanwhile is looked for again");
}

#[test]
fn what_others_say_is_looked_for_again_where_it_could_not_be_read() {
    let mut room = Room::new(Budget::new(0));
    room.begin(&Inbox::new(&Config::default()), 5);
    assert!(room.expect(6));
    for _ in 0..3 {
        assert_eq!(room.start_reading(), Some(Cursor::version(5)));
    }
    assert!(!room.stop_reading());
    assert_eq!(room.start_reading(), None);
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
                Poll::Ready(Mail::Ending(_)) | Poll::Pending => return false,
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

//! What a lane knows of rooms, so that messages to them take one statement.
//!
//! Whatever changes a room's members, settings or messages takes a version of the room. So what is
//! known of a room holds for as long as its version does, and the statement that writes looks at
//! that once it has the room's row: where somebody else has written, it writes nothing there, and
//! the room is taken and read like any other.

use std::collections::{BTreeMap, HashMap, HashSet};

use chat_core::model::{MessageKind, RoomId, SeqSet};
use chat_core::store::StoreResult;

use crate::batch::{Batch, Decided, Held, Key, key_of};
use crate::lane::{Outcome, Write};
use crate::recent::Recent;
use crate::rows::Sets;
use crate::writes::{self, NewRow, Places};

/// The most memberships that are known; beyond, all is forgotten and read again.
const MOST: usize = 50_000;

/// How many keys are remembered.
const KEYS: usize = 8_192;

/// What a lane knows of rooms.
pub(crate) struct Known {
    rooms: HashMap<RoomId, Room>,
    /// How many memberships these have.
    memberships: usize,
    /// Rooms where others had written.
    contested: HashSet<RoomId>,
    /// Keys that were used: what is sent under them again is a repetition, most likely.
    keys: Recent<Key>,
}

struct Room {
    held: Held,
    /// Whether nobody else wrote to it since it was known. Where others do, knowing is no use.
    is_steady: bool,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self {
            rooms: HashMap::new(),
            memberships: 0,
            contested: HashSet::new(),
            keys: Recent::new(KEYS),
        }
    }

    /// Forgets all rooms, as with the connection that they were read over.
    pub(crate) fn clear(&mut self) {
        self.rooms.clear();
        self.memberships = 0;
        self.contested.clear();
    }

    /// Parts writes into those that what is known is enough for, and all others. The writes of one
    /// room stay together.
    pub(crate) fn part<T>(
        &mut self,
        all: Vec<T>,
        write: impl Fn(&T) -> &Write,
    ) -> (Vec<T>, Vec<T>) {
        let mut others = HashSet::new();
        for write in all.iter().map(&write) {
            let key = match write {
                Write::Send(new) => key_of(new),
                Write::Mark(_) => None,
            };
            let is_repeated = key.is_some_and(|key| self.keys.see(key));
            if is_repeated || !self.suffices(write) {
                others.insert(write.room());
            }
        }
        all.into_iter().partition(|it| !others.contains(&write(it).room()))
    }

    fn suffices(&self, write: &Write) -> bool {
        let Write::Send(new) = write else { return false };
        let Some(room) = self.rooms.get(&new.room).filter(|room| room.is_steady) else {
            return false;
        };
        let Some(caller) = room.held.members.get(new.by.user()) else { return false };
        new.kind != MessageKind::System
            && new.reply_to.is_none()
            && !caller.is_to_fold(room.held.room.last_seq)
    }

    /// Takes out what is known of the rooms of these writes, until it is known what came of them.
    pub(crate) fn take<'w>(&mut self, all: impl Iterator<Item = &'w Write>) -> Attempt {
        let mut rooms = BTreeMap::new();
        for id in all.map(Write::room) {
            if let Some(room) = self.rooms.remove(&id) {
                self.memberships -= room.held.members.len();
                rooms.insert(id, room.held);
            }
        }
        Attempt { batch: Batch::of(rooms), decided: Vec::new() }
    }

    /// Learns how rooms are now that a batch has been committed that had read them.
    pub(crate) fn learn(&mut self, rooms: BTreeMap<RoomId, Held>) {
        for (id, mut held) in rooms {
            let before = self.rooms.remove(&id);
            let mut is_steady = !self.contested.remove(&id);
            if let Some(before) = before {
                self.memberships -= before.held.members.len();
                is_steady = before.held.room.version == held.found;
                if is_steady {
                    for (user, caller) in before.held.members {
                        held.members.entry(user).or_insert(caller);
                    }
                }
            }
            self.keep(id, held, is_steady);
        }
    }

    fn keep(&mut self, id: RoomId, held: Held, is_steady: bool) {
        if held.members.is_empty() {
            return;
        }
        if self.memberships + self.contested.len() + held.members.len() > MOST {
            self.clear();
        }
        self.memberships += held.members.len();
        self.rooms.insert(id, Room { held: held.without_sets(), is_steady });
    }
}

/// Messages to rooms that are known.
pub(crate) struct Attempt {
    batch: Batch,
    decided: Vec<StoreResult<Decided>>,
}

impl Attempt {
    /// Decides by what is known. Whatever would be refused is left to those who know better.
    pub(crate) fn decide<'w>(&mut self, all: impl Iterator<Item = &'w Write>) {
        self.decided = all.map(|write| self.batch.decide(write)).collect();
    }

    pub(crate) fn new_rows(&self) -> &[NewRow] {
        &self.batch.new
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = &Held> {
        self.batch.rooms.values().filter(|held| held.changed)
    }

    /// What came of each write, by where its message is now; none where nothing was written.
    pub(crate) fn finish(self, places: &Places, known: &mut Known) -> Vec<Option<Outcome>> {
        let written: HashSet<RoomId> = places.keys().map(|(room, _)| *room).collect();
        for (id, held) in self.batch.rooms {
            if written.contains(&id) {
                known.keep(id, held, true);
            } else {
                known.contested.insert(id);
            }
        }
        let messages = writes::stored(self.batch.new, places);
        let outcome = |decided: StoreResult<Decided>| decided.ok()?.sent(&messages);
        self.decided.into_iter().map(outcome).collect()
    }
}

impl Held {
    /// Without what a message does not need and what can be large.
    fn without_sets(mut self) -> Self {
        for caller in self.members.values_mut() {
            (caller.member.read, caller.member.delivered) = (SeqSet::new(), SeqSet::new());
            (caller.marked, caller.folds) = (false, false);
        }
        let (sets, added) = (Sets::default(), Sets::default());
        Self { found: self.room.version, sets, added, others: None, changed: false, ..self }
    }
}

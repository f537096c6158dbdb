//! Fan-out: from events to the inboxes of open sockets.

mod catch_up;
mod owners;
mod presence;
mod room;
mod tail;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chat_core::Chat;
use chat_core::model::{Change, Event, RoomEvent, RoomId, Signal, UserId, Version};
use chat_core::service::Listener;
use chat_core::socket::Delivery;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub(crate) use self::catch_up::Reading;
use self::owners::Owners;
use self::presence::Watchers;
use self::room::{Room, Step};
use self::tail::Budget;
pub(crate) use self::tail::Missed;
use crate::clock::now;
use crate::inbox::{Ending, Inbox};
use crate::meters::{Load, Meters};

/// How many parts the maps are in, so that rooms hardly ever wait for each other.
const SHARDS: usize = 64;

/// How long a version may be late before it is looked for in the store: two sends that commit at
/// once are announced in either order.
const PATIENCE: Duration = Duration::from_millis(10);

/// How many sockets are caught up from the store at once: they leave connections for everybody else.
const READERS: usize = 4;

/// How many rooms are, likewise.
const ROOM_READERS: usize = 8;

/// From events to the inboxes of the sockets that they concern, each room's in the order of its
/// versions, without a gap and without a repetition.
pub(crate) struct Hub {
    /// For the catching up that an event can make necessary.
    chat: Chat,
    runtime: Handle,
    me: Weak<Hub>,
    meters: Meters,
    /// Permits to read what a socket has missed.
    readers: Arc<Semaphore>,
    /// Permits to read what a room has missed.
    room_readers: Semaphore,
    /// What may be kept for sockets that are behind.
    tails: Arc<Budget>,
    hasher: RandomState,
    /// Each guards the rooms of one shard; held to deliver some events to the inboxes of its room.
    rooms: Vec<Mutex<HashMap<RoomId, Room>>>,
    /// Each guards who is told the presence of the users of one shard.
    watchers: Vec<Mutex<HashMap<UserId, Watchers>>>,
    owners: Owners,
}

impl Hub {
    pub(crate) fn new(chat: Chat, runtime: Handle) -> Arc<Self> {
        let tails = Budget::new(chat.config().tail_bytes);
        Arc::new_cyclic(|me| Self {
            chat,
            runtime,
            me: me.clone(),
            meters: Meters::new(),
            readers: Arc::new(Semaphore::new(READERS)),
            room_readers: Semaphore::new(ROOM_READERS),
            tails,
            hasher: RandomState::new(),
            rooms: (0..SHARDS).map(|_| Mutex::default()).collect(),
            watchers: (0..SHARDS).map(|_| Mutex::default()).collect(),
            owners: Owners::default(),
        })
    }

    /// Fills an inbox with what happens in a room from now on. [`Subscription::begin`] says from
    /// where its socket counts.
    pub(crate) fn subscribe(self: &Arc<Self>, room: RoomId, inbox: Arc<Inbox>) -> Subscription {
        let new = || Room::new(self.tails.clone());
        self.room_shard(room).entry(room).or_insert_with(new).subscribe(inbox.clone());
        Subscription { hub: self.clone(), room, inbox, owner: None, watched: Vec::new() }
    }

    /// A room has reached a version, as somebody else has heard.
    pub(crate) fn reached(&self, room: RoomId, version: Version) {
        let behind =
            self.room_shard(room).get_mut(&room).is_some_and(|state| state.expect(version));
        if behind {
            self.catch_up(room, Duration::ZERO);
        }
    }

    /// The rooms that have open sockets here, and up to which version those have been told.
    fn rooms(&self) -> HashMap<RoomId, Version> {
        let told = |shard: &Mutex<HashMap<RoomId, Room>>| {
            lock(shard).iter().map(|(id, room)| (*id, room.told())).collect::<Vec<_>>()
        };
        self.rooms.iter().flat_map(told).collect()
    }

    /// What there is to do.
    pub(crate) fn load(&self) -> Load {
        let (bus, kept) = (self.chat.bus().is_available(), self.tails.used());
        let mut load = Load { kept, bus, ..Load::default() };
        for shard in &self.rooms {
            for room in lock(shard).values() {
                load.rooms += 1;
                load.lag += room.lag();
                for queued in room.inboxes().map(|inbox| inbox.len()) {
                    load.queued += queued;
                    load.longest_queue = load.longest_queue.max(queued);
                }
            }
        }
        load
    }

    /// Tells every socket that the server drains.
    pub(crate) fn drain(&self) {
        for shard in &self.rooms {
            lock(shard).values().flat_map(Room::inboxes).for_each(|inbox| inbox.end(Ending::Drain));
        }
    }

    fn room_shard(&self, room: RoomId) -> MutexGuard<'_, HashMap<RoomId, Room>> {
        lock(&self.rooms[self.shard(room)])
    }

    fn watcher_shard(&self, user: &UserId) -> MutexGuard<'_, HashMap<UserId, Watchers>> {
        lock(&self.watchers[self.shard(user)])
    }

    fn shard(&self, key: impl Hash) -> usize {
        // The remainder is below SHARDS.
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default()
    }

    /// Ends the sockets of who was removed: that is not to wait for what was told before it.
    fn cut_off(&self, event: &RoomEvent) {
        for change in &event.changes {
            if let Change::Left { user } = change {
                self.owners.remove_from(event.room, user, event.reached);
            }
        }
    }

    fn signal_room(&self, room: RoomId, event: &Event) {
        if let Some(state) = self.room_shard(room).get_mut(&room) {
            let delivery = Arc::new(Delivery::new(event.clone()));
            state.push(&delivery);
        }
    }
}

impl Listener for Hub {
    fn on_event(&self, event: &Event) {
        match event {
            Event::Room(room_event) => {
                let is_message = |change: &Change| matches!(change, Change::Sent { .. });
                if room_event.changes.iter().any(is_message) {
                    self.meters.message();
                }
                let room = room_event.room;
                if room_event.changes.iter().any(|change| matches!(change, Change::Gone)) {
                    // Nothing that was told before it matters any more.
                    return self.close_room(room);
                }
                self.cut_off(room_event);
                let step = match self.room_shard(room).get_mut(&room) {
                    Some(state) => {
                        self.meters.delivered(state.len());
                        state.take(room_event)
                    }
                    None => Step::Done,
                };
                match step {
                    Step::Done => {}
                    Step::Wait => self.catch_up(room, PATIENCE),
                    Step::Read => self.catch_up(room, Duration::ZERO),
                }
            }
            Event::Signal(Signal::Presence { user, presence }) => {
                self.tell_watchers(&user.id, *presence, event);
            }
            Event::Signal(Signal::SignedOut { user }) => {
                self.owners.sign_out(user, now());
            }
            Event::Signal(signal) => {
                if let Some(room) = signal.room() {
                    self.signal_room(room, event);
                }
            }
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// An inbox's place in the hub; dropped, it is filled no more.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    room: RoomId,
    inbox: Arc<Inbox>,
    owner: Option<UserId>,
    watched: Vec<UserId>,
}

impl Subscription {
    /// Says whose socket it is, and since when they are let in: it ends when they are signed out,
    /// or removed from the room.
    pub(crate) fn belong_to(&mut self, user: &UserId, since: Instant) {
        self.hub.owners.add(user, self.room, &self.inbox, since);
        self.owner = Some(user.clone());
    }

    /// Says which version of the room the socket has seen, and whose presence it wants to be told.
    pub(crate) fn begin(&mut self, version: Version, watched: Vec<UserId>) {
        for user in &watched {
            self.hub.watch(user, &self.inbox);
        }
        self.watched = watched;
        self.inbox.begin(version);
        let step = self
            .hub
            .room_shard(self.room)
            .get_mut(&self.room)
            .map(|state| state.begin(&self.inbox, version));
        if matches!(step, Some(Step::Wait | Step::Read)) {
            self.hub.catch_up(self.room, PATIENCE);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        for user in &self.watched {
            self.hub.unwatch(user, &self.inbox);
        }
        if let Some(owner) = &self.owner {
            self.hub.owners.remove(owner, &self.inbox);
        }
        let mut shard = self.hub.room_shard(self.room);
        let Some(state) = shard.get_mut(&self.room) else { return };
        let kept = state.unsubscribe(&self.inbox);
        if state.is_empty() {
            shard.remove(&self.room);
        }
        drop(shard);
        // Nobody waits for this.
        drop(kept);
    }
}

fn remove(inboxes: &mut Vec<Arc<Inbox>>, inbox: &Arc<Inbox>) {
    if let Some(index) = inboxes.iter().position(|other| Arc::ptr_eq(other, inbox)) {
        inboxes.swap_remove(index);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

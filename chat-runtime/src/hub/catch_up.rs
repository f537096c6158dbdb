//! Reading from the store what the events did not bring.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::Error;
use chat_core::model::{Cursor, RoomEvent, RoomId, Version};
use chat_core::service::Batch;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Hub, Missed, PATIENCE, Room};
use crate::host::{LIMIT, within};
use crate::inbox::{Ending, Inbox};
use crate::meters;

/// What changed, as it is read for one socket.
pub(crate) type Reading = BoxFuture<'static, Result<Batch, Error>>;

/// How many deliveries are made at once, to a room or to a socket that is behind.
const PORTION: usize = 32;

/// How many changes of a room are read at once, first and at most. Each reading goes through all
/// rows that changed since, so that twice as many are read each time: of a room that is far behind
/// there are few readings, unless very many read what was edited there.
const CHANGES: (usize, usize) = (1_000, 16_000);

/// How long to wait after the store did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// How long a reading may take at most.
const LONGEST: Duration = Duration::from_mins(1);

/// How many rooms are asked for their version at once.
const ROOMS: usize = 1_000;

impl Hub {
    /// Reads, after some patience, what a room's sockets have not been told. The room has noted
    /// that somebody does.
    pub(super) fn catch_up(&self, room: RoomId, patience: Duration) {
        let Some(hub) = self.me.upgrade() else { return };
        self.runtime.spawn(async move {
            tokio::time::sleep(patience).await;
            let mut limit = LIMIT;
            loop {
                match hub.read(room, limit).await {
                    Ok(false) => return,
                    Ok(true) => {
                        limit = LIMIT;
                        tokio::time::sleep(PATIENCE).await;
                    }
                    Err(Error::NotFound) => return hub.close_room(room),
                    Err(error) => {
                        tracing::warn!(%room, %error, "a room could not be caught up; trying again");
                        limit = longer(limit);
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        });
    }

    /// What a socket has missed after a point, some deliveries at a time. Its inbox lags until it has
    /// been handed the last of them, or, where there is nothing, is to be caught up from the store.
    pub(crate) fn missed(&self, room: RoomId, after: Cursor, inbox: &Inbox) -> Option<Missed> {
        let missed = self.room_shard(room).get_mut(&room)?.missed(inbox, after, PORTION);
        // What nobody needs any more is dropped out of the lock.
        missed.0
    }

    /// What changed in a room after a point, for one socket: about as much at once as an inbox
    /// holds. Waits for a store or a host that does not answer.
    pub(crate) fn stored(&self, room: RoomId, after: Cursor) -> Reading {
        let (chat, readers) = (self.chat.clone(), self.readers.clone());
        let reading = async move {
            let (frames, bytes) = (chat.config().queue_frames, chat.config().queue_bytes);
            let mut limit = LIMIT;
            loop {
                let read = {
                    // It is never closed.
                    let _permit = readers.acquire().await;
                    within(limit, chat.changes(room, after, frames)).await
                };
                let Err(Error::Unavailable(_)) = read else {
                    return read.map(|batch| lightened(batch, bytes));
                };
                limit = longer(limit);
                tokio::time::sleep(RETRY).await;
            }
        };
        reading.boxed()
    }

    /// Reads until nothing is missing, each time within a limit; whether something is again by then.
    async fn read(self: &Arc<Self>, room: RoomId, limit: Duration) -> Result<bool, Error> {
        let begin = |state: &mut Room| Some((state.start_reading()?, state.expected()));
        let start = self.room_shard(room).get_mut(&room).and_then(begin);
        let Some((mut after, expected)) = start else { return Ok(false) };
        meters::caught_up("room");
        let mut changes = CHANGES.0;
        loop {
            let Batch { events, reached, newest, more } = {
                // It is never closed.
                let _permit = self.room_readers.acquire().await;
                within(limit, self.chat.changes(room, after, changes)).await?
            };
            for event in &events {
                self.cut_off(event);
            }
            let mut events = events.into_iter().peekable();
            while events.peek().is_some() {
                let next = events.by_ref().take(PORTION);
                let is_read =
                    self.room_shard(room).get_mut(&room).is_some_and(|state| state.take_read(next));
                if !is_read {
                    return Ok(false);
                }
                // The sockets, and whoever waits for the shard.
                tokio::task::yield_now().await;
            }
            let mut shard = self.room_shard(room);
            let Some(state) = shard.get_mut(&room) else { return Ok(false) };
            state.read_to(reached);
            if !more && newest < expected {
                drop(shard);
                self.give_up(room, newest);
                return Ok(false);
            }
            if !more {
                return Ok(state.stop_reading());
            }
            after = reached;
            changes = CHANGES.1.min(2 * changes);
        }
    }

    /// Looks whether rooms with open sockets have gone further than was told, by their versions in
    /// the store; or not as far, in which case it has lost some, as a replica that took over before
    /// it had everything. Or whether they are no more.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        // How far they are told is noted before the store is asked, which is never behind that.
        let told = self.rooms();
        let rooms: Vec<_> = told.keys().copied().collect();
        meters::looked(|| self.load());
        for rooms in rooms.chunks(ROOMS) {
            let versions = self.chat.versions(rooms).await?;
            let there: HashSet<_> = versions.iter().map(|(room, _)| *room).collect();
            // Who opens a socket is still to be told that there is no such room.
            let gone = |room: &&RoomId| !there.contains(room) && told.get(room) > Some(&0);
            rooms.iter().filter(gone).for_each(|room| self.close_room(*room));
            for (room, version) in versions {
                if told.get(&room).is_some_and(|told| *told > version) {
                    self.give_up(room, version);
                } else {
                    self.reached(room, version);
                }
            }
        }
        Ok(())
    }

    /// Closes the sockets of a room of whose changes the store has lost some that were told here:
    /// their clients come again and see what there is.
    fn give_up(&self, room: RoomId, version: Version) {
        tracing::error!(%room, version, "the store has lost changes of a room; its sockets are closed");
        self.end_room(room, Ending::Drain);
    }

    /// Closes the sockets of a room that is no more: the host has deleted it.
    pub(super) fn close_room(&self, room: RoomId) {
        tracing::debug!(%room, "a room is no more; its sockets are closed");
        self.end_room(room, Ending::Removal);
    }

    fn end_room(&self, room: RoomId, ending: Ending) {
        let told = self.room_shard(room).get_mut(&room).map(|state| state.give_up(ending));
        // Nobody waits for this.
        drop(told);
    }
}

/// How long the next reading may take after one that took too long: there may be much to read.
fn longer(limit: Duration) -> Duration {
    (2 * limit).min(LONGEST)
}

/// The first events of a batch, of so many bytes together; but one at least.
fn lightened(mut batch: Batch, most: usize) -> Batch {
    let mut weight = 0;
    let fits = |event: &&RoomEvent| {
        weight += event.weight();
        weight <= most
    };
    let kept = batch.events.iter().take_while(fits).count().max(1);
    if kept < batch.events.len() {
        batch.events.truncate(kept);
        batch.reached = batch.events[kept - 1].reached;
        batch.more = true;
    }
    batch
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use chat_core::host::{JwtAuthenticator, StaticDirectory};
    use chat_core::model::{Change, Event, User};
    use chat_core::service::Listener;
    use chat_core::{Chat, Config};
    use chat_store_memory::MemoryStore;
    use futures::task::noop_waker;
    use tokio::runtime::Handle;

    use super::*;
    use crate::inbox::Mail;

    fn mail(inbox: &Inbox) -> Poll<Mail> {
        inbox.poll_next(&Context::from_waker(&noop_waker()))
    }

    /// A hub, its chat, and a room with its version.
    async fn hub() -> (Arc<Hub>, Chat, RoomId, Version) {
        let users = [1, 2].map(|id: u64| User::new(id.into(), "somebody"));
        let sign_in = JwtAuthenticator::hs256(b"a secret of at least 32 bytes, for tests");
        let chat = Chat::new(MemoryStore::new(), StaticDirectory::from_iter(users), sign_in);
        let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
        let hub = Hub::new(chat.clone(), Handle::current());
        chat.add_listener(hub.clone());
        let version = chat.versions(&[room]).await.expect("a version")[0].1;
        (hub, chat, room, version)
    }

    fn inbox() -> Arc<Inbox> {
        Arc::new(Inbox::new(&Config::default()))
    }

    fn settings(room: RoomId, version: Version) -> Event {
        let changes = vec![Change::Settings];
        Event::Room(RoomEvent { room, reached: Cursor::version(version), changes })
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_the_store_has_lost_is_not_waited_for_and_the_sockets_are_closed() {
        let (hub, _chat, room, version) = hub().await;
        let inbox = inbox();
        let mut socket = hub.subscribe(room, inbox.clone());
        socket.begin(version, Vec::new());
        // The one before it is lost, too.
        hub.on_event(&settings(room, version + 2));
        tokio::time::sleep(LIMIT).await;
        assert!(matches!(mail(&inbox), Poll::Ready(Mail::Ending(Ending::Drain))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_sockets_of_a_room_that_is_no_more_are_closed() {
        let (hub, ..) = hub().await;
        let gone = RoomId::new(999).expect("an id");
        for is_told in [true, false] {
            let inbox = inbox();
            let mut socket = hub.subscribe(gone, inbox.clone());
            hub.sweep().await.expect("it is swept");
            assert!(mail(&inbox).is_pending(), "nobody has said yet that it is there");
            socket.begin(3, Vec::new());
            if is_told {
                hub.on_event(&settings(gone, 5));
                tokio::time::sleep(LIMIT).await;
            } else {
                hub.sweep().await.expect("it is swept");
            }
            assert!(matches!(mail(&inbox), Poll::Ready(Mail::Ending(Ending::Removal))));
        }
    }

    #[tokio::test]
    async fn the_sockets_of_a_room_of_which_the_store_has_lost_a_part_are_closed() {
        let (hub, chat, room, version) = hub().await;
        let (old, new) = (inbox(), inbox());
        let mut told = hub.subscribe(room, old.clone());
        told.begin(version, Vec::new());
        hub.sweep().await.expect("it is swept");
        assert!(mail(&old).is_pending(), "nothing is lost");

        let mut ahead = hub.subscribe(room, old.clone());
        drop(told);
        ahead.begin(version, Vec::new());
        // What the store has lost.
        hub.on_event(&settings(room, version + 1));
        assert!(matches!(mail(&old), Poll::Ready(Mail::Delivery(_))));
        hub.sweep().await.expect("it is swept");
        assert!(matches!(mail(&old), Poll::Ready(Mail::Ending(Ending::Drain))));

        let mut again = hub.subscribe(room, new.clone());
        again.begin(version, Vec::new());
        drop(ahead);
        chat.acting_as(1).send(room, "hello").await.expect("it is stored");
        assert!(matches!(mail(&new), Poll::Ready(Mail::Delivery(_))));
        hub.sweep().await.expect("it is swept");
        assert!(mail(&new).is_pending());
    }

    #[test]
    fn a_batch_ends_where_it_becomes_too_heavy_but_not_before_its_first_event() {
        let room = RoomId::new(1).expect("an id");
        let event = |version| {
            let reached = Cursor::version(version);
            RoomEvent { room, reached, changes: vec![Change::Settings] }
        };
        let batch = Batch {
            events: (1..=4).map(event).collect(),
            reached: Cursor::version(5),
            newest: 5,
            more: false,
        };
        let weight = batch.events[0].weight();
        for (most, kept, reached) in [(0, 1, 1), (2 * weight, 2, 2), (4 * weight, 4, 5)] {
            let batch = lightened(batch.clone(), most);
            assert_eq!((batch.events.len(), batch.reached.version), (kept, reached));
            assert_eq!(batch.more, kept < 4);
        }
    }
}

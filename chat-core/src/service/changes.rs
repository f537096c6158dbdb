//! What changed in a room since, as events: how a listener catches up from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::readers::Readers;
use super::{Chat, Error};
use crate::model::{Change, Cursor, Message, RoomEvent, RoomId, Seq, UserId, Version};
use crate::store::Changed;

/// How many rows are asked of the store at once, at least.
const ROWS: usize = 500;

/// The most readers that one reading brings, those of all messages together, where it is not a single
/// message that has more: 8 MB of them.
const READERS: usize = 1_000_000;

/// What changed in a room since, as far as one reading goes.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The events, in order; each says how far it reaches.
    pub events: Vec<RoomEvent>,
    /// How far somebody has come who has taken all of them.
    pub reached: Cursor,
    /// The room's version when they were read.
    pub newest: Version,
    /// Whether there is more to read from there.
    pub more: bool,
}

impl Chat {
    /// The versions of these rooms; rooms that do not exist are left out. Asks nobody for
    /// permission: it is for those who hand out only what each receiver may see.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn versions(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, Version)>, Error> {
        Ok(self.inner.store.versions(rooms).await?)
    }

    /// What changed in a room after a point, about `limit` changes at once; fewer where messages were
    /// edited or deleted that very many members may have read. Asks nobody for permission, like
    /// [`Chat::versions`].
    ///
    /// The changes come in the order they happened. What changed more than once is told as it is
    /// now: a message that was sent and edited since is sent with its new text and then edited, one
    /// that was sent and deleted since is deleted. Statuses alone are told step by step.
    ///
    /// Every reading goes through all rows that changed since, so a small `limit` is for little
    /// memory and not for little work.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> Result<Batch, Error> {
        let mut sides = Sides::new();
        let (mut from, mut end) = (after, None);
        // A row lies at its last change, which says nothing about when its message was sent. So
        // the earliest changes are known only when all rows have been seen.
        let newest = loop {
            let changes = self.inner.store.changes(room, from, limit.max(ROWS)).await?;
            changes.items.iter().for_each(|item| add_sides(&mut sides, item, after));
            if let Some(Cursor { version, seq }) = end {
                sides.split_off(&(version + 1, seq + 1, None));
            }
            end = cut(&mut sides, limit.max(1)).or(end);
            match changes.more {
                Some(next) => from = next,
                None => break changes.room.version,
            }
        };
        let is_read = sides.values().any(|(side, _)| side.shows_readers());
        let members = self.members_of(is_read.then_some(room).as_slice()).await?;
        let light = light(&sides, members.get(&room).map_or(0, Vec::len));
        let end = cut(&mut sides, light).or(end);
        let shown = sides.values().filter_map(|(side, item)| match (side, item) {
            (Side::Sent | Side::Edited | Side::Deleted, Changed::Message(message)) => {
                Some((&**message, side.shows_readers()))
            }
            _ => None,
        });
        let people = self.readers_among(members, &shown.collect::<Vec<_>>()).await?;
        let reached = end.unwrap_or(Cursor::version(newest));
        let events = events(room, sides, reached, &people);
        Ok(Batch { events, reached, newest, more: end.is_some() })
    }
}

/// What about a row has changed.
#[derive(Debug, Clone, Copy)]
enum Side {
    Sent,
    Edited,
    Deleted,
    Reacted,
    Status,
    Membership,
}

impl Side {
    /// Whether it is shown with who has read the message.
    fn shows_readers(self) -> bool {
        matches!(self, Self::Edited | Self::Deleted)
    }
}

/// Changes by when they happened: version, message, member.
type Sides = BTreeMap<(Version, Seq, Option<UserId>), (Side, Changed)>;

/// Adds the sides of a row that changed after a point.
fn add_sides(sides: &mut Sides, item: &Changed, after: Cursor) {
    match item {
        Changed::Message(message) => {
            let versions = &message.versions;
            let all = [
                (Side::Sent, versions.sent),
                (Side::Edited, versions.edited),
                (Side::Reacted, versions.reacted),
                (Side::Status, versions.delivered),
                (Side::Status, versions.status),
            ];
            let deleted = [(Side::Deleted, versions.deleted)];
            let shown = if message.is_deleted() { &deleted[..] } else { &all[..] };
            let place = |version| Cursor { version, seq: message.seq };
            let is_new =
                |version: Version| version.checked_sub(1).is_some_and(|it| place(it) > after);
            for (side, version) in shown.iter().filter(|(_, version)| is_new(*version)) {
                let is_now = versions.status <= *version;
                let then = || Arc::new(message.with_status_at(*version));
                let message = if is_now { Arc::clone(message) } else { then() };
                sides.insert((*version, message.seq, None), (*side, Changed::Message(message)));
            }
        }
        Changed::Member(member) => {
            let place = (member.version, 0, Some(member.user.clone()));
            sides.insert(place, (Side::Membership, item.clone()));
        }
    }
}

/// How many of the first changes have no more readers together than a reading brings, if all members
/// have read all of them; one at least.
fn light(sides: &Sides, members: usize) -> usize {
    let mut readers = 0;
    let fits = |(side, _): &&(Side, Changed)| {
        if side.shows_readers() {
            readers += 1 + members;
        }
        readers <= READERS
    };
    sides.values().take_while(fits).count().max(1)
}

/// Leaves out what goes beyond so many changes, and says how far the rest reaches if that was
/// something. Only whole positions are cut off, since a cursor cannot point between the members
/// of one version.
fn cut(sides: &mut Sides, limit: usize) -> Option<Cursor> {
    let (version, seq, _) = *sides.keys().nth(limit)?;
    let mut beyond = sides.split_off(&(version, seq, None));
    if sides.is_empty() {
        std::mem::swap(sides, &mut beyond);
        return None;
    }
    Some(Cursor { version: version - 1, seq: seq.saturating_sub(1) })
}

/// One event for each version.
fn events(room: RoomId, sides: Sides, end: Cursor, people: &Readers) -> Vec<RoomEvent> {
    let mut events: Vec<RoomEvent> = Vec::new();
    for ((version, ..), (side, item)) in sides {
        let change = match item {
            Changed::Message(message) => of_message(side, message, people),
            Changed::Member(member) if member.left => Change::Left { user: member.user },
            Changed::Member(member) => Change::Joined { user: member.user },
        };
        // The last version may go on in the next reading.
        let reached = Cursor::version(version).min(end);
        match events.last_mut() {
            Some(event) if event.reached == reached => event.changes.push(change),
            _ => events.push(RoomEvent { room, reached, changes: vec![change] }),
        }
    }
    events
}

fn of_message(side: Side, message: Arc<Message>, people: &Readers) -> Change {
    let sender = people.user(&message.sender);
    match side {
        Side::Sent => Change::Sent { message, sender, origin: None },
        Side::Edited => {
            let read_by = people.of(&message);
            Change::Edited { message, sender, read_by }
        }
        Side::Deleted => {
            let read_by = people.of(&message);
            Change::Deleted { message, sender, read_by }
        }
        Side::Reacted => Change::Reacted { message },
        Side::Status | Side::Membership => Change::Status { message },
    }
}

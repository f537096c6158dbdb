//! A batch: rooms are taken, facts read, everything decided in memory and then written at once.
//! So what is refused is refused alone, and nothing has to be taken back.

mod facts;
mod marks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chat_core::model::{
    Member, Message, MessageId, MessageKind, MessageVersions, RoomId, Seq, SeqSet, Timestamp,
    UserId, Version,
};
use chat_core::rules::{self, Action, Denial};
use chat_core::store::{Marked, NewMessage, Sent, StoreError, StoreResult, Targets};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::lane::{Outcome, Write};
use crate::rows::{Facts, Sets};
use crate::writes::{self, Moves, NewRow};

/// How many messages a room may go on, at least and at most, until what a sender has sent is taken
/// into their sets.
const UNFOLDED: (Seq, Seq) = (8_192, 32_768);

/// A room that the batch holds, as it is after the writes that were decided.
pub(crate) struct Held {
    /// The version at which it was found.
    pub(crate) found: Version,
    pub(crate) room: Facts,
    pub(crate) activity_at: Timestamp,
    /// When its newest message was sent.
    pub(crate) last_at: Option<Timestamp>,
    /// Its sets; read only where something is marked.
    pub(crate) sets: Sets,
    /// What is added to them.
    pub(crate) added: Sets,
    /// Those of the callers who are members.
    pub(crate) members: BTreeMap<UserId, Caller>,
    /// What all other members have read and received; none where there are no others.
    pub(crate) others: Option<(SeqSet, SeqSet)>,
    pub(crate) changed: bool,
}

/// A caller who is a member.
pub(crate) struct Caller {
    /// Their sets are read only in rooms where something is marked.
    pub(crate) member: Member,
    /// What they sent after this is not in their sets in the database.
    pub(crate) own_seq: Seq,
    /// Whether their sets have changed by more than what they sent.
    pub(crate) marked: bool,
    /// Whether so much is not in their sets that it is to be taken in.
    pub(crate) folds: bool,
}

impl Caller {
    /// Whether so much may not be in their sets by now that it is to be taken in. Sets can grow with
    /// the room, so it is the rarer the further the room has gone, and writing them costs each
    /// message the same.
    pub(crate) fn is_to_fold(&self, last: Seq) -> bool {
        last - self.own_seq > (self.own_seq / 8).clamp(UNFOLDED.0, UNFOLDED.1)
    }
}

/// A client's key, of a sender in a room.
pub(crate) type Key = (RoomId, UserId, [u8; 16]);

/// The key of a message, where it has one.
pub(crate) fn key_of(new: &NewMessage) -> Option<Key> {
    new.once.map(|once| (new.room, new.by.user().clone(), once.key))
}

/// What to do about rooms that somebody else holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Wait for them, as long as the connection lets one.
    Wait,
    /// Leave them out.
    Skip,
}

/// Whether somebody still waits for the write at a place of a batch, once its room is taken: who has
/// been told that it failed is not to find it stored.
pub(crate) type Wanted<'a> = dyn Fn(usize) -> bool + Sync + 'a;

/// What came of a batch.
pub(crate) struct Written {
    /// Of each write; none where somebody else holds its room, or nobody waits for it.
    pub(crate) outcomes: Vec<Option<StoreResult<Outcome>>>,
    /// Its rooms, as they are now.
    pub(crate) rooms: BTreeMap<RoomId, Held>,
}

/// What a batch knows and has decided.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) rooms: BTreeMap<RoomId, Held>,
    /// The rooms that somebody else holds, where they are not waited for.
    busy: BTreeSet<RoomId>,
    /// What was sent under a key: the digest of its content and the message.
    keys: HashMap<Key, ([u8; 16], Found)>,
    /// The messages that are answered or marked.
    targets: HashMap<MessageId, Message>,
    pub(crate) new: Vec<NewRow>,
    moves: Moves,
    /// How many statuses these move.
    moving: u64,
}

/// A message that was there, or the place of one that the batch makes.
#[derive(Clone)]
pub(crate) enum Found {
    There(Arc<Message>),
    New(usize),
}

/// What was decided about a write; messages have no ids yet.
pub(crate) enum Decided {
    Sent { found: Found, repeated: bool },
    Marked { marked: Marked, room: RoomId, moved: SeqSet, rest: Option<Targets> },
}

impl Decided {
    /// What came of a message, by what those that the batch makes have become.
    pub(crate) fn sent(self, made: &[Option<Arc<Message>>]) -> Option<Outcome> {
        let Self::Sent { found, repeated } = self else { return None };
        let message = match found {
            Found::There(message) => message,
            Found::New(place) => made.get(place)?.clone()?,
        };
        Some(Outcome::Sent(Sent { message, repeated }))
    }
}

/// Does everything for a batch but the commit. Where a lane does it, its row says afterwards which
/// batch it was.
pub(crate) async fn write(
    on: &mut PgConnection,
    lane: Option<(Uuid, i64)>,
    all: &[Write],
    locking: Locking,
    is_wanted: &Wanted<'_>,
) -> Result<Written, sqlx::Error> {
    let mut batch = Batch::read(on, all, locking).await?;
    let decide = |(place, write): (usize, &Write)| {
        let is_free = !batch.busy.contains(&write.room()) && is_wanted(place);
        is_free.then(|| batch.decide(write))
    };
    let decided: Vec<_> = all.iter().enumerate().map(decide).collect();

    let new = std::mem::take(&mut batch.new);
    let places = writes::insert(on, &new).await?;
    let mut messages = writes::stored(new, &places);
    writes::save(on, lane, batch.rooms.values()).await?;
    writes::fold(on, batch.rooms.values()).await?;
    let moved = writes::move_statuses(on, &batch.moves).await?;
    for message in messages.iter_mut().flatten() {
        if let Some(after) = moved.get(&(message.room, message.seq)) {
            *message = Arc::clone(after);
        }
    }
    // Another receipt of the batch may have moved it further.
    let after = |message: &Arc<Message>, marked: &Marked| match marked
        .version
        .filter(|version| *version < message.versions.status)
    {
        Some(version) => Arc::new(message.with_status_at(version)),
        None => Arc::clone(message),
    };
    let outcome = |decided| match decided {
        Decided::Marked { mut marked, room, moved: seqs, rest } => {
            if seqs.len() <= Marked::MOST as u64 {
                let found = seqs.iter().filter_map(|seq| moved.get(&(room, seq)));
                marked.moved = found.map(|message| after(message, &marked)).collect();
            }
            Ok(Outcome::Marked { marked, rest })
        }
        sent @ Decided::Sent { .. } => sent.sent(&messages).ok_or(sqlx::Error::RowNotFound),
    };
    let mut outcomes = Vec::with_capacity(decided.len());
    for decided in decided {
        outcomes.push(match decided {
            Some(Ok(decided)) => Some(Ok(outcome(decided)?)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        });
    }
    for held in batch.rooms.values_mut() {
        held.settle();
    }
    Ok(Written { outcomes, rooms: batch.rooms })
}

impl Batch {
    /// A batch that has these rooms already, and knows of no keys.
    pub(crate) fn of(rooms: BTreeMap<RoomId, Held>) -> Self {
        Self { rooms, ..Self::default() }
    }

    pub(crate) fn decide(&mut self, write: &Write) -> StoreResult<Decided> {
        match write {
            Write::Send(new) => self.send(new),
            Write::Mark(mark) => self.mark(mark),
        }
    }

    fn send(&mut self, new: &NewMessage) -> StoreResult<Decided> {
        let held = self.rooms.get_mut(&new.room).ok_or(StoreError::NotFound)?;
        // A repetition is found before it matters whether the room is active.
        let permitted = held.permit(new.by.caller(), Action::Send);
        if let Err(denial) = permitted
            && denial != Denial::Inactive
        {
            return Err(denial.into());
        }
        let under = key_of(new);
        if let (Some(under), Some(once)) = (&under, new.once)
            && let Some((content, found)) = self.keys.get(under)
        {
            let deleted = matches!(found, Found::There(message) if message.is_deleted());
            if *content != once.content || deleted {
                return Err(StoreError::KeyReused);
            }
            return Ok(Decided::Sent { found: found.clone(), repeated: true });
        }
        permitted?;
        if let Some(to) = new.reply_to {
            let target = self.targets.get(&to).filter(|target| target.room == new.room);
            if target.is_none_or(Message::is_deleted) {
                return Err(StoreError::BadReply);
            }
        }
        let seq = held.room.last_seq + 1;
        let created_at = held.last_at.map_or(new.at, |before| before.max(new.at));
        if let Some(caller) = held.members.get_mut(new.by.user()) {
            caller.member.read.insert(seq);
            caller.member.delivered.insert(seq);
            caller.folds |= caller.is_to_fold(seq);
        }
        held.room.last_seq = seq;
        held.room.version += 1;
        held.activity_at = held.activity_at.max(created_at);
        held.last_at = Some(created_at);
        if new.kind == MessageKind::System {
            held.sets.uncounted.insert(seq);
            held.added.uncounted.insert(seq);
        }
        held.changed = true;
        let versions = MessageVersions { sent: held.room.version, ..MessageVersions::default() };
        let found = Found::New(self.new.len());
        self.new.push(NewRow { sent: new.clone(), seq, created_at, versions });
        if let (Some(under), Some(once)) = (under, new.once) {
            self.keys.insert(under, (once.content, found.clone()));
        }
        Ok(Decided::Sent { found, repeated: false })
    }
}

impl Held {
    /// What was written is as it is in the database.
    fn settle(&mut self) {
        for caller in self.members.values_mut().filter(|caller| caller.marked || caller.folds) {
            caller.own_seq = self.room.last_seq;
        }
    }

    fn permit(&self, by: Option<&rules::Caller>, action: Action) -> Result<(), Denial> {
        let is_member = by.is_some_and(|by| self.members.contains_key(&by.user));
        self.room.access(by, is_member).permit(action)
    }
}

/// Where a message is.
pub(crate) type Place = (RoomId, Seq);

//! What a socket shows of its room's history, for dialects that show all of it.

use std::sync::Arc;

use crate::model::{Change, Message, RoomEvent, RoomId, Seq, Slice, Status, UserId};
use crate::service::{Actor, Error};
use crate::store::Anchor;

/// How many messages are read at once.
const PAGE: usize = 25;

/// A page of a room's history to be read: the driver reads it and hands it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHistory {
    after: Seq,
}

/// A page of a room's history.
#[derive(Debug)]
pub struct HistoryPage {
    /// The messages, the oldest first, as if they were sent now.
    pub(super) changes: Vec<Change>,
    /// The position up to which nothing is left to read.
    pub(super) end: Seq,
    /// Whether there were more when it was read.
    pub(super) more: bool,
}

impl ReadHistory {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn perform(self, actor: Actor, room: RoomId) -> Result<HistoryPage, Error> {
        let anchor = Anchor::AfterSeq(self.after);
        let page = actor.history(room, anchor, Slice::first(PAGE)).await?;
        let people = actor.chat().users(page.items.iter().map(|message| &message.sender)).await?;
        let more = page.count > page.items.len() as u64;
        let end = page.items.last().map_or(self.after, |message| message.seq);
        let change = |message: Arc<Message>| {
            let sender = people.user(&message.sender);
            Change::Sent { message, sender, origin: None }
        };
        Ok(HistoryPage { changes: page.items.into_iter().map(change).collect(), end, more })
    }
}

/// Where a socket is in its room's history.
///
/// History is read by position, up to where no more was there when it was read. What is delivered
/// meanwhile is left out, since it is in the store too; where it lies beyond what was read there is
/// another page to read. From then on deliveries are told, those of known positions left out.
#[derive(Debug)]
pub(super) struct History {
    me: UserId,
    stage: Stage,
    /// The position up to which everything was told.
    told: Seq,
    /// The newest position of a delivery that was left out since the last page was asked for.
    left_out: Seq,
    /// The newest message of others that was told and is not read yet.
    unread: Option<Seq>,
    /// Whether something was told since the last flush was asked for.
    unflushed: bool,
    /// Whether a flush was asked for that has not ended.
    flushing: bool,
    /// The newest unread message that it is about.
    flushing_unread: Option<Seq>,
    /// What was written to the client and is to be marked as read.
    written: Option<Seq>,
    /// What is being marked as read.
    marking: Option<Seq>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A page is to be asked for.
    Ask,
    /// A page is being read.
    Read,
    /// A page is being written; whether there are more.
    Write { end: Seq, more: bool },
    /// Everything was told.
    Live,
}

impl History {
    pub(super) fn new(me: UserId) -> Self {
        Self {
            me,
            stage: Stage::Ask,
            told: 0,
            left_out: 0,
            unread: None,
            unflushed: false,
            flushing: false,
            flushing_unread: None,
            written: None,
            marking: None,
        }
    }

    /// Whether deliveries are told.
    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Whether the message at a position was told.
    pub(super) fn is_told(&self, seq: Seq) -> bool {
        seq <= self.told
    }

    /// Notes that an event is left out, because history is still being read.
    pub(super) fn leave_out(&mut self, event: &RoomEvent) {
        for change in &event.changes {
            if let Change::Sent { message, .. } = change {
                self.left_out = self.left_out.max(message.seq);
            }
        }
    }

    /// Notes that a message is told now.
    pub(super) fn tell(&mut self, change: &Change) {
        let Change::Sent { message, .. } = change else { return };
        self.told = self.told.max(message.seq);
        self.unflushed = true;
        if message.sender != self.me && message.status() != Status::Read {
            self.unread = self.unread.max(Some(message.seq));
        }
    }

    /// The next page is there; its messages are told by and by.
    pub(super) fn begin_page(&mut self, end: Seq, more: bool) {
        self.stage = Stage::Write { end, more };
    }

    /// Whether a flush is to be asked for, which [`History::end_flush`] ends.
    pub(super) fn begin_flush(&mut self) -> bool {
        let begins = self.unflushed && !self.flushing;
        if begins {
            self.unflushed = false;
            self.flushing = true;
            self.flushing_unread = self.unread.take();
        }
        begins
    }

    /// What was told before the flush has been written.
    pub(super) fn end_flush(&mut self) {
        self.flushing = false;
        self.written = self.written.max(self.flushing_unread.take());
    }

    /// Takes up to where the client was shown everything, to be marked as read.
    pub(super) fn begin_marking(&mut self) -> Option<Seq> {
        self.marking = self.written.take();
        self.marking
    }

    /// It was marked, or that failed: then it is tried again with what is told next, or when
    /// [`History::retry`] says so.
    pub(super) fn end_marking(&mut self, failed: bool) {
        let marking = self.marking.take().filter(|_| failed);
        self.unread = self.unread.max(marking);
    }

    /// It is time to try again what failed.
    pub(super) fn retry(&mut self) {
        self.unflushed |= self.unread.is_some();
    }

    /// The page to ask for, once the one before it has been written.
    pub(super) fn next_page(&mut self) -> Option<ReadHistory> {
        if let Stage::Write { end, more } = self.stage
            && !self.unflushed
            && !self.flushing
        {
            self.told = self.told.max(end);
            self.stage = if more || self.left_out > self.told { Stage::Ask } else { Stage::Live };
        }
        if self.stage != Stage::Ask {
            return None;
        }
        self.stage = Stage::Read;
        // What was told before the page is read is on it, or was deleted.
        self.left_out = 0;
        Some(ReadHistory { after: self.told })
    }
}

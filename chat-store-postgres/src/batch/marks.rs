//! What receipts come to.

use std::collections::HashMap;

use chat_core::model::{Message, MessageId, Seq, SeqSet, UserId};
use chat_core::rules::{Action, Denial, permit_message};
use chat_core::store::{Mark, Marked, ReceiptKind, StoreError, StoreResult, Targets};

use super::{Batch, Decided, Held};
use crate::writes::{Move, NewRow};

/// The most messages whose status one receipt moves with one commit; what is left is a receipt of
/// its own.
const STEP: usize = Marked::TOGETHER;

/// How many statuses a batch moves before receipts that move more than a few wait for the next one:
/// as many as are written well before a statement has to end.
const MOVES: u64 = 2_048;

/// How many are a few.
const FEW: u64 = 32;

/// What a receipt comes to.
pub(super) struct Step {
    /// What it is new for.
    new: SeqSet,
    /// What is delivered to all by it, and what is read by all.
    pub(super) delivered: SeqSet,
    pub(super) read: SeqSet,
}

impl Step {
    /// Whose status moves. Who has read has received, so what is read by all is delivered to all.
    pub(super) fn moved(&self) -> SeqSet {
        self.delivered.union(&self.read)
    }
}

impl Batch {
    pub(super) fn mark(&mut self, mark: &Mark) -> StoreResult<Decided> {
        let held = self.rooms.get_mut(&mark.room).ok_or(StoreError::NotFound)?;
        held.permit(Some(&mark.by), Action::Mark)?;
        let mut targets = positions(mark, held.room.last_seq, &self.targets)?;
        let mut step = held.step(&mark.by.user, &targets, mark.kind)?;
        let mut rest = None;
        if step.moved().len() > FEW && self.moving >= MOVES {
            let (room, moved) = (mark.room, SeqSet::new());
            let rest = Some(rest_of(mark, &targets));
            return Ok(Decided::Marked { marked: Marked::default(), room, moved, rest });
        }
        let beyond = step.moved().iter().nth(STEP);
        if let Some(beyond) = beyond {
            rest = Some(rest_of(mark, &targets));
            targets = targets.intersection(&SeqSet::up_to(beyond - 1));
            step = held.step(&mark.by.user, &targets, mark.kind)?;
        }
        let moved = step.moved();
        let Step { new, read, .. } = step;
        let caller = held.members.get_mut(&mark.by.user).ok_or(Denial::NotMember)?;
        let member = &mut caller.member;
        if mark.kind == ReceiptKind::Read {
            member.read = member.read.union(&targets);
        }
        let delivered = member.delivered.union(&targets);
        caller.marked |= !new.is_empty() || delivered != member.delivered;
        held.changed |= caller.marked;
        member.delivered = delivered;
        // One's own messages are in both sets from the start, so what is new is of others.
        let newly = new.difference(&held.sets.uncounted).len();
        let mut marked = Marked { newly, ..Marked::default() };
        if !moved.is_empty() {
            held.room.version += 1;
            for sets in [&mut held.sets, &mut held.added] {
                sets.delivered = sets.delivered.union(&moved);
                sets.read = sets.read.union(&read);
            }
            marked.version = Some(held.room.version);
            self.moving += moved.len();
            let is_new = |row: &&NewRow| row.sent.room == mark.room;
            let known = self.new.iter().find(is_new).map_or(held.room.last_seq, |row| row.seq - 1);
            let step = Move {
                room: mark.room,
                by: mark.by.user.clone(),
                at: mark.at,
                version: held.room.version,
                delivered: moved.difference(&read),
                read,
                shown_after: if moved.len() <= Marked::MOST as u64 { 0 } else { known },
            };
            self.moves.add(step);
        }
        Ok(Decided::Marked { marked, room: mark.room, moved, rest })
    }
}

/// The messages that a receipt is for.
pub(super) fn positions(
    mark: &Mark,
    last: Seq,
    known: &HashMap<MessageId, Message>,
) -> StoreResult<SeqSet> {
    match mark.targets {
        Targets::All => Ok(SeqSet::up_to(last)),
        Targets::UpTo(seq) => Ok(SeqSet::up_to(seq.min(last))),
        Targets::Message(id) => {
            let target = known.get(&id).filter(|target| target.room == mark.room);
            let target = target.ok_or(StoreError::NotFound)?;
            permit_message(Action::Mark, Some(&mark.by.user), target)?;
            Ok(SeqSet::from(target.seq..=target.seq))
        }
    }
}

/// What is left to mark where not all of it is: never more than what there was.
fn rest_of(mark: &Mark, targets: &SeqSet) -> Targets {
    match mark.targets {
        one @ Targets::Message(_) => one,
        Targets::UpTo(_) | Targets::All => Targets::UpTo(targets.last().unwrap_or(0)),
    }
}

impl Held {
    /// What a receipt of a member for these messages would come to if all others had them.
    pub(super) fn candidates(
        &self,
        by: &UserId,
        targets: &SeqSet,
        kind: ReceiptKind,
    ) -> StoreResult<Step> {
        let member = &self.members.get(by).ok_or(Denial::NotMember)?.member;
        let reads = kind == ReceiptKind::Read;
        let new = targets.difference(if reads { &member.read } else { &member.delivered });
        let living = new.difference(&self.sets.deleted);
        let delivered = living.difference(&self.sets.delivered);
        let read = if reads { living.difference(&self.sets.read) } else { SeqSet::new() };
        Ok(Step { new, delivered, read })
    }

    /// What a receipt of a member for these messages comes to.
    fn step(&self, by: &UserId, targets: &SeqSet, kind: ReceiptKind) -> StoreResult<Step> {
        let Step { new, mut delivered, mut read } = self.candidates(by, targets, kind)?;
        if let Some((all_read, all_delivered)) = &self.others {
            delivered = delivered.intersection(all_delivered);
            read = read.intersection(all_read);
        }
        for (_, other) in self.members.iter().filter(|(user, _)| *user != by) {
            delivered = delivered.intersection(&other.member.delivered);
            read = read.intersection(&other.member.read);
        }
        Ok(Step { new, delivered, read })
    }
}

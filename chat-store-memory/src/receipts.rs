//! Receipts: who has received and read what.

use async_trait::async_trait;
use chat_core::model::{SeqSet, Version};
use chat_core::rules::{Action, permit_message};
use chat_core::store::{Mark, Marked, ReceiptKind, ReceiptStore, StoreError, StoreResult, Targets};

use crate::MemoryStore;
use crate::room_state::RoomState;
use crate::state::hold;

#[async_trait]
impl ReceiptStore for MemoryStore {
    async fn mark(&self, mark: Mark) -> StoreResult<Marked> {
        let room = self.state.room(mark.room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        let slot = state.permit(&mark.by, Action::Mark)?;
        let targets = match mark.targets {
            Targets::All => SeqSet::up_to(state.room.last_seq),
            Targets::UpTo(last) => SeqSet::up_to(last.min(state.room.last_seq)),
            Targets::Message(id) => {
                let seq = self.state.seq_in(mark.room, id).ok_or(StoreError::NotFound)?;
                let message = state.messages.at(seq).ok_or(StoreError::NotFound)?;
                permit_message(Action::Mark, Some(&mark.by.user), message)?;
                SeqSet::from(seq..=seq)
            }
        };
        let reads = mark.kind == ReceiptKind::Read;
        let member = state.member_mut(slot);
        let new = targets.difference(if reads { &member.read } else { &member.delivered });
        for range in targets.ranges() {
            if reads {
                member.read.insert_range(range.clone());
            }
            member.delivered.insert_range(range);
        }
        // One's own messages are in both sets from the start, so what is new is of others.
        let newly = new.difference(&state.room.uncounted).len();

        let living = new.difference(&state.room.deleted);
        let read = if reads {
            state.in_all(living.difference(&state.read), |member| &member.read)
        } else {
            SeqSet::new()
        };
        let delivered =
            state.in_all(living.difference(&state.delivered), |member| &member.delivered);
        // Who has read has received, so what is read by all is delivered to all.
        let moved = delivered.union(&read);
        if moved.is_empty() {
            return Ok(Marked { newly, ..Marked::default() });
        }
        let version = state.next_version();
        move_statuses(&mut state, &mark, &moved, &read, version);
        state.delivered = state.delivered.union(&moved);
        state.read = state.read.union(&read);
        let few = moved.len() <= Marked::MOST as u64;
        let moved = if few { state.messages.all(&moved) } else { Vec::new() };
        Ok(Marked { newly, version: Some(version), moved })
    }
}

/// Sets the times on the messages whose status moves; those in `read` are read, all are delivered.
fn move_statuses(
    state: &mut RoomState,
    mark: &Mark,
    moved: &SeqSet,
    read: &SeqSet,
    version: Version,
) {
    for seq in moved.iter() {
        state.change(seq, version, |message| {
            let at = mark.at.max(message.created_at);
            let delivered_at = *message.delivered_at.get_or_insert(at);
            if read.contains(seq) {
                message.read_at = Some(at.max(delivered_at));
            } else {
                message.delivered_by = Some(mark.by.user.clone());
                message.versions.delivered = version;
            }
            message.status_by = Some(mark.by.user.clone());
            message.versions.status = version;
        });
    }
}

//! Erasure: what is to be gone for good.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{Message, RoomId, Seq, Timestamp, UserId, Version};
use chat_core::rules::take_reactions;
use chat_core::store::{Erase, Erased, ErasureStore, ForgottenUser, StoreResult};

use crate::MemoryStore;
use crate::room_state::RoomState;
use crate::shards::lock;
use crate::state::hold;

/// The most messages that a step goes through.
const LOOKED: Seq = 1_000;

#[async_trait]
impl ErasureStore for MemoryStore {
    async fn rooms_to_erase(
        &self,
        user: &UserId,
        after: Option<RoomId>,
        limit: usize,
    ) -> StoreResult<Vec<RoomId>> {
        let left = self.state.rooms_left(user);
        let rooms: BTreeSet<_> = self.state.rooms_of(user).into_iter().chain(left).collect();
        let beyond = rooms.into_iter().filter(|room| after.is_none_or(|after| *room > after));
        Ok(beyond.take(limit).collect())
    }

    async fn erase(&self, erase: Erase) -> StoreResult<Erased> {
        let room = self.state.room(erase.room)?;
        // Guards the room from the end of the membership to the last change.
        let mut state = hold(&room)?;
        if let Some(version) = self.state.leave(&mut state, &erase.user) {
            let (left, more) = (Some(version), Some(erase.after));
            return Ok(Erased { left, more, ..Erased::default() });
        }
        let (seqs, more) = traces(&state, &erase);
        let deleted = self.delete_own(&mut state, &erase, &seqs);
        let reacted = take_away(&mut state, &erase, &seqs);
        if more.is_none() {
            self.state.forget_member(&mut state, &erase.user);
        }
        Ok(Erased { left: None, deleted, reacted, more })
    }

    async fn forget_user(
        &self,
        user: &UserId,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<ForgottenUser> {
        Ok(self.sessions_mut().forget_user(user, now, limit))
    }

    async fn delete_room(
        &self,
        room: RoomId,
        idle_since: Option<Timestamp>,
    ) -> StoreResult<Option<Version>> {
        self.state.delete_room(room, idle_since)
    }

    async fn sweep_gone_rooms(&self, at: Timestamp, limit: usize) -> StoreResult<bool> {
        Ok(self.state.sweep_gone_rooms(at, limit))
    }

    async fn note_gone_files(&self, keys: &[String], at: Timestamp) -> StoreResult<()> {
        // Guards the files while these are added.
        let mut files = lock(&self.state.gone_files);
        for key in keys {
            files.note(key, at);
        }
        Ok(())
    }

    async fn take_gone_files(&self, now: Timestamp, limit: usize) -> StoreResult<Vec<String>> {
        // Guards the files, so that each is taken by one caller.
        Ok(lock(&self.state.gone_files).take(now, limit))
    }

    async fn forget_gone_files(&self, keys: &[String]) -> StoreResult<()> {
        // Guards the files while these are taken out.
        let mut files = lock(&self.state.gone_files);
        for key in keys {
            files.forget(key);
        }
        Ok(())
    }
}

impl MemoryStore {
    /// Deletes those of the messages that are the user's, with one version.
    fn delete_own(&self, state: &mut RoomState, erase: &Erase, seqs: &[Seq]) -> Vec<Arc<Message>> {
        let is_own = |seq: &&Seq| state.messages.at(**seq).is_some_and(|it| is_of(it, &erase.user));
        let own: Vec<Seq> = seqs.iter().filter(is_own).copied().collect();
        if own.is_empty() {
            return Vec::new();
        }
        let version = state.next_version();
        let mut deleted = Vec::with_capacity(own.len());
        for (message, file) in own.iter().filter_map(|seq| state.delete(*seq, erase.at, version)) {
            if let Some(file) = file {
                // Guards the files that are to be deleted, of which this is one with the deletion.
                lock(&self.state.gone_files).note(&file.key, erase.at);
            }
            deleted.push(message);
        }
        deleted
    }
}

/// Takes the user's reactions away from those of the messages that are not theirs, with one version.
fn take_away(state: &mut RoomState, erase: &Erase, seqs: &[Seq]) -> Vec<Arc<Message>> {
    let is_others = |seq: &&Seq| !state.room.deleted.contains(**seq);
    let others: Vec<Seq> = seqs.iter().filter(is_others).copied().collect();
    if others.is_empty() {
        return Vec::new();
    }
    let version = state.next_version();
    let taken = others.iter().filter_map(|seq| {
        state.change(*seq, version, |message| {
            take_reactions(&mut message.reactions, &erase.user);
            message.versions.reacted = version;
        })
    });
    taken.collect()
}

/// The messages that a step changes, and after which position to go on.
fn traces(state: &RoomState, erase: &Erase) -> (Vec<Seq>, Option<Seq>) {
    let last = state.room.last_seq;
    let end = erase.after.saturating_add(LOOKED).min(last);
    let mut seqs = Vec::new();
    for seq in erase.after.saturating_add(1)..=end {
        let is_trace = |message: &Arc<Message>| {
            let mut reactions = message.reactions.iter();
            is_of(message, &erase.user)
                || reactions.any(|reaction| reaction.users.contains(&erase.user))
        };
        if state.messages.at(seq).is_some_and(is_trace) {
            seqs.push(seq);
        }
        if seqs.len() == Erased::TOGETHER {
            return (seqs, (seq < last).then_some(seq));
        }
    }
    (seqs, (end < last).then_some(end))
}

/// Whether a message is a user's, and not deleted.
fn is_of(message: &Message, user: &UserId) -> bool {
    message.sender == *user && !message.is_deleted()
}

//! Messages, their edits and reactions, and what changed since.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{
    Attachment, Cursor, Message, MessageId, MessageKind, MessageVersions, Page, RoomId, Seq,
    SeqSet, Slice, UserId, Window,
};
use chat_core::rules::{Action, Caller, Denial, Guarded, Words, change_reactions, permit_message};
use chat_core::store::{
    Anchor, Changes, DeleteMessage, EditMessage, HistoryQuery, MessageStore, NewMessage, Once,
    React, Sent, StoreError, StoreResult,
};

use crate::MemoryStore;
use crate::room_state::RoomState;
use crate::shards::lock;
use crate::state::hold;

#[async_trait]
impl MessageStore for MemoryStore {
    async fn send(&self, new: NewMessage) -> StoreResult<Sent> {
        let room = self.state.room(new.room)?;
        let words = Words::of(new.content.as_str());
        // Guards the room from the check to the last change, so that `seq` and version are in the
        // order of the commits.
        let mut state = hold(&room)?;
        // A repetition is found before it matters whether the room is active.
        let permitted = state.access(new.by.caller()).permit(Action::Send);
        if let Err(denial) = permitted
            && denial != Denial::Inactive
        {
            return Err(denial.into());
        }
        if let Some(once) = new.once
            && let Some((content, seq)) = state.sent_under(new.by.user(), once)
        {
            let first = state.messages.at(seq).ok_or(StoreError::NotFound)?;
            if content != once.content || first.is_deleted() {
                return Err(StoreError::KeyReused);
            }
            return Ok(Sent { message: Arc::clone(first), repeated: true });
        }
        permitted?;
        if let Some(to) = new.reply_to {
            let seq = self.state.seq_in(new.room, to).ok_or(StoreError::BadReply)?;
            if state.room.deleted.contains(seq) {
                return Err(StoreError::BadReply);
            }
        }
        // Given while the room is held, so that ids ascend in it.
        let id = MessageId::new(self.state.places.give())
            .ok_or(StoreError::Limit("no message id is left"))?;
        let seq = state.room.last_seq + 1;
        let before = state.messages.at(state.room.last_seq).map(|message| message.created_at);
        let message = Arc::new(Message {
            id,
            room: new.room,
            seq,
            sender: new.by.user().clone(),
            kind: new.kind,
            content: new.content.into_string(),
            attachment: new.attachment,
            reply_to: new.reply_to,
            created_at: before.map_or(new.at, |before| before.max(new.at)),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            delivered_at: None,
            read_at: None,
            delivered_by: None,
            status_by: None,
            versions: MessageVersions {
                sent: state.room.version + 1,
                ..MessageVersions::default()
            },
        });
        if new.kind == MessageKind::System {
            state.room.uncounted.insert(seq);
        }
        state.push(Arc::clone(&message), new.once);
        state.index.add(seq, &words);
        self.state.places.put(id.get(), (new.room, seq));
        Ok(Sent { message, repeated: false })
    }

    async fn sent_before(
        &self,
        room: RoomId,
        sender: &UserId,
        once: Once,
    ) -> StoreResult<Option<Arc<Message>>> {
        let first = self.read(room, |state| {
            let (content, seq) = state.sent_under(sender, once)?;
            let message = state.messages.at(seq).filter(|message| !message.is_deleted());
            message.filter(|_| content == once.content).cloned()
        });
        Ok(first.flatten())
    }

    async fn edit(&self, edit: EditMessage) -> StoreResult<Arc<Message>> {
        let room = self.state.room(edit.room)?;
        let words = Words::of(edit.content.as_str());
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        let seq = self.permitted(&state, Some(&edit.by), Action::Edit, edit.message)?;
        let version = state.next_version();
        state.forget_words(seq);
        state.index.add(seq, &words);
        let changed = state.change(seq, version, |message| {
            message.content = edit.content.into_string();
            message.edited_at = Some(edit.at);
            message.versions.edited = version;
        });
        changed.ok_or(StoreError::NotFound)
    }

    async fn delete(
        &self,
        delete: DeleteMessage,
    ) -> StoreResult<(Arc<Message>, Option<Attachment>)> {
        let room = self.state.room(delete.room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        let seq = self.permitted(&state, delete.by.as_ref(), Action::Delete, delete.message)?;
        let version = state.next_version();
        let deleted = state.delete(seq, delete.at, version).ok_or(StoreError::NotFound)?;
        if let (_, Some(attachment)) = &deleted {
            // Guards the files that are to be deleted, of which this is one with the deletion.
            lock(&self.state.gone_files).note(&attachment.key, delete.at);
        }
        Ok(deleted)
    }

    async fn react(&self, react: React) -> StoreResult<(Arc<Message>, bool)> {
        let room = self.state.room(react.room)?;
        // Guards the room from the check to the last change.
        let mut state = hold(&room)?;
        let seq = self.permitted(&state, Some(&react.by), Action::React, react.message)?;
        let message = state.messages.at(seq).ok_or(StoreError::NotFound)?;
        let mut reactions = message.reactions.clone();
        if !change_reactions(&mut reactions, &react.by.user, &react.emoji, react.add)? {
            return Ok((Arc::clone(message), false));
        }
        let version = state.next_version();
        let changed = state.change(seq, version, |message| {
            message.versions.reacted = version;
            message.reactions = reactions;
        });
        Ok((changed.ok_or(StoreError::NotFound)?, true))
    }

    async fn message(
        &self,
        by: Option<&Caller>,
        room: Option<RoomId>,
        message: MessageId,
    ) -> StoreResult<Option<Guarded<Arc<Message>>>> {
        let Some((home, seq)) = self.state.places.find(message.get()) else {
            return Ok(None);
        };
        if room.is_some_and(|room| room != home) {
            return Ok(None);
        }
        let found = self.read(home, |state| {
            let message = state.messages.at(seq)?;
            Some(Guarded::new(state.access(by), Arc::clone(message)))
        });
        Ok(found.flatten())
    }

    async fn history(
        &self,
        query: HistoryQuery,
    ) -> StoreResult<Option<Guarded<Page<Arc<Message>>>>> {
        Ok(self.read(query.room, |state| {
            Guarded::new(state.access(query.by.as_ref()), page(state, &query))
        }))
    }

    async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> StoreResult<Changes> {
        self.read(room, |state| state.changes(after, limit)).ok_or(StoreError::NotFound)
    }
}

impl MemoryStore {
    /// The position of a message with which a caller, or the host, may do this.
    fn permitted(
        &self,
        state: &RoomState,
        by: Option<&Caller>,
        action: Action,
        message: MessageId,
    ) -> StoreResult<Seq> {
        state.access(by).permit(action)?;
        let seq = self.state.seq_in(state.room.id, message).ok_or(StoreError::NotFound)?;
        let message = state.messages.at(seq).ok_or(StoreError::NotFound)?;
        permit_message(action, by.map(|by| &by.user), message)?;
        Ok(seq)
    }
}

/// A page of a room's messages. It is found by arithmetic, whatever its number.
fn page(state: &RoomState, query: &HistoryQuery) -> Page<Arc<Message>> {
    let nothing = SeqSet::new();
    let hidden = if query.deleted { &nothing } else { &state.room.deleted };
    let newest = state.room.last_seq;
    let (low, high) = match query.anchor {
        Anchor::Newest => (1, newest),
        Anchor::BeforeMessage(id) => (1, state.messages.before_id(id)),
        Anchor::BeforeSeq(seq) => (1, newest.min(seq.saturating_sub(1))),
        Anchor::AfterSeq(seq) => (seq.saturating_add(1), newest),
    };
    let count = (high + 1).saturating_sub(low) - hidden.count_in(low..=high);
    let up = matches!(query.anchor, Anchor::AfterSeq(_));
    let slice = if up { from_the_other_end(query.slice, count) } else { query.slice };
    let mut items = Window::newest(high, hidden, slice).map_or_else(Vec::new, |window| {
        state.messages.all(&SeqSet::from(window.low..=window.high).difference(hidden))
    });
    if !up {
        items.reverse();
    }
    Page { count, items }
}

/// The same part of a list of `count` items, counted from the list's end.
fn from_the_other_end(slice: Slice, count: u64) -> Slice {
    let start = slice.skip.min(count);
    let end = start.saturating_add(slice.take as u64).min(count);
    Slice { skip: count - end, take: usize::try_from(end - start).unwrap_or(usize::MAX) }
}

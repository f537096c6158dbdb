//! What writes do to the model's rooms.

use std::collections::HashSet;

use chat_core::model::{
    Attachment, Message, MessageId, MessageKind, MessageVersions, Reaction, Seq, Timestamp, UserId,
    Version,
};
use chat_core::rules::{Action, Caller, Denial, RoomFull, permit_message};
use chat_core::store::{
    Added, DeleteMessage, EditMessage, Erase, ManageRoom, Mark, NewMessage, Once, React,
    ReceiptKind, Targets,
};

use super::reference::{Plain, ReferenceRoom};
use crate::store::world::Refusal;

type Outcome<T> = Result<T, Refusal>;

impl ReferenceRoom {
    /// Sends a message, which the store has given this id.
    pub(super) fn send(&mut self, new: &NewMessage, id: MessageId) -> Outcome<(Plain, bool)> {
        let permitted = self.access(new.by.caller()).permit(Action::Send);
        if let Err(denial @ (Denial::Hidden | Denial::NotMember)) = permitted {
            return Err(Refusal::Denied(denial));
        }
        if let Some(once) = new.once {
            let same = |(message, key): &(&Message, &Option<Once>)| {
                message.sender == *new.by.user() && key.is_some_and(|key| key.key == once.key)
            };
            if let Some((message, key)) = self.messages.iter().zip(&self.keys).find(same) {
                let repeats = *key == Some(once) && !message.is_deleted();
                return if repeats {
                    Ok((Plain::of(message), true))
                } else {
                    Err(Refusal::KeyReused)
                };
            }
        }
        permitted.map_err(Refusal::Denied)?;
        if let Some(reply_to) = new.reply_to {
            let is_there = |message: &Message| message.id == reply_to && !message.is_deleted();
            if !self.messages.iter().any(is_there) {
                return Err(Refusal::BadReply);
            }
        }
        self.version += 1;
        let before = self.messages.last().map_or(Timestamp::EPOCH, |message| message.created_at);
        let message = Message {
            id,
            room: self.id,
            seq: self.messages.len() as Seq + 1,
            sender: new.by.user().clone(),
            kind: new.kind,
            content: new.content.as_str().to_owned(),
            attachment: new.attachment.clone(),
            reply_to: new.reply_to,
            created_at: new.at.max(before),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            delivered_at: None,
            read_at: None,
            delivered_by: None,
            status_by: None,
            versions: MessageVersions { sent: self.version, ..Default::default() },
        };
        if self.is_member(&message.sender) {
            let sender = self.member(&message.sender);
            sender.read.push(message.seq);
            sender.delivered.push(message.seq);
        }
        let sent = Plain::of(&message);
        self.messages.push(message);
        self.keys.push(new.once);
        Ok((sent, false))
    }

    pub(super) fn edit(&mut self, edit: &EditMessage) -> Outcome<Plain> {
        let index = self.writable(Action::Edit, Some(&edit.by), edit.message)?;
        self.version += 1;
        let message = &mut self.messages[index];
        edit.content.as_str().clone_into(&mut message.content);
        message.edited_at = Some(edit.at);
        message.versions.edited = self.version;
        Ok(Plain::of(message))
    }

    pub(super) fn delete(
        &mut self,
        delete: &DeleteMessage,
    ) -> Outcome<(Plain, Option<Attachment>)> {
        let index = self.writable(Action::Delete, delete.by.as_ref(), delete.message)?;
        self.version += 1;
        let message = &mut self.messages[index];
        message.content.clear();
        message.reactions.clear();
        message.deleted_at = Some(delete.at);
        message.versions.deleted = self.version;
        let attachment = message.attachment.take();
        Ok((Plain::of(message), attachment))
    }

    pub(super) fn react(&mut self, react: &React) -> Outcome<(Plain, bool)> {
        let index = self.writable(Action::React, Some(&react.by), react.message)?;
        let message = &mut self.messages[index];
        let before = message.reactions.clone();
        let (emoji, user) = (react.emoji.as_str(), &react.by.user);
        let found = message.reactions.iter().position(|reaction| reaction.emoji == emoji);
        match (found, react.add) {
            (Some(found), true) => {
                let users = &mut message.reactions[found].users;
                if !users.contains(user) {
                    users.push(user.clone());
                }
            }
            (None, true) => {
                let users = vec![user.clone()];
                message.reactions.push(Reaction { emoji: emoji.to_owned(), users });
            }
            (Some(found), false) => message.reactions[found].users.retain(|other| other != user),
            (None, false) => {}
        }
        message.reactions.retain(|reaction| !reaction.users.is_empty());
        let changed = message.reactions != before;
        if changed {
            self.version += 1;
            message.versions.reacted = self.version;
        }
        Ok((Plain::of(message), changed))
    }

    /// How many the receipt is new for, the version, and what moved.
    pub(super) fn mark(&mut self, mark: &Mark) -> Outcome<(u64, Option<Version>, Vec<Plain>)> {
        let indexes: Vec<_> = match mark.targets {
            Targets::Message(id) => vec![self.writable(Action::Mark, Some(&mark.by), id)?],
            Targets::UpTo(_) | Targets::All => {
                self.access(Some(&mark.by)).permit(Action::Mark).map_err(Refusal::Denied)?;
                let meant = |index: &usize| match mark.targets {
                    Targets::UpTo(last) => self.messages[*index].seq <= last,
                    _ => true,
                };
                (0..self.messages.len()).filter(meant).collect()
            }
        };
        let is_read = mark.kind == ReceiptKind::Read;
        let (mut newly, mut moved) = (0, Vec::new());
        for index in indexes {
            let seq = self.messages[index].seq;
            let member = self.member(&mark.by.user);
            let known = if is_read { &member.read } else { &member.delivered };
            if known.contains(&seq) {
                continue;
            }
            if is_read {
                member.read.push(seq);
            }
            if !member.delivered.contains(&seq) {
                member.delivered.push(seq);
            }
            let all_read = self.present().all(|member| member.read.contains(&seq));
            let all_delivered = self.present().all(|member| member.delivered.contains(&seq));
            let message = &mut self.messages[index];
            if message.is_deleted() {
                continue;
            }
            newly += u64::from(message.kind != MessageKind::System);
            let at = mark.at.max(message.created_at);
            let before = message.status();
            if all_delivered && message.delivered_at.is_none() {
                message.delivered_at = Some(at);
            }
            if all_read && message.read_at.is_none() {
                message.read_at = message.delivered_at.max(Some(at));
            }
            if message.status() != before {
                message.status_by = Some(mark.by.user.clone());
                message.versions.status = self.version + 1;
                if message.read_at.is_none() {
                    message.delivered_by = Some(mark.by.user.clone());
                    message.versions.delivered = self.version + 1;
                }
                moved.push(Plain::of(message));
            }
        }
        if moved.is_empty() {
            return Ok((newly, None, moved));
        }
        self.version += 1;
        Ok((newly, Some(self.version), moved))
    }

    pub(super) fn manage(&mut self, change: &ManageRoom) -> Outcome<Added> {
        let access = self.access(change.by.as_ref());
        access.permit(change.action()).map_err(Refusal::Denied)?;
        let new: HashSet<_> = change.add.iter().filter(|user| !self.is_member(user)).collect();
        self.admit(new.len(), change.member_limit)?;
        let mut added = Added { settings: None, joined: None };
        let before = (self.name.clone(), self.active, self.new.metadata.clone());
        if let Some(name) = &change.name {
            self.name = Some(name.as_str().to_owned());
        }
        self.active = change.active.unwrap_or(self.active);
        if let Some(metadata) = &change.metadata {
            self.new.metadata.clone_from(metadata);
        }
        if (self.name.clone(), self.active, self.new.metadata.clone()) != before {
            self.version += 1;
            self.settings_version = self.version;
            added.settings = Some(self.version);
        }
        let mut joined = Vec::new();
        for user in &change.add {
            if !self.is_member(user) {
                self.join(user, self.version + 1, change.at);
                joined.push(user.clone());
            }
        }
        if !joined.is_empty() {
            self.version += 1;
            added.joined = Some((joined, self.version));
        }
        Ok(added)
    }

    fn admit(&self, more: usize, limit: usize) -> Outcome<()> {
        let is_full = more > 0 && self.present().count() + more > limit;
        if is_full { Err(Refusal::Full(RoomFull { limit })) } else { Ok(()) }
    }

    pub(super) fn join_by(
        &mut self,
        by: &Caller,
        limit: usize,
        at: Timestamp,
    ) -> Outcome<Option<Version>> {
        self.access(Some(by)).permit(Action::Join).map_err(Refusal::Denied)?;
        if self.is_member(&by.user) {
            return Ok(None);
        }
        self.admit(1, limit)?;
        self.version += 1;
        self.join(&by.user, self.version, at);
        Ok(Some(self.version))
    }

    pub(super) fn leave_by(&mut self, by: &Caller) -> Outcome<Version> {
        self.access(Some(by)).permit(Action::Leave).map_err(Refusal::Denied)?;
        Ok(self.remove(&by.user).expect("only members may leave"))
    }

    pub(super) fn remove(&mut self, user: &UserId) -> Option<Version> {
        if !self.is_member(user) {
            return None;
        }
        self.version += 1;
        let version = self.version;
        let member = self.member(user);
        (member.left, member.version) = (true, version);
        Some(version)
    }

    /// Erases a user from the part of the room after a position and up to `more`, or to its end.
    pub(super) fn erase(
        &mut self,
        erase: &Erase,
        more: Option<Seq>,
    ) -> (Option<Version>, Vec<Plain>, Vec<Plain>) {
        if let Some(version) = self.remove(&erase.user) {
            return (Some(version), Vec::new(), Vec::new());
        }
        let part = |message: &Message| {
            message.seq > erase.after && more.is_none_or(|more| message.seq <= more)
        };
        let (mut deleted, mut reacted) = (Vec::new(), Vec::new());
        let version = self.version + 1;
        for message in self.messages.iter_mut().filter(|message| part(message)) {
            if message.sender == erase.user && !message.is_deleted() {
                message.content.clear();
                message.reactions.clear();
                message.attachment = None;
                message.deleted_at = Some(erase.at);
                message.versions.deleted = version;
                deleted.push(Plain::of(message));
            }
        }
        self.version += u64::from(!deleted.is_empty());
        let version = self.version + 1;
        for message in self.messages.iter_mut().filter(|message| part(message)) {
            let before = message.reactions.clone();
            for reaction in &mut message.reactions {
                reaction.users.retain(|user| *user != erase.user);
            }
            message.reactions.retain(|reaction| !reaction.users.is_empty());
            if message.reactions != before {
                message.versions.reacted = version;
                reacted.push(Plain::of(message));
            }
        }
        self.version += u64::from(!reacted.is_empty());
        if more.is_none() {
            let own = self.messages.iter().map(|message| message.sender == erase.user);
            for (key, _) in self.keys.iter_mut().zip(own).filter(|(_, is_own)| *is_own) {
                *key = None;
            }
            let members = self.members.iter_mut().filter(|member| member.user == erase.user);
            members.for_each(|member| member.erased = true);
        }
        (None, deleted, reacted)
    }

    /// The message that an action is about, if the caller, or the host, may do that.
    fn writable(&self, action: Action, by: Option<&Caller>, id: MessageId) -> Outcome<usize> {
        if let Some(by) = by {
            self.access(Some(by)).permit(action).map_err(Refusal::Denied)?;
        }
        let index = self.messages.iter().position(|message| message.id == id);
        let index = index.ok_or(Refusal::NotFound)?;
        let user = by.map(|by| &by.user);
        permit_message(action, user, &self.messages[index]).map_err(Refusal::Denied)?;
        Ok(index)
    }
}

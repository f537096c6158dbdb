//! Messages: read, edit, delete, react.

use std::sync::Arc;

use super::{Actor, Chat, Delivered, Error, Problem};
use crate::host::Draft;
use crate::model::{Attachment, Change, Message, MessageId, Page, RoomId, Slice, Version};
use crate::rules::{Action, Content, Emoji, permit_message};
use crate::store::{Anchor, DeleteMessage, EditMessage, HistoryQuery, React};

impl Actor {
    /// A page of a room's messages, without deleted ones.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn history(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
    ) -> Result<Page<Arc<Message>>, Error> {
        let by = Some(self.caller()?);
        self.page(HistoryQuery { room, by, anchor, slice, deleted: false }).await
    }

    /// The same with deleted ones, which have no text any more, in their places.
    ///
    /// # Errors
    /// As for [`Actor::history`].
    pub async fn history_with_deleted(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
    ) -> Result<Page<Arc<Message>>, Error> {
        let by = Some(self.caller()?);
        self.page(HistoryQuery { room, by, anchor, slice, deleted: true }).await
    }

    async fn page(&self, query: HistoryQuery) -> Result<Page<Arc<Message>>, Error> {
        let found = self.chat().inner.store.history(query).await?;
        self.permit(found.ok_or(Error::NotFound)?, Action::ReadHistory)
    }

    /// A message, in whichever room it is or in the one given.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn message(
        &self,
        room: Option<RoomId>,
        message: MessageId,
    ) -> Result<Arc<Message>, Error> {
        let found = self.chat().inner.store.message(Some(&self.caller()?), room, message).await?;
        self.permit(found.ok_or(Error::NotFound)?, Action::ReadHistory)
    }

    /// Changes the text of one's own message. That of a message with a file may be taken away.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the text (`content`) and what the host refuses; [`Error::NotFound`],
    /// [`Error::Denied`], [`Error::Limited`], [`Error::Unavailable`].
    pub async fn edit(
        &self,
        room: RoomId,
        message: MessageId,
        text: impl Into<String>,
    ) -> Result<Delivered, Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let (text, limit) = (text.into(), chat.config().message_limit);
        let is_blank = text.trim().is_empty();
        let edited = if is_blank || chat.inner.has_hooks {
            Some(self.message(Some(room), message).await?)
        } else {
            None
        };
        let parse = match &edited {
            Some(edited) if is_blank && edited.attachment.is_some() => Content::parse_caption,
            _ => Content::parse,
        };
        let mut content =
            parse(text, limit).map_err(|error| Error::invalid("content", error.into()))?;
        if let (Some(edited), true) = (&edited, chat.inner.has_hooks) {
            let access = self.may(Action::Edit, room).await?;
            permit_message(Action::Edit, Some(&sender.id), edited)?;
            let draft = Draft {
                room,
                room_kind: access.kind,
                other: self.other(&access).await?,
                sender: &sender,
                kind: edited.kind,
                content,
                attachment: edited.attachment.as_ref(),
                reply_to: edited.reply_to,
                edited: Some(edited),
            };
            content = self.heard(draft).await?;
        }
        let edit =
            EditMessage { room, message, by: self.caller()?, content, at: chat.clock().now() };
        let message = chat.inner.store.edit(edit).await?;
        let read_by = chat.readers([(&*message, true)]).await.map(|readers| readers.of(&message));
        let change = |read_by| {
            let (message, sender) = (message.clone(), sender.clone());
            Change::Edited { message, sender, read_by }
        };
        chat.announce_shown(room, message.versions.edited, read_by.map(change));
        Ok(Delivered { message, sender, repeated: false })
    }

    /// Deletes one's own message, and its file after it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn delete(&self, room: RoomId, message: MessageId) -> Result<(), Error> {
        let chat = self.chat();
        self.user().await?;
        let by = Some(self.caller()?);
        let delete = DeleteMessage { room, message, by, at: chat.clock().now() };
        let (message, attachment) = chat.inner.store.delete(delete).await?;
        chat.finish_deletion(message, attachment).await;
        Ok(())
    }

    /// Adds a reaction to a message. One that is there already stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the emoji (`emoji`) and past the bounds on reactions,
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn react(
        &self,
        room: RoomId,
        message: MessageId,
        emoji: &str,
    ) -> Result<Arc<Message>, Error> {
        let (by, emoji) = (self.caller()?, emoji_of(emoji)?);
        self.change_reactions(React { room, message, by, emoji, add: true }).await
    }

    /// Takes a reaction of the actor's away from a message. One that is not there is no error.
    ///
    /// # Errors
    /// As for [`Actor::react`].
    pub async fn unreact(
        &self,
        room: RoomId,
        message: MessageId,
        emoji: &str,
    ) -> Result<Arc<Message>, Error> {
        let (by, emoji) = (self.caller()?, emoji_of(emoji)?);
        self.change_reactions(React { room, message, by, emoji, add: false }).await
    }

    async fn change_reactions(&self, react: React) -> Result<Arc<Message>, Error> {
        let room = react.room;
        let (message, changed) = self.chat().inner.store.react(react).await?;
        if changed {
            let change = Change::Reacted { message: message.clone() };
            self.chat().announce(room, message.versions.reacted, vec![change]);
        }
        Ok(message)
    }
}

fn emoji_of(emoji: &str) -> Result<Emoji, Error> {
    Emoji::parse(emoji).map_err(|error| Error::invalid("emoji", Problem::from(error)))
}

impl Chat {
    /// Tells that messages of a room were deleted, with one version.
    pub(super) async fn tell_deleted(
        &self,
        room: RoomId,
        version: Version,
        messages: &[Arc<Message>],
    ) {
        let readers = self.readers(messages.iter().map(|message| (&**message, true))).await;
        let changes = readers.map(|readers| {
            let change = |message: &Arc<Message>| {
                let (sender, read_by) = (readers.user(&message.sender), readers.of(message));
                Change::Deleted { message: message.clone(), sender, read_by }
            };
            messages.iter().map(change).collect()
        });
        self.announce(room, version, changes.unwrap_or_default());
    }

    /// The same of one message, whose file is deleted then.
    pub(super) async fn finish_deletion(
        &self,
        message: Arc<Message>,
        attachment: Option<Attachment>,
    ) {
        let (room, version) = (message.room, message.versions.deleted);
        self.tell_deleted(room, version, &[message]).await;
        if let Some(attachment) = attachment {
            self.delete_file_of_deleted(attachment).await;
        }
    }

    /// Announces what could be read of a change. Of what could not, only that it happened:
    /// listeners read the store then.
    fn announce_shown(&self, room: RoomId, version: Version, change: Result<Change, Error>) {
        self.announce(room, version, change.into_iter().collect());
    }
}

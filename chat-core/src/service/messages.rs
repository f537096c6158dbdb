//! Messages: send, read, edit, delete, react.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;

use super::{Actor, Chat, Error, Outgoing, Problem};
use crate::host::Draft;
use crate::model::{
    Attachment, Change, Message, MessageId, Page, RoomId, RoomKind, SessionId, Slice, User, UserId,
    Version,
};
use crate::rules::{Access, Action, Content, Emoji, permit_message};
use crate::store::{
    Anchor, DeleteMessage, EditMessage, HistoryQuery, NewMessage, React, Sent, StoreError,
};

/// A message that is in the store, and who sent it.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The message.
    pub message: Arc<Message>,
    /// Its sender.
    pub sender: Arc<User>,
    /// Whether an earlier send with the same key had stored it.
    pub repeated: bool,
}

/// A message that may be sent, as far as can be told without storing it.
struct Drafted {
    sender: Arc<User>,
    new: NewMessage,
    /// What the same send has stored before, where that was looked for.
    before: Option<Arc<Message>>,
}

impl Actor {
    /// Sends a message. When this returns it is stored, and everybody in the room is told.
    ///
    /// Ends the actor's typing in the room.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the text (`content`), the reply (`reply_to`) and what the host
    /// refuses; [`Error::Limited`]; [`Error::Conflict`] where the key was used for another message;
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Internal`]. After [`Error::Unavailable`]
    /// the message may be stored or not: send again with the same key.
    pub async fn send(
        &self,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<Delivered, Error> {
        let outgoing = message.into();
        let origin = outgoing.origin;
        let file = outgoing.file.as_ref().map(|file| file.attachment.clone());
        let drafted = AssertUnwindSafe(self.draft(room, outgoing)).catch_unwind().await;
        // A hook of the host's may have panicked. Nothing is stored yet.
        if let (Some(file), false) = (&file, matches!(drafted, Ok(Ok(_)))) {
            self.chat().delete_file(file).await;
        }
        let Drafted { sender, new, before } =
            drafted.unwrap_or_else(|panic| resume_unwind(panic))?;
        let sent = match before {
            Some(message) => Ok(Sent { message, repeated: true }),
            None => self.chat().inner.store.send(new).await,
        };
        // Where it is not known whether the message was stored, its file stays.
        let needed = match &sent {
            Ok(sent) => !sent.repeated,
            Err(error) => matches!(error, StoreError::Unavailable(_)),
        };
        if let (Some(file), false) = (&file, needed) {
            self.chat().delete_file(file).await;
        }
        let sent = sent?;
        self.tell_sent(&sent, sender.clone(), origin);
        Ok(Delivered { message: sent.message, sender, repeated: sent.repeated })
    }

    /// Checks a message, and makes it one for [`MessageStore::send`]: for a host that stores it
    /// itself, in a transaction of its own say. Afterwards [`Actor::announce_sent`] tells
    /// everybody.
    ///
    /// # Errors
    /// As for [`Actor::send`] where the message is refused before the store is asked.
    ///
    /// [`MessageStore::send`]: crate::store::MessageStore::send
    pub async fn compose(
        &self,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<NewMessage, Error> {
        Ok(self.draft(room, message.into()).await?.new)
    }

    /// Tells everybody of a message of the actor's that the host has stored itself, and ends the
    /// actor's typing. To be called after the commit. Who is connected is told within two seconds
    /// also without it, as when the process ends in between.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the directory does not know the actor,
    /// [`Error::Unavailable`].
    pub async fn announce_sent(&self, sent: &Sent) -> Result<(), Error> {
        let sender = self.user().await?;
        self.tell_sent(sent, sender, None);
        Ok(())
    }

    /// Checks a message as far as can be done before it is stored.
    async fn draft(&self, room: RoomId, outgoing: Outgoing) -> Result<Drafted, Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let once = outgoing.once();
        let limit = outgoing.limit.unwrap_or(chat.config().message_limit);
        let attachment = outgoing.file.map(|file| file.attachment);
        let content = match attachment {
            Some(_) => Content::parse_caption(outgoing.text, limit),
            None => Content::parse(outgoing.text, limit),
        };
        let content = content.map_err(|error| Error::invalid("content", error.into()))?;
        let mut new = NewMessage {
            room,
            by: self.caller()?,
            kind: outgoing.kind,
            content,
            attachment,
            reply_to: outgoing.reply_to,
            once,
            at: chat.clock().now(),
        };
        if !chat.inner.has_hooks {
            return Ok(Drafted { sender, new, before: None });
        }
        // The host is not shown what somebody wants to say where they may not be, and is not asked
        // twice about the same message.
        let access = self.may(Action::Connect, room).await?;
        if let Some(once) = once {
            let before = chat.inner.store.sent_before(room, &sender.id, once).await?;
            if before.is_some() {
                return Ok(Drafted { sender, new, before });
            }
        }
        access.permit(Action::Send)?;
        let draft = Draft {
            room,
            room_kind: access.kind,
            other: self.other(&access).await?,
            sender: &sender,
            content: new.content,
            attachment: new.attachment.as_ref(),
            reply_to: new.reply_to,
            edited: None,
        };
        new.content = self.heard(draft).await?;
        Ok(Drafted { sender, new, before: None })
    }

    /// What the host makes of a text.
    async fn heard(&self, mut draft: Draft<'_>) -> Result<Content, Error> {
        let allowed = self.chat().inner.hooks.before_send(&mut draft).await;
        allowed.map_err(|refusal| Error::refused("content", refusal))?;
        Ok(draft.content)
    }

    /// Who else is in a direct room.
    async fn other(&self, access: &Access) -> Result<Option<UserId>, Error> {
        if access.kind != RoomKind::Direct {
            return Ok(None);
        }
        let members = self.chat().members(access.room).await?;
        let me = self.id()?;
        Ok(members.into_iter().map(|member| member.user).find(|user| user != me))
    }

    fn tell_sent(&self, sent: &Sent, sender: Arc<User>, origin: Option<SessionId>) {
        let message = &sent.message;
        self.end_typing(message.room);
        if !sent.repeated {
            let change = Change::Sent { message: message.clone(), sender, origin };
            self.chat().announce(message.room, message.versions.sent, vec![change]);
        }
    }

    /// A page of a room's messages.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn history(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
        deleted: bool,
    ) -> Result<Page<Arc<Message>>, Error> {
        let query = HistoryQuery { room, by: self.caller()?, anchor, slice, deleted };
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
        let found = self.chat().inner.store.message(&self.caller()?, room, message).await?;
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
        chat.tell_deleted(message, attachment).await;
        Ok(())
    }

    /// Adds a reaction to a message, or takes it away. What changes nothing succeeds.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the emoji (`emoji`) and past the bounds on reactions,
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn react(
        &self,
        room: RoomId,
        message: MessageId,
        emoji: &str,
        add: bool,
    ) -> Result<Arc<Message>, Error> {
        let emoji =
            Emoji::parse(emoji).map_err(|error| Error::invalid("emoji", Problem::from(error)))?;
        let react = React { room, message, by: self.caller()?, emoji, add };
        let (message, changed) = self.chat().inner.store.react(react).await?;
        if changed {
            let change = Change::Reacted { message: message.clone() };
            self.chat().announce(room, message.versions.reacted, vec![change]);
        }
        Ok(message)
    }
}

impl Chat {
    pub(super) async fn tell_deleted(&self, message: Arc<Message>, attachment: Option<Attachment>) {
        let readers = self.readers([(&*message, true)]).await;
        let change = readers.map(|readers| {
            let (sender, read_by) = (readers.user(&message.sender), readers.of(&message));
            Change::Deleted { message: message.clone(), sender, read_by }
        });
        self.announce_shown(message.room, message.versions.deleted, change);
        if let Some(attachment) = &attachment {
            self.delete_file(attachment).await;
        }
    }

    /// Announces what could be read of a change. Of what could not, only that it happened:
    /// listeners read the store then.
    fn announce_shown(&self, room: RoomId, version: Version, change: Result<Change, Error>) {
        self.announce(room, version, change.into_iter().collect());
    }
}

//! Sending: checked, stored, told.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;

use super::{Actor, Chat, Error, Outgoing, Problem};
use crate::host::Draft;
use crate::model::{Attachment, Change, Message, RoomId, RoomKind, SessionId, User, UserId};
use crate::rules::{Access, Action, Content};
use crate::store::{Author, NewMessage, Sent, StoreError};

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
        let (origin, file) = (outgoing.origin, outgoing.attachment());
        let drafted = self.chat().or_delete(file, self.draft(room, outgoing)).await?;
        self.chat().deliver(drafted, origin).await
    }

    /// Checks a message, and makes it one for [`MessageStore::send`]: for a host that stores it
    /// itself, in a transaction of its own say. Afterwards [`Chat::announce_sent`] tells
    /// everybody. One that has a file and is not stored has to be given back with
    /// [`Chat::discard`].
    ///
    /// # Errors
    /// As for [`Actor::send`] where the message is refused before the store is asked. Then its file
    /// is deleted.
    ///
    /// [`MessageStore::send`]: crate::store::MessageStore::send
    pub async fn compose(
        &self,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<NewMessage, Error> {
        let outgoing = message.into();
        let file = outgoing.attachment();
        Ok(self.chat().or_delete(file, self.draft(room, outgoing)).await?.new)
    }

    /// Checks a message as far as can be done before it is stored.
    async fn draft(&self, room: RoomId, outgoing: Outgoing) -> Result<Drafted, Error> {
        let chat = self.chat();
        let sender = self.user().await?;
        let mut new = chat.parse(room, self.caller()?.into(), outgoing)?;
        if !chat.inner.has_hooks {
            return Ok(Drafted { sender, new, before: None });
        }
        // The host is not shown what somebody wants to say where they may not be, and is not asked
        // twice about the same message.
        let access = self.may(Action::Connect, room).await?;
        if let Some(once) = new.once {
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
            kind: new.kind,
            content: new.content,
            attachment: new.attachment.as_ref(),
            reply_to: new.reply_to,
            edited: None,
        };
        new.content = self.heard(draft).await?;
        Ok(Drafted { sender, new, before: None })
    }

    /// What the host makes of a text.
    pub(super) async fn heard(&self, mut draft: Draft<'_>) -> Result<Content, Error> {
        let allowed = self.chat().inner.hooks.before_send(&mut draft).await;
        allowed.map_err(|refusal| Error::refused("content", refusal))?;
        Ok(draft.content)
    }

    /// Who else is in a direct room.
    pub(super) async fn other(&self, access: &Access) -> Result<Option<UserId>, Error> {
        if access.kind != RoomKind::Direct {
            return Ok(None);
        }
        let members = self.chat().members(access.room).await?;
        let me = self.id()?;
        Ok(members.into_iter().map(|member| member.user).find(|user| user != me))
    }
}

impl Chat {
    /// Sends a message in the name of any user whom the directory knows, as the host: it is asked
    /// neither whether they are a member, nor whether the room is active, nor by hooks. Everybody is
    /// told as if they had sent it.
    ///
    /// ```
    /// # use chat_core::model::{MessageKind, RoomId};
    /// # use chat_core::{Chat, Error, Outgoing};
    /// # async fn shipped(chat: &Chat, room: RoomId) -> Result<(), Error> {
    /// let note = Outgoing::new("The order was shipped.").with_kind(MessageKind::System);
    /// chat.send_as("shop", room, note.with_key("order-17-shipped")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Nobody has to read a [system](crate::model::MessageKind::System) message. The `team` dialect
    /// shows it as one, all others show it like any other message of its sender.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the sender (`sender`), the text (`content`) and the reply
    /// (`reply_to`); [`Error::NotFound`], [`Error::Conflict`] where the key was used for another
    /// message, [`Error::Internal`]. After [`Error::Unavailable`] the message may be stored or not:
    /// send again with the same key.
    pub async fn send_as(
        &self,
        sender: impl TryInto<UserId>,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<Delivered, Error> {
        let (sender, outgoing) = (sender.try_into().ok(), message.into());
        let (origin, file) = (outgoing.origin, outgoing.attachment());
        let drafted = self.or_delete(file, self.draft_as(sender, room, outgoing)).await?;
        self.deliver(drafted, origin).await
    }

    /// Makes such a message one for [`MessageStore::send`]: for a host that stores it itself, in a
    /// transaction of its own say. Afterwards [`Chat::announce_sent`] tells everybody. One that has a
    /// file and is not stored has to be given back with [`Chat::discard`].
    ///
    /// # Errors
    /// As for [`Chat::send_as`] where the message is refused before the store is asked. Then its file
    /// is deleted.
    ///
    /// [`MessageStore::send`]: crate::store::MessageStore::send
    pub async fn compose_as(
        &self,
        sender: impl TryInto<UserId>,
        room: RoomId,
        message: impl Into<Outgoing>,
    ) -> Result<NewMessage, Error> {
        let (sender, outgoing) = (sender.try_into().ok(), message.into());
        let file = outgoing.attachment();
        Ok(self.or_delete(file, self.draft_as(sender, room, outgoing)).await?.new)
    }

    /// Tells everybody of a message that the host has stored itself, and ends its sender's typing.
    /// To be called after the commit. Who is connected is told within two seconds also without it,
    /// as when the process ends in between.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn announce_sent(&self, sent: &Sent) -> Result<(), Error> {
        let sender = &sent.message.sender;
        let sender = self.users([sender]).await?.user(sender);
        self.tell_sent(sent, sender, None);
        Ok(())
    }

    async fn draft_as(
        &self,
        sender: Option<UserId>,
        room: RoomId,
        outgoing: Outgoing,
    ) -> Result<Drafted, Error> {
        let unknown = |id: &str| Error::invalid("sender", Problem::UnknownUser(id.to_owned()));
        let id = sender.ok_or_else(|| unknown(""))?;
        let sender = self.user(&id).await?.ok_or_else(|| unknown(id.as_str()))?;
        let new = self.parse(room, Author::Host(id), outgoing)?;
        Ok(Drafted { sender, new, before: None })
    }

    /// A message to store, if what it says can be said at all.
    fn parse(&self, room: RoomId, by: Author, outgoing: Outgoing) -> Result<NewMessage, Error> {
        let (kind, reply_to, once) = (outgoing.kind, outgoing.reply_to, outgoing.once());
        let limit = outgoing.limit.unwrap_or(self.config().message_limit);
        let attachment = outgoing.file.map(|file| file.attachment);
        let content = match attachment {
            Some(_) => Content::parse_caption(outgoing.text, limit),
            None => Content::parse(outgoing.text, limit),
        };
        let content = content.map_err(|error| Error::invalid("content", error.into()))?;
        let at = self.clock().now();
        Ok(NewMessage { room, by, kind, content, attachment, reply_to, once, at })
    }

    /// A drafted message. Where it is refused its file is deleted.
    async fn or_delete(
        &self,
        file: Option<Attachment>,
        drafted: impl Future<Output = Result<Drafted, Error>>,
    ) -> Result<Drafted, Error> {
        let drafted = AssertUnwindSafe(drafted).catch_unwind().await;
        // A hook of the host's may have panicked. Nothing is stored yet.
        if let (Some(file), false) = (&file, matches!(drafted, Ok(Ok(_)))) {
            self.delete_unused_file(file).await;
        }
        drafted.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Stores a message and tells everybody. Its file is deleted where the message is not stored.
    async fn deliver(
        &self,
        drafted: Drafted,
        origin: Option<SessionId>,
    ) -> Result<Delivered, Error> {
        let Drafted { sender, new, before } = drafted;
        let file = new.attachment.clone();
        let sent = match before {
            Some(message) => Ok(Sent { message, repeated: true }),
            None => self.inner.store.send(new).await,
        };
        // Where it is not known whether the message was stored, its file stays.
        let needed = match &sent {
            Ok(sent) => !sent.repeated,
            Err(error) => matches!(error, StoreError::Unavailable(_)),
        };
        if let (Some(file), false) = (&file, needed) {
            self.delete_unused_file(file).await;
        }
        let sent = sent?;
        self.tell_sent(&sent, sender.clone(), origin);
        Ok(Delivered { message: sent.message, sender, repeated: sent.repeated })
    }

    fn tell_sent(&self, sent: &Sent, sender: Arc<User>, origin: Option<SessionId>) {
        let message = &sent.message;
        self.end_typing(message.room, &sender.id);
        if !sent.repeated {
            let change = Change::Sent { message: message.clone(), sender, origin };
            self.announce(message.room, message.versions.sent, vec![change]);
        }
    }
}

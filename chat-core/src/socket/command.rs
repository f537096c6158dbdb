//! What a client's frame asks for, and what came of it.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt;

use super::TempId;
use crate::model::{MessageId, RoomId, Seq, SessionId};
use crate::service::{Actor, Delivered, Error, Outgoing};
use crate::store::ReceiptKind;

/// Work that a frame asks for: the driver performs it and hands back what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send a message.
    Send {
        /// The text, not yet checked.
        text: String,
        /// The most characters of the dialect.
        limit: usize,
        /// The message it answers.
        reply_to: Option<MessageId>,
        /// The client's key.
        temp_id: Option<TempId>,
    },
    /// Say that one types, or no more.
    Typing(bool),
    /// Say that a message was received or read.
    Mark(MessageId, ReceiptKind),
    /// Note that everything up to a position was shown, which is reading it. The machine asks for
    /// this by itself.
    Shown(Seq),
}

/// What came of a [`Command`].
#[derive(Debug)]
pub enum Performed {
    /// A message was sent, or not.
    Sent(Result<Delivered, Error>),
    /// Something else was done, or not.
    Done(Result<(), Error>),
    /// What was shown was marked as read, or not.
    Shown(Result<(), Error>),
}

impl Performed {
    /// Why it was not done.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            Self::Sent(sent) => sent.as_ref().err(),
            Self::Done(done) | Self::Shown(done) => done.as_ref().err(),
        }
    }
}

impl Command {
    /// Does it. Once begun it should be let finish: a message that was stored is announced by it.
    /// Where the host's part in it panics it has failed with [`Error::Internal`].
    pub async fn perform(
        self,
        actor: Actor,
        room: RoomId,
        session: SessionId,
        now: Instant,
    ) -> Performed {
        let failed: fn(Error) -> Performed = match self {
            Self::Send { .. } => |error| Performed::Sent(Err(error)),
            Self::Shown(_) => |error| Performed::Shown(Err(error)),
            Self::Typing(_) | Self::Mark(..) => |error| Performed::Done(Err(error)),
        };
        // What the machine asks for by itself is not the client's doing.
        if !matches!(self, Self::Shown(_))
            && let Err(error) = actor.id().and_then(|user| actor.chat().admit(user, now))
        {
            return failed(error);
        }
        let performed = AssertUnwindSafe(self.admitted(actor, room, session, now)).catch_unwind();
        performed.await.unwrap_or_else(|_| failed(Error::Internal("it panicked".into())))
    }

    async fn admitted(
        self,
        actor: Actor,
        room: RoomId,
        session: SessionId,
        now: Instant,
    ) -> Performed {
        match self {
            Self::Send { text, limit, reply_to, temp_id } => {
                let mut outgoing = Outgoing::new(text).with_limit(limit);
                if let Some(temp_id) = temp_id {
                    // Only what has a key has to be told apart.
                    outgoing = outgoing.with_send_key(Some(temp_id.key())).with_origin(session);
                }
                if let Some(message) = reply_to {
                    outgoing = outgoing.with_reply_to(message);
                }
                Performed::Sent(actor.send(room, outgoing).await)
            }
            Self::Typing(true) => Performed::Done(actor.start_typing(room, now).await),
            Self::Typing(false) => Performed::Done(actor.stop_typing(room).await),
            Self::Mark(message, kind) => {
                Performed::Done(actor.mark(room, message, kind).await.map(drop))
            }
            Self::Shown(last) => {
                Performed::Shown(actor.mark_read_up_to(room, last).await.map(drop))
            }
        }
    }
}

//! The message that was sent over this socket last, until it is told to it with its key.

use std::collections::VecDeque;

use super::{Command, TempId};
use crate::model::{Change, Message, MessageId, SessionId, UserId, Version};

/// How many changes may wait for the command that tells which of them is the message it sent,
/// before no more are wanted.
const HELD: usize = 256;

/// The message that was sent over this socket last, until it is told to it with its key.
///
/// The answer to a send and the delivery of its message come in either order, and a delivery that
/// was read back from the store does not say which socket it was sent over. What the client sent
/// after it waits until it is told, so that answers come in the order of their frames.
#[derive(Debug)]
pub(super) struct OwnMessages {
    user: UserId,
    session: SessionId,
    /// The key of the message that is being sent.
    sending: Option<TempId>,
    /// The message that is stored but was not delivered here yet.
    awaited: Option<Awaited>,
    /// Changes from the store, one of which may be the message that is being sent. They wait until
    /// that is known, so that it is told once and with its key.
    held: VecDeque<Change>,
}

#[derive(Debug)]
struct Awaited {
    id: MessageId,
    /// The version of its sending.
    sent: Version,
    temp_id: Option<TempId>,
}

impl OwnMessages {
    pub(super) fn new(user: UserId, session: SessionId) -> Self {
        Self { user, session, sending: None, awaited: None, held: VecDeque::new() }
    }

    /// A command is being performed from now on.
    pub(super) fn begin(&mut self, command: &Command) {
        self.sending = match command {
            Command::Send { temp_id, .. } => temp_id.clone(),
            Command::Typing(_) | Command::Mark(..) | Command::Shown(_) => None,
        };
    }

    /// The command has been performed; the key of the message that it sent.
    pub(super) fn end(&mut self) -> Option<TempId> {
        self.sending.take()
    }

    /// Notes that a message will be delivered. If that comes from the store it does not name this
    /// socket.
    pub(super) fn expect(&mut self, message: &Message, temp_id: Option<TempId>) {
        self.awaited = Some(Awaited { id: message.id, sent: message.versions.sent, temp_id });
    }

    /// Whether a message has to be told before anything else that the client has sent is taken up.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// Forgets what will not be delivered any more, such as a message that was deleted before:
    /// everything up to this version has been told.
    pub(super) fn forget(&mut self, told: Version) {
        if self.held.is_empty() {
            self.awaited.take_if(|awaited| awaited.sent <= told);
        }
    }

    /// Whether a change may be a message that was sent over this socket with a key.
    pub(super) fn may_be_own(&self, change: &Change) -> bool {
        let Change::Sent { message, origin, .. } = change else { return false };
        let sending = *origin == Some(self.session) && self.sending.is_some();
        let is_awaited = |own: &Awaited| own.id == message.id && own.temp_id.is_some();
        sending || self.awaited.as_ref().is_some_and(is_awaited)
    }

    /// The key of a message that was or is being sent over this socket.
    pub(super) fn claim(&mut self, change: &Change) -> Option<TempId> {
        let Change::Sent { origin, .. } = change else { return None };
        let is_sending = *origin == Some(self.session);
        self.claim_awaited(change).or_else(|| self.sending.clone().filter(|_| is_sending))
    }

    /// The key of the message that was sent over this socket, which is told now.
    pub(super) fn claim_awaited(&mut self, change: &Change) -> Option<TempId> {
        let Change::Sent { message, .. } = change else { return None };
        self.awaited.take_if(|awaited| awaited.id == message.id)?.temp_id
    }

    /// Holds changes if one of them may be the message that is being sent, or they come after one
    /// that may be. Whether it does.
    pub(super) fn hold(&mut self, changes: &[&Change]) -> bool {
        let may_be_sending = |change: &&Change| matches!(change, Change::Sent { message, origin: None, .. } if message.sender == self.user);
        let unclear = self.sending.is_some() && changes.iter().any(may_be_sending);
        let holds = unclear || !self.held.is_empty();
        if holds {
            self.held.extend(changes.iter().copied().cloned());
        }
        holds
    }

    /// Whether this message is held.
    pub(super) fn holds(&self, id: MessageId) -> bool {
        self.held
            .iter()
            .any(|held| matches!(held, Change::Sent { message, .. } if message.id == id))
    }

    /// Whether something is held.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether so much is held that no more should come.
    pub(super) fn holds_much(&self) -> bool {
        self.held.len() >= HELD
    }

    /// Takes the first change that is held.
    pub(super) fn take_held(&mut self) -> Option<Change> {
        self.held.pop_front()
    }

    /// Lets go of what is held: nobody is told any more.
    pub(super) fn clear(&mut self) {
        self.held.clear();
    }
}

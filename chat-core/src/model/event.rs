//! What happened, as the service tells it to whoever listens.

use std::sync::Arc;

use super::{Cursor, Message, Presence, RoomId, SessionId, Timestamp, User, UserId};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lasting change of a room. It is in the store and can be read again at any time, until the
    /// room is deleted ([`Change::Gone`]).
    Room(RoomEvent),
    /// A passing signal. It is told to who listens now, and may be lost.
    Signal(Signal),
}

/// Lasting changes of a room.
#[derive(Debug, Clone)]
pub struct RoomEvent {
    /// The room.
    pub room: RoomId,
    /// How far who knows this event has come, if they knew all before.
    pub reached: Cursor,
    /// What changed: one change as it happens, all sides of what changed where it was read back
    /// from the store. Empty where the change is too large to carry, or what shows it could not be
    /// read: read the store, as [`Chat::changes`](crate::Chat::changes) does.
    pub changes: Vec<Change>,
}

impl RoomEvent {
    /// What an event takes up at least, in bytes.
    pub(crate) const LIGHTEST: usize = 512;

    /// About how much memory it takes, in bytes: of its messages, and a frame's for each change.
    pub fn weight(&self) -> usize {
        let weight = |change: &Change| Self::LIGHTEST + change.held();
        self.changes.iter().map(weight).sum::<usize>().max(Self::LIGHTEST)
    }
}

/// What changed in a room.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// The room was made. Its first members have joined with it, and come after this.
    Made {
        /// Who made it; none for the host itself.
        by: Option<UserId>,
    },
    /// A message was sent.
    Sent {
        /// The message.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
        /// The socket it was sent over; none for HTTP and in-process sends, and where the change
        /// was read back from the store.
        origin: Option<SessionId>,
    },
    /// A message's text was edited.
    Edited {
        /// The message as it is now.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
        /// Who has read it, but the sender; in the order they joined.
        read_by: Arc<[Arc<User>]>,
    },
    /// A message was deleted.
    Deleted {
        /// The message as it is now.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
        /// Who has read it, but the sender; in the order they joined.
        read_by: Arc<[Arc<User>]>,
    },
    /// A message's reactions changed.
    Reacted {
        /// The message as it is now.
        message: Arc<Message>,
    },
    /// A message's status moved.
    Status {
        /// The message as it is now.
        message: Arc<Message>,
    },
    /// A user joined.
    Joined {
        /// Who joined.
        user: UserId,
    },
    /// This user left or was removed.
    Left {
        /// Who left.
        user: UserId,
    },
    /// The room's name, metadata or activity changed.
    Settings,
    /// The host deleted the room, with everything in it, and there is nothing left to read. It has
    /// the room's last version; what had been changed just before may be told after it. Who was a
    /// member is for the host to ask before.
    Gone,
}

impl Change {
    /// About how much of what it holds has no bound of its own, in bytes.
    fn held(&self) -> usize {
        const PERSON: usize = 64;
        let (message, readers) = match self {
            Self::Edited { message, read_by, .. } | Self::Deleted { message, read_by, .. } => {
                (message, read_by.len())
            }
            Self::Sent { message, .. } | Self::Reacted { message } | Self::Status { message } => {
                (message, 0)
            }
            Self::Made { .. }
            | Self::Joined { .. }
            | Self::Left { .. }
            | Self::Settings
            | Self::Gone => return 0,
        };
        let reactions: usize = message.reactions.iter().map(|it| 1 + it.users.len()).sum();
        message.content.len() + PERSON * (readers + reactions)
    }

    /// How far somebody has come who knows this side of a message, in whatever event it came; none
    /// for what is not about a message.
    pub fn reached(&self) -> Option<Cursor> {
        let (message, version) = match self {
            Self::Sent { message, .. } => (message, message.versions.sent),
            Self::Edited { message, .. } => (message, message.versions.edited),
            Self::Deleted { message, .. } => (message, message.versions.deleted),
            Self::Reacted { message } => (message, message.versions.reacted),
            Self::Status { message } => (message, message.versions.status),
            Self::Made { .. }
            | Self::Joined { .. }
            | Self::Left { .. }
            | Self::Settings
            | Self::Gone => return None,
        };
        Some(Cursor { version: version.saturating_sub(1), seq: message.seq })
    }
}

/// A passing signal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Signal {
    /// A user began or ended typing in a room.
    Typing {
        /// The room.
        room: RoomId,
        /// Who types.
        user: Arc<User>,
        /// Whether they do.
        is_typing: bool,
        /// When that began or ended.
        at: Timestamp,
    },
    /// A user's first socket opened, or the last one closed.
    Presence {
        /// Who came or went.
        user: Arc<User>,
        /// Their presence now.
        presence: Presence,
    },
    /// A user's first socket in a room opened, or the last one there closed.
    Attendance {
        /// The room.
        room: RoomId,
        /// Who came or went.
        user: Arc<User>,
        /// Whether they are there now.
        present: bool,
    },
    /// A user was signed out by the host: their open sockets end.
    SignedOut {
        /// Who was.
        user: UserId,
    },
    /// Each open socket of the room is asked to tell its client about itself.
    HealthCheck {
        /// The room.
        room: RoomId,
    },
}

impl Signal {
    /// The room in which it is told; none where it is about a user, wherever they are.
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Typing { room, .. }
            | Self::Attendance { room, .. }
            | Self::HealthCheck { room } => Some(*room),
            Self::Presence { .. } | Self::SignedOut { .. } => None,
        }
    }
}

//! What happened, as the service tells it to whoever listens.

use std::sync::Arc;

use super::{Cursor, Message, Presence, RoomId, SessionId, Timestamp, User, UserId, Version};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lasting change of a room. It is in the store and can be read again at any time.
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
    /// from the store. Empty where the change is too large to carry: read the store.
    pub changes: Vec<Change>,
}

/// What changed in a room.
#[derive(Debug, Clone)]
pub enum Change {
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
}

impl Change {
    /// The room's version at which this side of a message last changed; none for what is not about
    /// a message. Who has come that far knows the change, in whatever event it comes.
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Sent { message, .. } => Some(message.versions.sent),
            Self::Edited { message, .. } => Some(message.versions.edited),
            Self::Deleted { message, .. } => Some(message.versions.deleted),
            Self::Reacted { message } => Some(message.versions.reacted),
            Self::Status { message } => Some(message.versions.status),
            Self::Joined { .. } | Self::Left { .. } | Self::Settings => None,
        }
    }
}

/// A passing signal.
#[derive(Debug, Clone)]
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
    /// Each open socket of the room is asked to tell its client about itself.
    HealthCheck {
        /// The room.
        room: RoomId,
    },
}

//! Who calls, and where.

use chat_core::model::{RoomKind, User};

/// In the names and addresses of everybody who is or was in the room.
pub(super) const SECRET_NAME: &str = "wombat";

// Who stands in the tables, as users; the last one is in none of the rooms.
pub(super) const CREATOR: u64 = 11;
pub(super) const SENDER: u64 = 12;
pub(super) const MEMBER: u64 = 13;
pub(super) const FORMER: u64 = 14;
pub(super) const STRANGER: u64 = 15;
pub(super) const OTHER: u64 = 16;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    /// With what is no token.
    BadToken,
    /// The sender, too late.
    Expired,
    /// Somebody whom the directory does not know.
    Unknown,
    /// Never was in the room.
    Stranger,
    /// Was in the room, sent the message, and is out again.
    Former,
    Member,
    /// The member who sent the message.
    Sender,
    /// The member who made the room.
    Creator,
}

impl Who {
    pub(crate) const SIGNED_OUT: [Self; 4] =
        [Self::Nobody, Self::BadToken, Self::Expired, Self::Unknown];
    pub(crate) const SIGNED_IN: [Self; 5] =
        [Self::Stranger, Self::Former, Self::Member, Self::Sender, Self::Creator];
    pub(crate) const MEMBERS: [Self; 3] = [Self::Member, Self::Sender, Self::Creator];

    /// Whether they have to be told nothing of the room.
    pub(crate) fn is_outside(self) -> bool {
        !Self::MEMBERS.contains(&self)
    }
}

/// Which room and message, or which user, the call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The message of the sender in a room of this kind.
    Room(RoomKind),
    /// A room and a message that do not exist.
    NoRoom,
    /// The group, and a message that does not exist.
    NoMessage,
    /// The lobby, in which one is, and the message of the group. On a socket of one's own, the
    /// message of a room in which one is not.
    OtherRoom,
    /// The group, and its message, which is deleted.
    Deleted,
    /// The group, which is inactive.
    Inactive,
    /// A user who does not exist.
    NoUser,
    /// Who calls.
    Oneself,
    /// A room from which a member was removed, who was not told yet.
    Removed,
}

impl Place {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "no-room" => Self::NoRoom,
            "no-message" => Self::NoMessage,
            "other-room" => Self::OtherRoom,
            "deleted" => Self::Deleted,
            "inactive" => Self::Inactive,
            "no-user" => Self::NoUser,
            "oneself" => Self::Oneself,
            "removed" => Self::Removed,
            word => Self::Room(RoomKind::parse(word)?),
        })
    }
}

/// The user as whom somebody calls in a room of this kind.
pub(super) fn user(who: Who, kind: RoomKind) -> u64 {
    match who {
        Who::Stranger => STRANGER,
        Who::Former => FORMER,
        // Who is no sender in a direct room has made it.
        Who::Member if kind != RoomKind::Direct => MEMBER,
        Who::Member | Who::Creator => CREATOR,
        Who::Nobody | Who::BadToken | Who::Expired | Who::Unknown | Who::Sender => SENDER,
    }
}

/// The name of a user, which is secret for all but the last two.
pub(super) fn name(user: u64) -> String {
    format!("{SECRET_NAME}{user}")
}

/// Everybody in the tables.
pub(super) fn people() -> Vec<User> {
    let known = [CREATOR, SENDER, MEMBER, FORMER].map(|id| {
        let name = name(id);
        User::new(id.into(), name.clone())
            .with_names(&name, "Secret")
            .with_display_name(format!("{name} Shown"))
            .with_email(format!("{name}@example.com"))
            .with_picture(format!("https://example.com/{name}.jpg"))
            .with_image_urls(vec![format!("https://example.com/{name}.png")])
    });
    let plain = [STRANGER, OTHER].map(|id| User::new(id.into(), format!("plain{id}")));
    known.into_iter().chain(plain).collect()
}

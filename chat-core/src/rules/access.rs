//! Who may do what: one table over (action, who, room), deny by default.

use crate::model::{Kinds, Message, Room, RoomId, RoomKind, Seq, UserId, Version};

/// Something that a user may want to do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See the room's details and members.
    View,
    /// Read messages.
    ReadHistory,
    /// Find messages by their words.
    Search,
    /// Download the file of a message.
    Download,
    /// Open a socket.
    Connect,
    /// Send a message, or reply to one.
    Send,
    /// Change the text of one's own message.
    Edit,
    /// Delete one's own message.
    Delete,
    /// Add or remove a reaction.
    React,
    /// Say that messages were received or read.
    Mark,
    /// Say that one types, or ask who does.
    Type,
    /// Ask the room's sockets for their health.
    CheckHealth,
    /// Become a member by oneself.
    Join,
    /// Stop being a member.
    Leave,
    /// Change the name, or add members.
    Manage,
    /// Change whether the room is active, or what the host notes about it.
    Configure,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 16] = [
        Self::View,
        Self::ReadHistory,
        Self::Search,
        Self::Download,
        Self::Connect,
        Self::Send,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::Mark,
        Self::Type,
        Self::CheckHealth,
        Self::Join,
        Self::Leave,
        Self::Manage,
        Self::Configure,
    ];
}

/// What a user is to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// No member: never was, or is no more.
    Stranger,
    /// A member.
    Member,
    /// A member who made the room.
    Creator,
    /// No user, but the host itself.
    Host,
}

impl Standing {
    /// What whoever asks, who is a member now or not, is to a room that this user made; the host,
    /// where nobody asks.
    pub fn of(created_by: Option<&UserId>, by: Option<&Caller>, is_member: bool) -> Self {
        match by {
            None => Self::Host,
            Some(_) if !is_member => Self::Stranger,
            Some(by) if created_by == Some(&by.user) => Self::Creator,
            Some(_) => Self::Member,
        }
    }
}

/// Why something is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The room is of a kind that is not shown to this caller: to them it does not exist.
    #[error("there is no such room")]
    Hidden,
    /// For members only.
    #[error("this is for members of the room only")]
    NotMember,
    /// Rooms of this kind do not have that.
    #[error("this cannot be done in a room of this kind")]
    WrongKind,
    /// For the room's creator only.
    #[error("only the creator of the room can do this")]
    NotCreator,
    /// The room takes no messages any more.
    #[error("the room is inactive and takes no messages")]
    Inactive,
    /// For the message's sender only.
    #[error("only the sender of the message can do this")]
    NotSender,
    /// The message is deleted.
    #[error("the message is deleted")]
    Deleted,
}

/// One row of the table: who may do this, in which kinds of room.
struct Rule {
    action: Action,
    /// The least standing that is enough, in any room.
    who: Standing,
    /// The kinds in which a stranger is enough.
    strangers_in: Kinds,
    /// The kinds that have this at all.
    kinds: Kinds,
    /// The kinds in which the host may.
    host_in: Kinds,
    /// Whether the room must be active.
    active: bool,
}

const PUBLIC: Kinds = Kinds::of(RoomKind::Public);
const SHARED: Kinds = Kinds::DIRECT.not();

const fn members(action: Action) -> Rule {
    Rule {
        action,
        who: Standing::Member,
        strangers_in: Kinds::NONE,
        kinds: Kinds::ALL,
        host_in: Kinds::ALL,
        active: false,
    }
}

const fn creator(action: Action) -> Rule {
    Rule { who: Standing::Creator, kinds: SHARED, ..members(action) }
}

/// What is not in here is not allowed. The rules are those of wire.md, "Who may see a room", "An
/// inactive room" and "team".
const RULES: [Rule; 16] = [
    Rule { strangers_in: PUBLIC, ..members(Action::View) },
    Rule { strangers_in: PUBLIC, ..members(Action::ReadHistory) },
    members(Action::Search),
    members(Action::Download),
    members(Action::Connect),
    Rule { active: true, ..members(Action::Send) },
    members(Action::Edit),
    members(Action::Delete),
    members(Action::React),
    members(Action::Mark),
    members(Action::Type),
    members(Action::CheckHealth),
    Rule { strangers_in: PUBLIC, kinds: PUBLIC, host_in: PUBLIC, ..members(Action::Join) },
    Rule { kinds: SHARED, host_in: SHARED, ..members(Action::Leave) },
    Rule { host_in: SHARED, ..creator(Action::Manage) },
    creator(Action::Configure),
];

/// Who asks, and which kinds of room their way in shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The kinds of room that exist for them, which a dialect may narrow.
    pub kinds: Kinds,
}

/// The facts about a room and a caller that decide what the caller may do, read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The room.
    pub room: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Whether that kind is shown to the caller.
    pub shown: bool,
    /// What the caller is to the room.
    pub standing: Standing,
    /// Whether the room is active.
    pub active: bool,
    /// The room's version.
    pub version: Version,
    /// The room's newest message.
    pub last_seq: Seq,
}

impl Access {
    /// The facts about a room and whoever asks, who is a member now or not; the host, where nobody
    /// does.
    pub fn of(room: &Room, by: Option<&Caller>, is_member: bool) -> Self {
        let standing = Standing::of(room.created_by.as_ref(), by, is_member);
        Self {
            room: room.id,
            kind: room.kind,
            shown: by.is_none_or(|by| by.kinds.contains(room.kind)),
            standing,
            active: room.active,
            version: room.version,
            last_seq: room.last_seq,
        }
    }

    /// Decides one action by the table. The host may whatever rooms of the kind have, be it for
    /// nobody else to do.
    ///
    /// # Errors
    /// The first [`Denial`] that applies, in the order: the room is hidden, the caller no member,
    /// the kind wrong, the caller not the creator, the room inactive. So a stranger learns nothing
    /// about a room but what its dialect says to all strangers.
    pub fn permit(&self, action: Action) -> Result<(), Denial> {
        let Some(rule) = RULES.iter().find(|rule| rule.action == action) else {
            return Err(Denial::Hidden);
        };
        if self.standing == Standing::Host {
            let may = rule.host_in.contains(self.kind);
            return if may { Ok(()) } else { Err(Denial::WrongKind) };
        }
        if !self.shown {
            return Err(Denial::Hidden);
        }
        if self.standing == Standing::Stranger && !rule.strangers_in.contains(self.kind) {
            return Err(Denial::NotMember);
        }
        if !rule.kinds.contains(self.kind) {
            return Err(Denial::WrongKind);
        }
        if rule.who == Standing::Creator && self.standing != Standing::Creator {
            return Err(Denial::NotCreator);
        }
        if rule.active && !self.active {
            return Err(Denial::Inactive);
        }
        Ok(())
    }
}

/// Decides what depends on the message, once [`Access::permit`] has allowed the action in the room:
/// editing and deleting are the sender's, or the host's, who is no user; and a deleted message takes
/// neither edits nor reactions nor receipts nor replies.
///
/// # Errors
/// [`Denial::NotSender`], then [`Denial::Deleted`].
pub fn permit_message(
    action: Action,
    user: Option<&UserId>,
    message: &Message,
) -> Result<(), Denial> {
    let is_foreign = user.is_some_and(|user| message.sender != *user);
    if matches!(action, Action::Edit | Action::Delete) && is_foreign {
        return Err(Denial::NotSender);
    }
    if message.is_deleted() {
        return Err(Denial::Deleted);
    }
    Ok(())
}

/// Something read from a store together with the facts that decide whether the caller may have it.
///
/// The value cannot be had without the check, so a use case cannot forget it.
#[derive(Debug)]
pub struct Guarded<T> {
    access: Access,
    value: T,
}

impl<T> Guarded<T> {
    /// Puts a value behind its check.
    pub fn new(access: Access, value: T) -> Self {
        Self { access, value }
    }

    /// The facts, which are no secret to the service.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Hands the value out if the action is allowed.
    ///
    /// # Errors
    /// The [`Denial`] of [`Access::permit`].
    pub fn permit(self, action: Action) -> Result<T, Denial> {
        self.access.permit(action).map(|()| self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(kind: RoomKind, standing: Standing) -> Access {
        let room = RoomId::new(1).unwrap();
        Access { room, kind, shown: true, standing, active: true, version: 1, last_seq: 0 }
    }

    #[test]
    fn every_action_has_exactly_one_rule() {
        for action in Action::ALL {
            assert_eq!(RULES.iter().filter(|rule| rule.action == action).count(), 1, "{action:?}");
        }
    }

    #[test]
    fn a_stranger_may_only_read_and_join_public_rooms() {
        for action in Action::ALL {
            for kind in RoomKind::ALL {
                let open = kind == RoomKind::Public
                    && matches!(action, Action::View | Action::ReadHistory | Action::Join);
                let expected = if open { Ok(()) } else { Err(Denial::NotMember) };
                assert_eq!(
                    access(kind, Standing::Stranger).permit(action),
                    expected,
                    "{action:?} {kind:?}"
                );
            }
        }
    }

    #[test]
    fn what_members_and_creators_may_do() {
        for action in Action::ALL {
            for kind in RoomKind::ALL {
                let direct = kind == RoomKind::Direct;
                let (member, creator) = match action {
                    Action::Join if kind != RoomKind::Public => {
                        (Err(Denial::WrongKind), Err(Denial::WrongKind))
                    }
                    Action::Leave | Action::Manage | Action::Configure if direct => {
                        (Err(Denial::WrongKind), Err(Denial::WrongKind))
                    }
                    Action::Manage | Action::Configure => (Err(Denial::NotCreator), Ok(())),
                    _ => (Ok(()), Ok(())),
                };
                assert_eq!(
                    access(kind, Standing::Member).permit(action),
                    member,
                    "{action:?} {kind:?}"
                );
                assert_eq!(
                    access(kind, Standing::Creator).permit(action),
                    creator,
                    "{action:?} {kind:?}"
                );
            }
        }
    }

    #[test]
    fn an_inactive_room_refuses_messages_and_nothing_else() {
        for action in Action::ALL {
            let room = Access { active: false, ..access(RoomKind::Public, Standing::Creator) };
            let expected = if action == Action::Send { Err(Denial::Inactive) } else { Ok(()) };
            assert_eq!(room.permit(action), expected, "{action:?}");
        }
    }

    #[test]
    fn the_host_may_do_what_rooms_of_the_kind_have() {
        for action in Action::ALL {
            for kind in RoomKind::ALL {
                let expected = match access(kind, Standing::Creator).permit(action) {
                    Err(Denial::WrongKind) if action != Action::Configure => Err(Denial::WrongKind),
                    _ => Ok(()),
                };
                let host = Access { active: false, ..access(kind, Standing::Host) };
                assert_eq!(host.permit(action), expected, "{action:?} {kind:?}");
            }
        }
    }

    #[test]
    fn a_hidden_room_does_not_exist_even_for_its_creator() {
        for action in Action::ALL {
            let room = Access { shown: false, ..access(RoomKind::Group, Standing::Creator) };
            assert_eq!(room.permit(action), Err(Denial::Hidden));
        }
    }
}

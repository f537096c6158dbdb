//! What may happen in a random history.

use std::fmt;

use chat_core::model::{Kinds, MessageKind, RoomKind};
use chat_core::store::RoomOrder;
use proptest::prelude::*;

/// How many users there are; they are numbered from 1.
pub(super) const USERS: u8 = 6;

/// How many members a room may have; fewer than there are users.
pub(super) const MEMBERS: usize = 4;

/// Something that happens. Rooms and messages are numbered in the order they were made; a number
/// past the last one begins again at the first.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create {
        kind: RoomKind,
        creator: Option<u8>,
        members: Vec<u8>,
    },
    Direct {
        first: u8,
        second: u8,
    },
    Send {
        room: u8,
        by: By,
        what: What,
    },
    Edit {
        room: u8,
        by: By,
        message: Target,
    },
    Delete {
        room: u8,
        by: Option<By>,
        message: Target,
    },
    React {
        room: u8,
        by: By,
        message: Target,
        emoji: u8,
        add: bool,
    },
    Mark {
        room: u8,
        by: By,
        read: bool,
        message: Target,
        late: i64,
    },
    MarkAll {
        room: u8,
        by: By,
        read: bool,
        late: i64,
    },
    MarkUpTo {
        room: u8,
        by: By,
        read: bool,
        last: u8,
        late: i64,
    },
    Manage {
        room: u8,
        by: Option<By>,
        name: Option<u8>,
        active: Option<bool>,
        note: Option<u8>,
        add: Vec<u8>,
    },
    Join {
        room: u8,
        by: By,
    },
    Leave {
        room: u8,
        by: By,
    },
    Remove {
        room: u8,
        user: u8,
    },
    Erase {
        room: u8,
        user: u8,
    },
    DeleteRoom {
        room: u8,
    },
    Sweep {
        limit: usize,
    },
    ReadHistory {
        room: u8,
        anchor: From,
        deleted: bool,
        skip: u64,
        take: usize,
    },
    ReadMessage {
        by: By,
        room: Option<u8>,
        message: u8,
    },
    ReadChanges {
        room: u8,
        version: u8,
        seq: u8,
        limit: usize,
    },
    ListRooms {
        by: By,
        order: RoomOrder,
        skip: u64,
        take: usize,
    },
    Search {
        by: By,
        term: u8,
        limit: usize,
    },
    PublicCandidates {
        by: By,
        before: Option<u8>,
        limit: usize,
    },
    Count {
        by: By,
        room: Option<u8>,
        since: u8,
        today: u8,
    },
}

/// What is sent, and how often in a row.
#[derive(Debug, Clone)]
pub(super) struct What {
    /// Whether the host speaks for the user.
    pub(super) by_host: bool,
    pub(super) kind: MessageKind,
    pub(super) file: bool,
    pub(super) reply_to: Option<Target>,
    /// The key and the content sent under it.
    pub(super) once: Option<(u8, u8)>,
    /// By how many seconds the sender's clock is behind.
    pub(super) late: i64,
    pub(super) times: u8,
}

/// A user, and which kinds of room are shown to them.
#[derive(Clone, Copy)]
pub(super) struct By {
    pub(super) user: u8,
    pub(super) kinds: Kinds,
}

/// Which message is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// One of the room's.
    Nth(u8),
    /// One of any room's.
    Anywhere(u8),
    /// None that there is.
    Missing,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    Newest,
    BeforeMessage(Target),
    BeforeSeq(u8),
    AfterSeq(u8),
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds.iter().collect();
        if self.kinds == Kinds::ALL {
            write!(f, "{}", self.user)
        } else {
            write!(f, "{} who sees {kinds:?}", self.user)
        }
    }
}

/// Histories of up to `longest` operations.
pub(super) fn histories(longest: usize) -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..longest)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => writes_in_rooms().boxed(),
        4 => writes_of_messages().boxed(),
        1 => reads().boxed(),
    ]
}

/// Somebody, or now and then the host.
fn or_host(by: impl Strategy<Value = By>) -> impl Strategy<Value = Option<By>> {
    prop::option::weighted(0.8, by)
}

fn writes_in_rooms() -> impl Strategy<Value = Operation> {
    let kinds = prop::sample::select(vec![RoomKind::Group, RoomKind::Project, RoomKind::Public]);
    let creator = prop::option::weighted(0.9, user());
    let name = prop::option::weighted(0.3, 0u8..2);
    let note = prop::option::weighted(0.2, 0u8..2);
    let active = prop_oneof![4 => Just(None), 1 => Just(Some(false)), 3 => Just(Some(true))];
    prop_oneof![
        1 => (kinds, creator, users())
            .prop_map(|(kind, creator, members)| Operation::Create { kind, creator, members }),
        1 => (user(), user()).prop_map(|(first, second)| Operation::Direct { first, second }),
        4 => (room(), or_host(creator_mostly()), name, active, note, users()).prop_map(
            |(room, by, name, active, note, add)| {
                Operation::Manage { room, by, name, active, note, add }
            }
        ),
        3 => (room(), by()).prop_map(|(room, by)| Operation::Join { room, by }),
        3 => (room(), by()).prop_map(|(room, by)| Operation::Leave { room, by }),
        1 => (room(), user()).prop_map(|(room, user)| Operation::Remove { room, user }),
        1 => (room(), user()).prop_map(|(room, user)| Operation::Erase { room, user }),
        1 => room().prop_map(|room| Operation::DeleteRoom { room }),
        1 => (1usize..20).prop_map(|limit| Operation::Sweep { limit }),
    ]
}

fn writes_of_messages() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (room(), by(), what())
            .prop_map(|(room, by, what)| Operation::Send { room, by, what }),
        2 => (room(), by(), target())
            .prop_map(|(room, by, message)| Operation::Edit { room, by, message }),
        3 => (room(), or_host(by()), target())
            .prop_map(|(room, by, message)| Operation::Delete { room, by, message }),
        3 => (room(), by(), target(), 0u8..3, prop::bool::weighted(0.7)).prop_map(
            |(room, by, message, emoji, add)| Operation::React { room, by, message, emoji, add }
        ),
        6 => (room(), by(), any::<bool>(), target(), late()).prop_map(
            |(room, by, read, message, late)| Operation::Mark { room, by, read, message, late }
        ),
        4 => (room(), by(), any::<bool>(), late())
            .prop_map(|(room, by, read, late)| Operation::MarkAll { room, by, read, late }),
        3 => (room(), by(), any::<bool>(), 0u8..30, late()).prop_map(
            |(room, by, read, last, late)| Operation::MarkUpTo { room, by, read, last, late }
        ),
    ]
}

fn reads() -> impl Strategy<Value = Operation> {
    let order = prop::sample::select(vec![RoomOrder::Activity, RoomOrder::Id]);
    let anchor = prop_oneof![
        Just(From::Newest),
        target().prop_map(From::BeforeMessage),
        (0u8..30).prop_map(From::BeforeSeq),
        (0u8..30).prop_map(From::AfterSeq),
    ];
    prop_oneof![
        4 => (room(), anchor, any::<bool>(), 0u64..6, 0usize..8).prop_map(
            |(room, anchor, deleted, skip, take)| {
                Operation::ReadHistory { room, anchor, deleted, skip, take }
            }
        ),
        1 => (by(), prop::option::of(room()), any::<u8>())
            .prop_map(|(by, room, message)| Operation::ReadMessage { by, room, message }),
        3 => (room(), any::<u8>(), 0u8..12, 1usize..6).prop_map(
            |(room, version, seq, limit)| Operation::ReadChanges { room, version, seq, limit }
        ),
        2 => (by(), order, 0u64..3, 0usize..5)
            .prop_map(|(by, order, skip, take)| Operation::ListRooms { by, order, skip, take }),
        4 => (by(), any::<u8>(), 0usize..8)
            .prop_map(|(by, term, limit)| Operation::Search { by, term, limit }),
        1 => (by(), prop::option::of(room()), 0usize..4)
            .prop_map(|(by, before, limit)| Operation::PublicCandidates { by, before, limit }),
        2 => (by(), prop::option::weighted(0.3, room()), 0u8..60, 0u8..60)
            .prop_map(|(by, room, since, today)| Operation::Count { by, room, since, today }),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let kind = prop_oneof![8 => Just(MessageKind::Text), 1 => Just(MessageKind::Image),
        1 => Just(MessageKind::File), 2 => Just(MessageKind::System)];
    let reply_to = prop::option::weighted(0.2, target());
    let once = prop::option::weighted(0.5, (0u8..2, prop_oneof![5 => Just(0u8), 1 => Just(1u8)]));
    let times = prop_oneof![6 => Just(1u8), 1 => 2u8..8];
    let by_host = prop::bool::weighted(0.1);
    (by_host, kind, prop::bool::weighted(0.2), reply_to, once, late(), times).prop_map(
        |(by_host, kind, file, reply_to, once, late, times)| What {
            by_host,
            kind,
            file,
            reply_to,
            once,
            late,
            times,
        },
    )
}

fn room() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0u8..1, 4 => 1u8..3, 1 => 3u8..6]
}

fn user() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 1u8..3, 2 => 3u8..4, 1 => 4..=USERS]
}

fn users() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(1..=USERS, 0..5)]
}

fn by() -> impl Strategy<Value = By> {
    (user(), kinds()).prop_map(|(user, kinds)| By { user, kinds })
}

/// User 1 made most of the rooms.
fn creator_mostly() -> impl Strategy<Value = By> {
    let user = prop_oneof![4 => Just(1u8), 1 => user()];
    (user, kinds()).prop_map(|(user, kinds)| By { user, kinds })
}

fn kinds() -> impl Strategy<Value = Kinds> {
    prop_oneof![20 => Just(Kinds::ALL), 1 => Just(Kinds::DIRECT), 1 => Just(Kinds::DIRECT.not())]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        20 => any::<u8>().prop_map(Target::Nth),
        2 => any::<u8>().prop_map(Target::Anywhere),
        1 => Just(Target::Missing),
    ]
}

fn late() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0i64), 1 => 0i64..40]
}

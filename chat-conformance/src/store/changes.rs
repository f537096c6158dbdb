//! What changed in a room since a point.

use std::sync::Arc;

use chat_core::model::{Cursor, Membership, Message, RoomId, Seq, Version};
use chat_core::store::{Changed, Changes, ManageRoom, Store};

use super::world::{LIMIT, Refusal, World, caller, name, no_room, refusal, users};

/// A changed row, by what tells rows apart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Message(Version, Seq),
    Member(Version, u64),
}

/// "Every message and member whose last change lies after the point, each once", "by (version of
/// the last change, `seq`)".
pub async fn what_changed_comes_once_by_its_last_version(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2]).await; // 1
    let one = world.say(room, 1, "one").await; // 2
    let two = world.say(room, 1, "two").await; // 3
    world.say(room, 2, "three").await; // 4
    world.edit(room, 1, one.id, "edited").await.unwrap(); // 5
    world.store.join_room(&caller(3), room, LIMIT, world.now()).await.unwrap(); // 6
    world.react(room, 3, two.id, "👍").await.unwrap(); // 7
    world.delete(room, 1, one.id).await.unwrap(); // 8
    world.leave(room, 2).await; // 9
    let all = [
        Row::Member(1, 1),
        Row::Message(4, 3),
        Row::Member(6, 3),
        Row::Message(7, 2),
        Row::Message(8, 1),
        Row::Member(9, 2),
    ];
    for known in 0..=9 {
        let changes = after(&world, room, Cursor::version(known), 1_000).await;
        let newer: Vec<_> = all.iter().filter(|row| row.version() > known).cloned().collect();
        assert_eq!(rows(&changes), newer, "after {known}");
        assert_eq!((changes.more, changes.room.version), (None, 9));
    }
}

/// A changed row comes "as it is now", and the room too.
pub async fn what_changed_comes_as_it_is_now(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.edit(room, 1, message.id, "edited").await.unwrap();
    world.react(room, 2, message.id, "👍").await.unwrap();
    let change = ManageRoom { name: Some(name("new")), ..world.manage(room, 1) };
    world.store.manage_room(change).await.unwrap();
    world.add(room, 1, [3]).await;
    world.read_all(room, 2).await;
    let changes = after(&world, room, Cursor::version(1), 1_000).await;
    let summary = world.summary(room, 1).await;
    assert_eq!(changes.room, summary.room);
    assert_eq!(messages(&changes), [&*world.message(1, message.id).await]);
    assert_eq!(members(&changes), [&world.member(room, 3).await.membership()]);
}

/// A change of settings is no row: the room itself says it.
pub async fn a_change_of_settings_comes_with_the_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    world.set_active(room, 1, false).await;
    let changes = after(&world, room, Cursor::version(1), 10).await;
    assert_eq!(rows(&changes), []);
    assert_eq!((changes.room.settings_version, changes.room.active), (2, false));
}

/// Members who came together come in the order of members.
pub async fn members_who_came_together_come_in_their_order(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([4, 2, 3]).await;
    world.leave(room, 3).await;
    world.add(room, 4, [9, 3, 1, 5]).await;
    let changes = after(&world, room, Cursor::version(2), 100).await;
    let joined: Vec<_> = members(&changes).iter().map(|member| member.user.clone()).collect();
    assert_eq!(joined, users([9, 3, 1, 5]));
}

/// A receipt that moves no status is no change.
pub async fn a_receipt_that_moves_nothing_is_no_change(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    world.read(room, 2, &message).await;
    let changes = after(&world, room, Cursor::version(2), 10).await;
    assert_eq!((rows(&changes), changes.more), (vec![], None));
}

/// Pages of "at most about `limit` rows" lead on by `more` until `None`, "where `items` reaches up
/// to `room.version`", and no row is missing or told twice.
pub async fn pages_of_changes_leave_nothing_out_and_repeat_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2, 3]).await;
    for by in [1, 2, 3, 1, 1, 2, 1] {
        world.say(room, by, "text").await;
    }
    world.receive_all(room, 2).await;
    world.receive_all(room, 3).await; // moves those of user 1 together
    world.add(room, 1, [4, 5, 6, 7]).await; // come together
    world.say(room, 4, "text").await;
    world.leave(room, 5).await;
    let whole = after(&world, room, Cursor::version(0), 1_000).await;
    let whole_rows = rows(&whole);
    assert_eq!(whole.more, None);
    for limit in 1..=whole_rows.len() + 1 {
        for from in 0..=whole.room.version {
            let wanted: Vec<_> =
                whole_rows.iter().filter(|row| row.version() > from).cloned().collect();
            let paged = page_through(&world, room, from, limit).await;
            assert_eq!(paged, wanted, "after {from}, {limit} at once");
        }
    }
}

/// A version of many messages is told in parts: `seq` is "the position up to which the changes of
/// `version + 1` are known as well".
pub async fn a_version_of_many_messages_comes_in_parts(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    for _ in 0..40 {
        world.say(room, 1, "text").await;
    }
    let marked = world.read_all(room, 2).await;
    let version = marked.version.unwrap();
    let part = after(&world, room, Cursor::version(version - 1), 10).await;
    assert!(part.items.len() < 40, "about 10 were asked for, {} came", part.items.len());
    assert!(part.more.is_some());
    for seq in [1, 20, 39, 40] {
        let point = Cursor { version: version - 1, seq };
        let rest = after(&world, room, point, 1_000).await;
        let wanted: Vec<_> = (seq + 1..=40).map(|seq| Row::Message(version, seq)).collect();
        assert_eq!(rows(&rest), wanted);
    }
}

/// After the room's own version, and after versions that are still to come, nothing changed.
pub async fn after_the_last_version_nothing_changed(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    world.say(room, 1, "text").await;
    for version in [2, 3, 1 << 40] {
        let changes = after(&world, room, Cursor::version(version), 10).await;
        assert_eq!((rows(&changes), changes.more), (vec![], None));
        assert_eq!(changes.room.version, 2);
    }
}

/// "`NotFound` where there is no such room."
pub async fn a_room_that_is_not_there_has_no_changes(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.group([1]).await;
    let changes = world.store.changes(no_room(), Cursor::version(0), 10).await;
    assert_eq!(refusal(changes), Refusal::NotFound);
}

/// Each room has its own changes.
pub async fn rooms_do_not_share_their_changes(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (a, b) = (world.group([1]).await, world.group([1, 2]).await);
    for _ in 0..3 {
        world.say(a, 1, "a").await;
        world.say(b, 2, "b").await;
    }
    let changes = after(&world, a, Cursor::version(0), 100).await;
    assert!(messages(&changes).iter().all(|message| message.room == a));
    assert_eq!(changes.items.len(), 4);
}

impl Row {
    fn version(&self) -> Version {
        let (Self::Message(version, _) | Self::Member(version, _)) = self;
        *version
    }
}

async fn after(world: &World, room: RoomId, point: Cursor, limit: usize) -> Changes {
    world.store.changes(room, point, limit).await.unwrap()
}

/// All rows after a version, asked for page by page.
async fn page_through(world: &World, room: RoomId, from: Version, limit: usize) -> Vec<Row> {
    let mut all = Vec::new();
    let mut point = Cursor::version(from);
    loop {
        let page = after(world, room, point, limit).await;
        all.extend(rows(&page));
        let Some(more) = page.more else { return all };
        assert!(more > point, "{more:?} does not lead on from {point:?}");
        point = more;
    }
}

fn rows(changes: &Changes) -> Vec<Row> {
    let row = |item: &Changed| match item {
        Changed::Message(message) => Row::Message(message.versions.last(), message.seq),
        Changed::Member(member) => Row::Member(
            member.version,
            member.user.as_integer().expect("the tests' ids are numbers"),
        ),
    };
    changes.items.iter().map(row).collect()
}

fn messages(changes: &Changes) -> Vec<&Message> {
    let rows = changes.items.iter();
    rows.filter_map(|row| if let Changed::Message(message) = row { Some(&**message) } else { None })
        .collect()
}

fn members(changes: &Changes) -> Vec<&Membership> {
    let rows = changes.items.iter();
    rows.filter_map(|row| if let Changed::Member(member) = row { Some(member) } else { None })
        .collect()
}

//! Listing and counting a user's rooms.

use std::sync::Arc;

use chat_core::model::{Kinds, RoomId, RoomKind, SeqSet, Slice};
use chat_core::rules::Action;
use chat_core::store::{Anchor, NewMessage, RoomOrder, RoomQuery, RoomStats, StatsQuery, Store};

use super::world::{World, at, caller, caller_of, member_ids, no_room, user, users};

/// The rooms of a list are the active ones of the member, "newest `activity_at` first, then the
/// larger id", or by id.
pub async fn rooms_are_listed_in_their_order(store: Arc<dyn Store>) {
    let world = World::new(store);
    let same = at(500);
    let a = world.group([1, 2]).await;
    let b = world.direct(2, 1).await;
    let c = world.public([2, 1]).await;
    let d = world.group([1]).await;
    assert_eq!(listed(&world, 1, RoomOrder::Activity).await, [d, c, b, a]);

    for room in [b, a, c] {
        let new = world.text(room, 1, "same moment");
        world.send(NewMessage { at: same, ..new }).await;
    }
    let (big, small) = (a.max(c), a.min(c));
    let mut tied = vec![big, small, b];
    tied.sort();
    tied.reverse();
    assert_eq!(listed(&world, 1, RoomOrder::Activity).await, [tied, vec![d]].concat());
    let mut by_id = vec![a, b, c, d];
    by_id.sort();
    assert_eq!(listed(&world, 1, RoomOrder::Id).await, by_id);
}

/// Only active rooms of present members are listed.
pub async fn inactive_rooms_and_those_one_left_are_not_listed(store: Arc<dyn Store>) {
    let world = World::new(store);
    let stays = world.group([1, 2]).await;
    let left = world.group([1, 2]).await;
    let inactive = world.group([1, 2]).await;
    let removed = world.direct(1, 2).await;
    let _of_others = world.public([1]).await;
    world.leave(left, 2).await;
    world.set_active(inactive, 1, false).await;
    world.remove(removed, 2).await;
    assert_eq!(listed(&world, 2, RoomOrder::Id).await, [stays]);

    world.set_active(inactive, 1, true).await;
    world.add(left, 1, [2]).await;
    assert_eq!(listed(&world, 2, RoomOrder::Id).await, [stays, left, inactive]);
}

/// "Only rooms of the caller's kinds; `count` is of all such rooms", whatever part is asked for.
pub async fn a_page_of_rooms_counts_all_of_the_callers_kinds(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut groups = Vec::new();
    for other in 2..7 {
        groups.push(world.group([1, other]).await);
        world.direct(1, other).await;
    }
    groups.reverse();
    for (skip, take) in [(0, 2), (1, 3), (4, 2), (5, 1), (u64::MAX, 5), (0, 0), (0, 100)] {
        let by = caller_of(1, Kinds::of(RoomKind::Group));
        let slice = Slice { skip, take };
        let query = RoomQuery { by, order: RoomOrder::Activity, slice };
        let page = world.store.rooms(query).await.unwrap();
        assert_eq!(page.count, 5);
        let found: Vec<_> = page.items.iter().map(|summary| summary.room.id).collect();
        let skip = usize::try_from(skip).unwrap();
        assert_eq!(found, groups.iter().copied().skip(skip).take(take).collect::<Vec<_>>());
    }
    let by = caller_of(1, Kinds::NONE);
    let query = RoomQuery { by, order: RoomOrder::Id, slice: Slice::first(10) };
    assert_eq!(world.store.rooms(query).await.unwrap().count, 0);
}

/// Rooms are listed "each as `RoomStore::room` has it".
pub async fn a_listed_room_is_as_the_room_itself(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    world.say(room, 1, "one").await;
    let two = world.say(room, 3, "two").await;
    world.say(room, 3, "three").await;
    world.read(room, 2, &two).await;
    world.direct(2, 1).await;
    let query = RoomQuery { by: caller(2), order: RoomOrder::Activity, slice: Slice::first(10) };
    let page = world.store.rooms(query).await.unwrap();
    assert_eq!(page.items.len(), 2);
    for listed in page.items {
        let alone = world.summary(listed.room.id, 2).await;
        assert_eq!(listed.room, alone.room);
        assert_eq!(listed.members, alone.members);
        assert_eq!(listed.last_message, alone.last_message);
        assert_eq!(listed.unread, alone.unread);
    }
    assert_eq!(world.unread(room, 2).await, 2);
}

/// "These rooms with their members, last message and the caller's unread count; rooms that do not
/// exist are left out."
pub async fn summaries_of_the_rooms_that_exist(store: Arc<dyn Store>) {
    let world = World::new(store);
    let group = world.group([1, 2, 3]).await;
    let public = world.public([2]).await;
    world.say(group, 2, "hello").await;
    world.say(public, 2, "hello").await;
    let rooms = [public, no_room(), group];
    for (by, wanted) in [
        (Some(caller(1)), vec![(group, 1), (public, 0)]),
        (Some(caller(9)), vec![(public, 0)]),
        (None, vec![(group, 0), (public, 0)]),
    ] {
        let mut found = world.store.summaries(by.as_ref(), &rooms).await.unwrap();
        found.sort_unstable_by_key(|guarded| guarded.access().room);
        assert_eq!(found.iter().map(|it| it.access().room).collect::<Vec<_>>(), [group, public]);
        let shown = found.into_iter().filter_map(|it| it.permit(Action::View).ok());
        let shown: Vec<_> = shown.map(|summary| (summary.room.id, summary.unread)).collect();
        assert_eq!(shown, wanted);
    }
    assert!(world.store.summaries(None, &[]).await.unwrap().is_empty());
}

/// "The versions of these rooms; rooms that do not exist are left out."
pub async fn versions_of_the_rooms_that_exist(store: Arc<dyn Store>) {
    let world = World::new(store);
    let a = world.group([1]).await;
    let b = world.direct(1, 2).await;
    world.say(b, 1, "hello").await;
    let mut versions = world.store.versions(&[b, no_room(), a]).await.unwrap();
    versions.sort_unstable();
    assert_eq!(versions, [(a, 1), (b, 2)]);
    assert_eq!(world.store.versions(&[]).await.unwrap(), []);
    assert_eq!(world.store.versions(&[no_room()]).await.unwrap(), []);
}

/// "The present members of these rooms, in the order they joined; rooms that do not exist are left
/// out."
pub async fn members_of_the_rooms_that_exist(store: Arc<dyn Store>) {
    let world = World::new(store);
    let group = world.group([1, 2, 3]).await;
    let direct = world.direct(1, 2).await;
    let message = world.say(group, 1, "hello").await;
    world.leave(group, 2).await;
    world.add(group, 1, [4]).await;
    world.read(group, 3, &message).await;
    let mut members = world.store.members(&[direct, no_room(), group]).await.unwrap();
    members.sort_unstable_by_key(|(room, _)| *room);
    assert_eq!(members.iter().map(|(room, _)| *room).collect::<Vec<_>>(), [group, direct]);
    for (room, members) in &members {
        assert_eq!(member_ids(members), world.summary(*room, 1).await.members);
    }
    assert_eq!(member_ids(&members[0].1), users([1, 3, 4]));
    assert_eq!(members[0].1[1].read, SeqSet::up_to(1));
    assert_eq!(members[1].1[0].read, SeqSet::new());
    assert_eq!(world.store.members(&[]).await.unwrap(), []);
}

/// Statistics count the user's active rooms, those "with a message, deleted or not, sent at or
/// after `today`", and "messages sent at or after `since`, deleted ones left out".
pub async fn statistics_count_rooms_and_recent_messages(store: Arc<dyn Store>) {
    let world = World::new(store);
    let busy = world.group([1, 2]).await;
    let deleted_only = world.direct(1, 2).await;
    let _silent = world.public([1]).await;
    let inactive = world.group([1, 2]).await;
    let _of_others = world.group([2]).await;
    let say = async |room, by, second| {
        let new = world.text(room, by, "text");
        world.send(NewMessage { at: at(second), ..new }).await
    };
    say(busy, 2, 999).await;
    say(busy, 2, 1_000).await;
    say(busy, 1, 2_000).await;
    let gone = say(deleted_only, 2, 2_000).await;
    world.delete(deleted_only, 2, gone.id).await.unwrap();
    say(inactive, 2, 3_000).await;
    world.set_active(inactive, 1, false).await;

    let stats = async |by, room, since, today| {
        let query = StatsQuery { by, room, since: at(since), today: at(today) };
        world.store.stats(query).await.unwrap()
    };
    let counted =
        |rooms, active_today, recent_messages| RoomStats { rooms, active_today, recent_messages };
    assert_eq!(stats(caller(1), None, 1_000, 2_000).await, counted(3, 2, 2));
    assert_eq!(stats(caller(1), None, 999, 2_001).await, counted(3, 0, 3));
    assert_eq!(stats(caller(1), None, 5_000, 0).await, counted(3, 2, 0));
    assert_eq!(stats(caller_of(1, Kinds::DIRECT), None, 0, 0).await, counted(1, 1, 0));
    assert_eq!(stats(caller(9), None, 0, 0).await, counted(0, 0, 0));

    assert_eq!(stats(caller(1), Some(busy), 1_000, 2_000).await, counted(1, 1, 2));
    assert_eq!(stats(caller(1), Some(inactive), 0, 0).await, counted(1, 1, 1));
}

/// Statistics of one room: "where the caller is no member of it or it is not of their kinds,
/// nothing".
pub async fn statistics_of_a_room_one_may_not_see_are_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2]).await;
    world.say(room, 1, "hello").await;
    world.leave(room, 2).await;
    for by in [caller(2), caller(3), caller_of(1, Kinds::DIRECT)] {
        let query = StatsQuery { by, room: Some(room), since: at(0), today: at(0) };
        assert_eq!(world.store.stats(query).await.unwrap(), RoomStats::default());
    }
    let query = StatsQuery { by: caller(1), room: Some(no_room()), since: at(0), today: at(0) };
    assert_eq!(world.store.stats(query).await.unwrap(), RoomStats::default());
}

/// The ids of a user's rooms.
pub(super) async fn listed(world: &World, by: u64, order: RoomOrder) -> Vec<RoomId> {
    let query = RoomQuery { by: caller(by), order, slice: Slice::first(100) };
    let page = world.store.rooms(query).await.unwrap();
    assert_eq!(page.count, page.items.len() as u64);
    page.items.iter().map(|summary| summary.room.id).collect()
}

/// "The rooms of every kind that a user is a member of, active or not, by their ids; at most
/// `limit` of those after a room."
pub async fn rooms_of_a_user_are_found_active_or_not(store: Arc<dyn Store>) {
    let world = World::new(store);
    let public = world.public([1, 2]).await;
    let left = world.group([1, 2]).await;
    let inactive = world.group([1, 2]).await;
    let direct = world.direct(2, 1).await;
    world.group([2]).await;
    world.store.leave_room(&caller(1), left, world.now()).await.unwrap();
    world.set_active(inactive, 1, false).await;
    let mut all = vec![public, inactive, direct];
    all.sort();
    let rooms_of = async |after, limit| world.store.rooms_of(&user(1), after, limit).await.unwrap();
    assert_eq!(rooms_of(None, 10).await, all);
    assert_eq!(rooms_of(None, 2).await, all[..2]);
    assert_eq!(rooms_of(Some(all[1]), 10).await, all[2..]);
    assert_eq!(rooms_of(Some(all[2]), 10).await, []);
    let nobody = world.store.rooms_of(&user(9), None, 10).await.unwrap();
    assert_eq!(nobody, []);
}

/// "In all of the rooms that `RoomStore::rooms` lists: the sum of their `unread`."
pub async fn what_is_unread_is_the_sum_of_what_lists_say(store: Arc<dyn Store>) {
    let world = World::new(store);
    let rooms = [world.group([1, 2]).await, world.direct(1, 2).await, world.public([1, 2]).await];
    let unread = async |by| world.store.unread(&by).await.unwrap();
    assert_eq!((unread(caller(1)).await, unread(caller(9)).await), (0, 0));
    for room in rooms {
        for text in ["one", "two", "three"] {
            world.say(room, 2, text).await;
        }
        world.say(room, 1, "mine").await;
        world.note(room, 2, "note").await;
    }
    let gone = world.say(rooms[0], 2, "gone").await;
    world.delete(rooms[0], 2, gone.id).await.unwrap();
    assert_eq!((unread(caller(1)).await, unread(caller(2)).await), (9, 3));
    assert_eq!(unread(caller_of(1, Kinds::DIRECT)).await, 3);
    let first = world.history(rooms[1], 1, Anchor::AfterSeq(0), Slice::first(1), false).await;
    world.read(rooms[1], 1, &first.items[0]).await;
    assert_eq!(unread(caller(1)).await, 8);
    world.read_all(rooms[0], 1).await;
    assert_eq!(unread(caller(1)).await, 5);
    world.set_active(rooms[2], 1, false).await;
    assert_eq!((unread(caller(1)).await, unread(caller(2)).await), (2, 2));
    world.remove(rooms[1], 1).await;
    assert_eq!(unread(caller(1)).await, 0);
}

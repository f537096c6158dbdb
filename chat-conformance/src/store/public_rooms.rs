//! The public rooms that a user may find.

use std::sync::Arc;

use chat_core::model::{Kinds, RoomId, RoomKind, RoomSummary};
use chat_core::rules::{Action, Caller};
use chat_core::store::Store;

use super::world::{World, caller, caller_of};

/// "The active public rooms that the caller is no member of", and none where "the caller's kinds
/// leave out public rooms".
pub async fn public_rooms_are_the_active_ones_of_others(store: Arc<dyn Store>) {
    let world = World::new(store);
    let stays = world.public([1]).await;
    let joined = world.public([1, 3]).await;
    let inactive = world.public([1]).await;
    let left = world.public([1, 3]).await;
    for kind in [RoomKind::Group, RoomKind::Project, RoomKind::Direct] {
        world.room_of(kind, &[1, 2]).await;
    }
    world.set_active(inactive, 1, false).await;
    world.leave(left, 3).await;
    assert_eq!(ids(&world, caller(3), None, 50).await, [left, stays]);
    assert_eq!(ids(&world, caller(2), None, 50).await, [left, joined, stays]);
    let public = caller_of(3, Kinds::of(RoomKind::Public));
    assert_eq!(ids(&world, public, None, 50).await, [left, stays]);
    for kinds in [Kinds::NONE, Kinds::of(RoomKind::Public).not()] {
        assert_eq!(ids(&world, caller_of(2, kinds), None, 50).await, []);
    }

    world.set_active(inactive, 1, true).await;
    world.remove(joined, 3).await;
    world.add(stays, 1, [3]).await;
    assert_eq!(ids(&world, caller(3), None, 50).await, [left, inactive, joined]);
    world.leave(left, 1).await;
    assert_eq!(ids(&world, caller(1), None, 50).await, [left], "nobody is in it");
}

/// "The larger id first, so that no message moves a room; with `before` given only smaller ids. At
/// most `limit`; fewer only where there are no more."
pub async fn pages_of_public_rooms_are_full(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut all = Vec::new();
    for place in 0..10 {
        let room = world.public([1]).await;
        match place % 5 {
            0 => _ = world.add(room, 1, [2]).await,
            1 => _ = world.set_active(room, 1, false).await,
            _ => all.push(room),
        }
    }
    world.say(all[0], 1, "hello").await;
    all.reverse();
    for limit in [0, 1, 2, 4, 5, 6, 7, usize::MAX >> 1] {
        for from in 0..=all.len() {
            let before = from.checked_sub(1).map(|place| all[place]);
            let wanted: Vec<_> = all.iter().skip(from).take(limit).copied().collect();
            assert_eq!(ids(&world, caller(2), before, limit).await, wanted, "{limit} from {from}");
        }
    }
    let smallest = RoomId::new(1).unwrap();
    assert_eq!(ids(&world, caller(2), Some(smallest), 5).await, []);
}

/// Public rooms come "each as `RoomStore::room` has it".
pub async fn a_public_room_is_as_the_room_itself(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2, 4]).await;
    world.say(room, 1, "one").await;
    world.leave(room, 2).await;
    let found = summaries(&world, caller(3), None, 1).await.pop().unwrap();
    let alone = world.summary(room, 3).await;
    assert_eq!(found.room, alone.room);
    assert_eq!(found.members, alone.members);
    assert_eq!(found.last_message, alone.last_message);
    assert_eq!(found.unread, 0);
}

async fn summaries(
    world: &World,
    by: Caller,
    before: Option<RoomId>,
    limit: usize,
) -> Vec<RoomSummary> {
    let found = world.store.public_rooms(&by, before, limit).await.unwrap();
    for guarded in &found {
        let room = guarded.access().room;
        assert_eq!(Some(*guarded.access()), world.store.access(&by, room).await.unwrap());
    }
    found.into_iter().map(|guarded| guarded.permit(Action::View).unwrap()).collect()
}

async fn ids(world: &World, by: Caller, before: Option<RoomId>, limit: usize) -> Vec<RoomId> {
    let found = summaries(world, by, before, limit).await;
    found.into_iter().map(|summary| summary.room.id).collect()
}

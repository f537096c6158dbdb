//! The rooms that a search for rooms looks at.

use std::sync::Arc;

use chat_core::model::{Kinds, RoomId, RoomKind, Slice};
use chat_core::rules::{Action, Caller, Guarded};
use chat_core::store::{ManageRoom, RoomCandidate, RoomOrder, RoomQuery, Store};

use super::world::{LIMIT, World, caller, caller_of, name, users};

/// "The active public rooms that the caller is no member of", and none where "the caller's kinds
/// leave out public rooms".
pub async fn public_candidates_are_the_active_rooms_of_others(store: Arc<dyn Store>) {
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
pub async fn pages_of_public_candidates_are_full(store: Arc<dyn Store>) {
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

/// "The rooms of a page of `RoomStore::rooms`, in its order."
pub async fn own_candidates_are_the_rooms_of_a_page(store: Arc<dyn Store>) {
    let world = World::new(store);
    for other in 2..6 {
        world.group([1, other]).await;
        let room = world.direct(1, other).await;
        world.say(room, other, "hello").await;
    }
    let left = world.public([1, 2]).await;
    world.leave(left, 1).await;
    let inactive = world.group([1, 2]).await;
    world.set_active(inactive, 1, false).await;
    for kinds in [Kinds::ALL, Kinds::DIRECT, Kinds::NONE] {
        for order in [RoomOrder::Activity, RoomOrder::Id] {
            for (skip, take) in [(0, 100), (0, 3), (2, 3), (6, 5), (u64::MAX, 5), (0, 0)] {
                let slice = Slice { skip, take };
                let query = RoomQuery { by: caller_of(1, kinds), order, slice };
                let page = world.store.rooms(query.clone()).await.unwrap().items;
                let page: Vec<_> = page.iter().map(|summary| summary.room.id).collect();
                let found = world.store.own_candidates(query.clone(), 1).await.unwrap();
                let found = permitted(&world, &query.by, found).await;
                assert_eq!(found.iter().map(|found| found.room).collect::<Vec<_>>(), page);
            }
        }
    }
}

/// A candidate is "each with at most the first `members` of its members", who are present, and its
/// name.
pub async fn a_candidate_has_a_name_and_the_first_members(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2, 3, 4, 5]).await;
    world.leave(room, 1).await;
    world.leave(room, 3).await;
    world.store.join_room(&caller(1), room, LIMIT, world.now()).await.unwrap();
    let change = ManageRoom { name: Some(name("new")), ..world.manage(room, 1) };
    world.store.manage_room(change).await.unwrap();
    let present = users([2, 4, 5, 1]);
    for most in [0, 1, 3, 4, 5, usize::MAX] {
        let members = present.iter().take(most).cloned().collect();
        let wanted = [RoomCandidate { room, name: Some("new".to_owned()), members }];
        let (by, order, slice) = (caller(2), RoomOrder::Id, Slice::first(9));
        let query = RoomQuery { by, order, slice };
        let own = world.store.own_candidates(query, most).await.unwrap();
        assert_eq!(permitted(&world, &caller(2), own).await, wanted);
        let public = world.store.public_candidates(&caller(9), None, 1, most).await.unwrap();
        assert_eq!(permitted(&world, &caller(9), public).await, wanted);
    }
    let direct = world.direct(7, 8).await;
    let query = RoomQuery { by: caller(7), order: RoomOrder::Id, slice: Slice::first(9) };
    let own = world.store.own_candidates(query, 2).await.unwrap();
    let wanted = RoomCandidate { room: direct, name: None, members: users([7, 8]) };
    assert_eq!(permitted(&world, &caller(7), own).await, [wanted]);
}

/// Candidates, whose facts are those of the room.
async fn permitted(
    world: &World,
    by: &Caller,
    found: Vec<Guarded<RoomCandidate>>,
) -> Vec<RoomCandidate> {
    for guarded in &found {
        let room = guarded.access().room;
        assert_eq!(Some(*guarded.access()), world.store.access(by, room).await.unwrap());
    }
    found.into_iter().map(|guarded| guarded.permit(Action::View).unwrap()).collect()
}

async fn ids(world: &World, by: Caller, before: Option<RoomId>, limit: usize) -> Vec<RoomId> {
    let found = world.store.public_candidates(&by, before, limit, 1).await.unwrap();
    permitted(world, &by, found).await.into_iter().map(|found| found.room).collect()
}

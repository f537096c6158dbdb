//! Joining, leaving and being removed.

use std::sync::Arc;

use chat_core::model::{RoomKind, SeqSet, Status};
use chat_core::rules::{Denial, RoomFull};
use chat_core::store::{ManageRoom, NewRoom, Store};

use super::world::{LIMIT, Refusal, World, caller, no_room, refusal, user, users};

/// "Who joins has read and received everything before."
pub async fn who_joins_has_read_and_received_everything_before(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1]).await;
    for text in ["one", "two", "three"] {
        world.say(room, 1, text).await;
    }
    let change = world.manage(room, 1);
    let joined_at = change.at;
    world.store.manage_room(ManageRoom { add: users([2]), ..change }).await.unwrap();
    world.store.join_room(&caller(3), room, LIMIT, joined_at).await.unwrap();
    world.say(room, 1, "four").await;

    for joined in [2, 3] {
        let member = world.member(room, joined).await;
        assert_eq!((member.joined_at, member.joined_seq), (joined_at, 3));
        assert_eq!((&member.read, &member.delivered), (&SeqSet::up_to(3), &SeqSet::up_to(3)));
        assert_eq!(world.unread(room, joined).await, 1);
    }
}

/// Joining moves no status: reading what was before one came is no receipt.
pub async fn joining_moves_no_status(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1]).await;
    let before = world.say(room, 1, "before").await;
    world.store.join_room(&caller(2), room, LIMIT, world.now()).await.unwrap();
    world.add(room, 1, [3]).await;
    assert_eq!(*world.message(2, before.id).await, *before);
    assert_eq!(world.read_all(room, 2).await.version, None);
    assert_eq!(world.message(2, before.id).await.status(), Status::Sent);
}

/// "Who joins again is last in the order of members", and has read all that came meanwhile.
pub async fn who_joins_again_is_last_and_has_read_all(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2, 3, 4]).await;
    world.say(room, 1, "before").await;
    world.leave(room, 2).await;
    world.leave(room, 3).await;
    world.say(room, 1, "meanwhile").await;
    world.store.join_room(&caller(3), room, LIMIT, world.now()).await.unwrap();
    let change = ManageRoom { add: users([2]), ..world.manage(room, 1) };
    let again_at = change.at;
    let added = world.store.manage_room(change).await.unwrap();
    assert_eq!(added.joined, Some((users([2]), 7)));

    assert_eq!(world.summary(room, 1).await.members, users([1, 4, 3, 2]));
    let member = world.member(room, 2).await;
    assert_eq!((member.joined_at, member.joined_seq), (again_at, 2));
    assert_eq!((member.version, member.left), (7, false));
    assert_eq!((&member.read, &member.delivered), (&SeqSet::up_to(2), &SeqSet::up_to(2)));
    assert_eq!(world.unread(room, 2).await, 0);
    assert_eq!(world.unread(room, 4).await, 2);
}

/// Joining: "the version is that of the joining, `None` where they already were one".
pub async fn joining_takes_a_version_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1]).await;
    let join =
        async |by| world.store.join_room(&caller(by), room, LIMIT, world.now()).await.unwrap();
    assert_eq!(join(2).await, Some(2));
    let before = world.everything(room).await;
    assert_eq!(join(2).await, None);
    assert_eq!(join(1).await, None);
    assert_eq!(world.everything(room).await, before);
    assert_eq!(join(3).await, Some(3));
    assert_eq!(world.summary(room, 1).await.members, users([1, 2, 3]));
}

/// An inactive public room can still be joined and left.
pub async fn an_inactive_room_can_be_joined_and_left(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1]).await;
    world.set_active(room, 1, false).await;
    let joined = world.store.join_room(&caller(2), room, LIMIT, world.now()).await.unwrap();
    assert_eq!(joined, Some(3));
    assert_eq!(world.leave(room, 2).await, 4);
}

/// Leaving ends the membership and takes a version; the row stays, with `left` set.
pub async fn who_left_keeps_a_row_that_says_so(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let before = world.member(room, 2).await;
    assert_eq!(world.leave(room, 2).await, 2);
    let after = world.membership(room, 2).await;
    assert_eq!((after.version, after.left), (2, true));
    assert_eq!((after.joined_at, after.joined_seq), (before.joined_at, before.joined_seq));
    assert_eq!(world.summary(room, 1).await.members, users([1]));
    assert_eq!(world.version(room).await, 2);
}

/// Leaving: "No message's status changes", though all who stay have read it.
pub async fn leaving_changes_no_status(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3, 4]).await;
    let message = world.say(room, 1, "hello").await;
    let other = world.say(room, 2, "hello").await;
    world.read(room, 2, &message).await;
    world.receive(room, 1, &other).await;
    world.leave(room, 3).await;
    world.remove(room, 4).await;
    assert_eq!(*world.message(1, message.id).await, *message);
    assert_eq!(*world.message(1, other.id).await, *other);
}

/// A status that is there stays when somebody joins or leaves.
pub async fn coming_and_going_takes_no_status_back(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "hello").await;
    world.read(room, 2, &message).await;
    let read = world.message(1, message.id).await;
    assert_eq!(read.status(), Status::Read);
    world.add(room, 1, [3]).await;
    world.leave(room, 2).await;
    assert_eq!(*world.message(1, message.id).await, *read);
}

/// The creator may leave; "a room whose creator left stays", and is nobody's to manage.
pub async fn the_creator_may_leave_and_the_room_stays(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.leave(room, 1).await;
    let summary = world.summary(room, 2).await;
    assert_eq!(summary.room.created_by, Some(user(1)));
    assert_eq!(summary.members, users([2]));
    world.say(room, 2, "alone").await;
    let managed = world.store.manage_room(world.manage(room, 1));
    assert_eq!(world.refuses(room, managed).await, Refusal::Denied(Denial::NotMember));
}

/// A public room that all have left can be joined again.
pub async fn an_empty_public_room_can_be_joined(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1]).await;
    world.say(room, 1, "hello").await;
    world.leave(room, 1).await;
    assert_eq!(world.summary(room, 2).await.members, []);
    let joined = world.store.join_room(&caller(2), room, LIMIT, world.now()).await.unwrap();
    assert_eq!(joined, Some(4));
    assert_eq!(world.unread(room, 2).await, 0);
}

/// The host removes anyone, "in a direct room too"; "`None` where the user was no member".
pub async fn the_host_removes_members_from_any_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in RoomKind::ALL {
        let room = world.room_of(kind, &[1, 2]).await;
        world.say(room, 2, "hello").await;
        assert_eq!(world.remove(room, 2).await, Some(3), "{kind:?}");
        let gone = world.membership(room, 2).await;
        assert_eq!((gone.version, gone.left), (3, true));
        assert_eq!(world.summary(room, 1).await.members, users([1]));

        let before = world.everything(room).await;
        assert_eq!(world.remove(room, 2).await, None, "gone already");
        assert_eq!(world.remove(room, 9).await, None, "never there");
        assert_eq!(world.everything(room).await, before);
    }
}

/// Changes of a room that is not there are `NotFound`.
pub async fn no_room_can_be_managed_joined_or_left_that_is_not_there(store: Arc<dyn Store>) {
    let world = World::new(store);
    let now = world.now();
    let managed = world.store.manage_room(world.manage(no_room(), 1)).await;
    assert_eq!(refusal(managed), Refusal::NotFound);
    let joined = world.store.join_room(&caller(1), no_room(), LIMIT, now).await;
    assert_eq!(refusal(joined), Refusal::NotFound);
    let left = world.store.leave_room(&caller(1), no_room(), now).await;
    assert_eq!(refusal(left), Refusal::NotFound);
    let removed = world.store.remove_member(no_room(), &user(1), now).await;
    assert_eq!(refusal(removed), Refusal::NotFound);
}

/// A room is made with at most so many members, its creator among them, each counted once.
pub async fn a_room_is_made_with_so_many_members_and_no_more(store: Arc<dyn Store>) {
    let world = World::new(store);
    let new =
        |members: &[u64]| NewRoom { member_limit: 3, ..world.new_room(RoomKind::Group, members) };
    let room = world.store.create_room(new(&[1, 2, 3, 2, 1])).await.unwrap();
    assert_eq!(world.summary(room, 1).await.members, users([1, 2, 3]));
    let full = Refusal::Full(RoomFull { limit: 3 });
    assert_eq!(refusal(world.store.create_room(new(&[1, 2, 3, 4])).await), full);
    let host = NewRoom { creator: None, members: users([1, 2, 3, 4]), ..new(&[]) };
    assert_eq!(refusal(world.store.create_room(host).await), full);
    assert_eq!(world.store.rooms_of(&user(4), None, 10).await.unwrap(), []);
}

/// Where the room would have too many members, "the whole change" of it is refused, and so is a
/// joining; who is a member already is none too many, and a place that was left is free.
pub async fn nobody_comes_into_a_room_that_is_full(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2, 3]).await;
    let full = Refusal::Full(RoomFull { limit: 4 });
    let add = |by, add: &[u64]| ManageRoom {
        add: add.iter().copied().map(user).collect(),
        active: Some(false),
        member_limit: 4,
        by,
        ..world.manage(room, 1)
    };
    let join = async |by, limit| world.store.join_room(&caller(by), room, limit, world.now()).await;
    for by in [None, Some(caller(1))] {
        let refused = world.store.manage_room(add(by, &[4, 2, 5]));
        assert_eq!(world.refuses(room, refused).await, full);
    }
    let added = world.store.manage_room(add(None, &[3, 4, 2, 4])).await.unwrap();
    assert_eq!(added.joined, Some((users([4]), 3)));
    let refused = join(5, 4).await;
    assert_eq!(refusal(refused), full);
    assert_eq!(join(2, 4).await.unwrap(), None, "who is there already");
    assert_eq!(world.store.manage_room(add(None, &[1, 2])).await.unwrap().joined, None);

    // A room that has more keeps them.
    assert_eq!(refusal(join(5, 2).await), Refusal::Full(RoomFull { limit: 2 }));
    assert_eq!(
        world
            .store
            .manage_room(ManageRoom { member_limit: 2, ..add(None, &[1, 4]) })
            .await
            .unwrap()
            .joined,
        None
    );

    world.leave(room, 2).await;
    assert!(join(5, 4).await.unwrap().is_some());
    assert_eq!(refusal(join(2, 4).await), full, "the place is taken");
    world.remove(room, 5).await;
    assert!(join(2, 4).await.unwrap().is_some());
    assert_eq!(world.summary(room, 1).await.members, users([1, 3, 4, 2]));
}

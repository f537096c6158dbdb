//! What deleted rooms have left, as it is swept.

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_core::model::MessageKind;
use chat_core::store::{NewMessage, Store};

use super::races::at_once;
use super::world::{World, at, attachment};

/// "At most `limit` messages and members; whether there was something": as many steps as that takes,
/// and no more.
pub async fn what_a_deleted_room_has_left_is_swept_in_steps(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    assert!(!store.sweep_gone_rooms(world.now(), 10).await.unwrap(), "nothing is gone");
    let steps = async |limit| {
        let mut steps = 0;
        while store.sweep_gone_rooms(world.now(), limit).await.unwrap() {
            steps += 1;
        }
        steps
    };
    for (limit, least) in [(1, 25), (7, 4), (1_000, 1)] {
        let room = world.group([1, 2, 3, 4, 5]).await;
        world.leave(room, 5).await;
        for number in 0..20 {
            world.say(room, 1 + number % 4, "hello").await;
        }
        store.delete_room(room, None).await.unwrap();
        let taken = steps(limit).await;
        assert!((least..=least + 3).contains(&taken), "{taken} steps of {limit}");
        assert_eq!(steps(limit).await, 0);
    }
}

/// "A step goes on with further rooms [...]": many with little in them take few steps, and those with
/// nothing in them too.
pub async fn many_small_rooms_are_swept_in_few_steps(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    for number in 0..1_000 {
        let room = world.group([1, 2]).await;
        for _ in 0..if number % 10 == 0 { 0 } else { 3 } {
            world.say(room, 1, "hello").await;
        }
        store.delete_room(room, None).await.unwrap();
    }
    let mut steps = 0;
    while store.sweep_gone_rooms(world.now(), 1_000).await.unwrap() {
        steps += 1;
    }
    // Of 4,700 messages and members.
    assert!((5..=8).contains(&steps), "{steps} steps");
}

/// "The files of the messages are noted [...] from `at` on and in the same step", those of
/// messages that were deleted before as they were.
pub async fn the_files_of_a_deleted_room_are_to_be_deleted(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let (gone, stays) = (world.group([1]).await, world.group([1]).await);
    let with_file = async |room, name: &str| {
        let kind = MessageKind::File;
        let file = Some(attachment(name));
        world.send(NewMessage { attachment: file, kind, ..world.text(room, 1, "look") }).await
    };
    for number in 0..5 {
        with_file(gone, &number.to_string()).await;
        world.say(gone, 1, "no file").await;
        with_file(stays, &format!("other {number}")).await;
    }
    store.delete_room(gone, None).await.unwrap();
    let late = at(2_000);
    assert!(store.take_gone_files(late, 100).await.unwrap().is_empty(), "nothing is swept");
    let mut keys = BTreeSet::new();
    for step in 0..5 {
        assert!(store.sweep_gone_rooms(at(1_000 + step), 2).await.unwrap());
        assert!(store.take_gone_files(at(999 + step), 100).await.unwrap().is_empty());
        let taken = store.take_gone_files(at(1_000 + step), 100).await.unwrap();
        assert_eq!(taken.len(), 1, "{taken:?}");
        store.forget_gone_files(&taken).await.unwrap();
        keys.extend(taken);
    }
    while store.sweep_gone_rooms(late, 2).await.unwrap() {}
    assert!(store.take_gone_files(late, 100).await.unwrap().is_empty());
    let wanted = (0..5).map(|number| attachment(&number.to_string()).key);
    assert_eq!(keys, wanted.collect());
}

/// "Of callers at once each works on other rooms, or finds nothing to do."
pub async fn rooms_that_are_swept_at_once_are_swept_once(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let mut keys = BTreeSet::new();
    for room in 0..4 {
        let id = world.group([1, 2]).await;
        for number in 0..20 {
            let file = attachment(&format!("{room}-{number}"));
            keys.insert(file.key.clone());
            world.send(NewMessage { attachment: Some(file), ..world.text(id, 1, "look") }).await;
        }
        store.delete_room(id, None).await.unwrap();
    }
    at_once(8, |_| {
        let store = store.clone();
        async move { while store.sweep_gone_rooms(at(1), 3).await.unwrap() {} }
    })
    .await;
    // Whoever finds all of them held by others stops looking, so some may be left.
    while store.sweep_gone_rooms(at(1), 3).await.unwrap() {}
    let taken = store.take_gone_files(at(1), 1_000).await.unwrap();
    assert_eq!((taken.len(), taken.into_iter().collect()), (80, keys));
}

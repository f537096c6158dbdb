//! Sessions that open, close and expire at once, as on many nodes.

use std::sync::Arc;

use chat_core::model::NodeId;
use chat_core::store::Store;
use tokio::task::yield_now;

use super::races::at_once;
use super::world::{World, at, session, user, users};

/// "Exactly one opening is told `of_user` for each time the user comes, and exactly one closing
/// for each time the user goes; likewise `in_room`."
pub async fn sessions_at_once_tell_each_coming_and_going_once(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let rooms = [world.group([1]).await, world.group([1]).await];
    for _ in 0..2 {
        let opened = at_once(32, |task| {
            let world = world.clone();
            let session = session(1, rooms[task % 2], NodeId::random(), 0);
            async move { (session.id, world.store.open_session(session).await.unwrap()) }
        })
        .await;
        assert_eq!(opened.iter().filter(|(_, told)| told.of_user).count(), 1);
        assert_eq!(opened.iter().filter(|(_, told)| told.in_room).count(), 2);
        let opened = Arc::new(opened);
        // Each is closed twice at once, so that no closing is told twice.
        let closed = at_once(64, |task| {
            let (world, id) = (world.clone(), opened[task / 2].0);
            async move { world.store.close_session(id, at(10)).await.unwrap() }
        })
        .await;
        let closed: Vec<_> = closed.into_iter().flatten().collect();
        assert_eq!(closed.len(), 32);
        assert_eq!(closed.iter().filter(|told| told.of_user).count(), 1);
        assert_eq!(closed.iter().filter(|told| told.in_room).count(), 2);
    }
}

/// Comings and goings that cross are told as often as each other.
pub async fn sessions_that_come_and_go_are_told_in_pairs(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let rooms = [world.group([1]).await, world.group([1]).await];
    let told = at_once(16, |task| {
        let world = world.clone();
        async move {
            let (mut of_user, mut in_room) = (0, [0, 0]);
            for round in 0..10 {
                let room = (task + round) % 2;
                let session = session(1, rooms[room], NodeId::random(), 0);
                let came = world.store.open_session(session.clone()).await.unwrap();
                yield_now().await;
                let went = world.store.close_session(session.id, at(1)).await.unwrap().unwrap();
                of_user += i64::from(came.of_user) - i64::from(went.of_user);
                in_room[room] += i64::from(came.in_room) - i64::from(went.in_room);
            }
            (of_user, in_room)
        }
    })
    .await;
    let sum = |of: fn(&(i64, [i64; 2])) -> i64| told.iter().map(of).sum::<i64>();
    let open = (sum(|told| told.0), sum(|told| told.1[0]), sum(|told| told.1[1]));
    assert_eq!(open, (0, 0, 0), "all have gone");
    assert!(!world.store.presence(&users([1]), at(2)).await.unwrap()[0].online);
}

/// An expired session is told "to one caller", also when many nodes look at once.
pub async fn an_expiry_seen_at_once_is_told_to_one(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1, 2]).await;
    for index in 0..40 {
        let session = session(1 + index % 2, room, NodeId::random(), 0);
        world.store.open_session(session).await.unwrap();
    }
    let told = at_once(16, |_| {
        let world = world.clone();
        async move { world.store.expire_sessions(at(100)).await.unwrap() }
    })
    .await;
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 40);
    for by in 1..=2 {
        let own = told.iter().filter(|told| told.user == user(by));
        assert_eq!(own.clone().filter(|told| told.of_user).count(), 1);
        assert_eq!(own.filter(|told| told.in_room).count(), 1);
    }
}

/// A session that is renewed while the expiry runs is either renewed or told, never both.
pub async fn a_renewal_racing_the_expiry_has_one_outcome(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1]).await;
    for _ in 0..10 {
        let session = session(1, room, NodeId::random(), 0);
        world.store.open_session(session.clone()).await.unwrap();
        let results = at_once(2, |task| {
            let (world, node, id) = (world.clone(), session.node, session.id);
            async move {
                // The node's clock is a little behind that of the node that looks for expired ones.
                if task == 0 {
                    let alive = [(id, at(59))];
                    let lost = world.store.renew_sessions(node, &alive, at(59), at(119)).await;
                    lost.unwrap().len()
                } else {
                    world.store.expire_sessions(at(60)).await.unwrap().len()
                }
            }
        })
        .await;
        let online = world.store.presence(&users([1]), at(60)).await.unwrap()[0].online;
        assert!(
            results == [0, 0] && online || results == [1, 1] && !online,
            "lost and told {results:?}, online: {online}"
        );
        world.store.close_session(session.id, at(61)).await.unwrap();
    }
}

//! What is kept of sessions, and what is forgotten.

use std::sync::Arc;

use chat_core::model::{NodeId, Presence, Session, SessionId};
use chat_core::store::Store;

use super::world::{World, at, session, user, users};

/// A session that opens is kept as it was given.
pub async fn an_open_session_is_kept_as_it_was_given(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    let plain = session(1, room, node, 0);
    let told = Session {
        user_agent: Some("é".repeat(256)),
        ip_address: Some("192.0.2.7".parse().unwrap()),
        ..session(1, room, node, 1)
    };
    let over_v6 =
        Session { ip_address: Some("2001:db8::1".parse().unwrap()), ..session(1, room, node, 2) };
    for session in [&plain, &told, &over_v6] {
        world.store.open_session(session.clone()).await.unwrap();
    }
    assert_eq!(world.store.sessions(&user(1), None, 10).await.unwrap(), [over_v6, told, plain]);
    assert_eq!(world.store.sessions(&user(2), None, 10).await.unwrap(), []);
}

/// The sessions of a user are listed "open and closed, the newest first; at most `limit`".
pub async fn the_newest_sessions_come_first_and_at_most_as_many_as_asked(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    for connected in [3, 1, 2, 5, 4] {
        world.store.open_session(session(1, room, node, connected)).await.unwrap();
    }
    let all = world.store.sessions(&user(1), None, 100).await.unwrap();
    world.store.close_session(all[0].id, at(6)).await.unwrap();
    let connected = async |limit| {
        let sessions = world.store.sessions(&user(1), None, limit).await.unwrap();
        sessions.iter().map(|session| session.connected_at).collect::<Vec<_>>()
    };
    assert_eq!(connected(100).await, [5, 4, 3, 2, 1].map(at));
    assert_eq!(connected(2).await, [5, 4].map(at));
    assert_eq!(connected(0).await, []);
}

/// Closing notes the moment; "the session stays in the list of its user, closed"; a session that
/// is not open is `None`.
pub async fn a_closed_session_stays_in_the_list(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let session = session(1, room, NodeId::random(), 0);
    world.store.open_session(session.clone()).await.unwrap();
    world.store.close_session(session.id, at(30)).await.unwrap().unwrap();
    let closed = [Session { closed_at: Some(at(30)), ..session.clone() }];
    assert_eq!(world.store.sessions(&user(1), None, 10).await.unwrap(), closed);

    assert_eq!(world.store.close_session(session.id, at(40)).await.unwrap(), None);
    assert_eq!(world.store.close_session(SessionId::random(), at(40)).await.unwrap(), None);
    assert_eq!(world.store.sessions(&user(1), None, 10).await.unwrap(), closed);
}

/// "With `open_at` only those that are open at that moment": however many have closed since.
pub async fn open_sessions_are_found_among_closed_ones(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    let steady = session(1, room, node, 0);
    world.store.open_session(steady.clone()).await.unwrap();
    for second in 1..=20 {
        let short = session(1, room, node, second);
        world.store.open_session(short.clone()).await.unwrap();
        world.store.close_session(short.id, at(second)).await.unwrap();
    }
    let open = async |now| world.store.sessions(&user(1), Some(now), 5).await.unwrap();
    assert_eq!(open(at(21)).await, std::slice::from_ref(&steady));
    assert_eq!(open(steady.lease_until).await, [], "the lease is over");
}

/// "Forgets a user's sessions that closed before a moment, and returns how many. Presence does
/// not change."
pub async fn forgetting_sessions_changes_no_presence(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let node = NodeId::random();
    let sessions = [0, 1, 2, 3].map(|second| session(1, room, node, second));
    for session in &sessions {
        world.store.open_session(session.clone()).await.unwrap();
    }
    let other = session(2, room, node, 4);
    world.store.open_session(other.clone()).await.unwrap();
    world.store.close_session(other.id, at(10)).await.unwrap();
    for (now, session) in [10, 20, 30].into_iter().zip(&sessions) {
        world.store.close_session(session.id, at(now)).await.unwrap();
    }
    let forget = async |before| {
        let presence = world.store.presence(&users([1, 2]), at(40)).await.unwrap();
        let forgotten = world.store.forget_sessions(&user(1), at(before), at(40)).await.unwrap();
        assert_eq!(world.store.presence(&users([1, 2]), at(40)).await.unwrap(), presence);
        (forgotten, world.store.sessions(&user(1), None, 10).await.unwrap().len())
    };
    assert_eq!(forget(10).await, (0, 4), "closed at that moment is not before it");
    assert_eq!(forget(21).await, (2, 2));
    assert_eq!(forget(1_000).await, (1, 1), "an open session is not forgotten");
    assert_eq!(forget(1_000).await, (0, 1));
    assert_eq!(world.store.sessions(&user(2), None, 10).await.unwrap().len(), 1);

    world.store.close_session(sessions[3].id, at(50)).await.unwrap();
    assert_eq!(world.store.forget_sessions(&user(1), at(60), at(60)).await.unwrap(), 1);
    let presence = world.store.presence(&users([1]), at(60)).await.unwrap();
    assert_eq!(presence, [Presence { online: false, last_seen: Some(at(50)) }]);
}

/// "Forgets sessions of all users that were closed before a moment, those that closed first; at
/// most `limit`."
pub async fn what_closed_long_ago_is_forgotten_of_all_users(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let node = NodeId::random();
    let sessions = [(1, 0), (2, 1), (1, 2), (3, 3)].map(|(by, at)| session(by, room, node, at));
    for session in &sessions {
        world.store.open_session(session.clone()).await.unwrap();
    }
    for (session, second) in sessions[..3].iter().zip([30, 10, 20]) {
        world.store.close_session(session.id, at(second)).await.unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for by in [1, 2, 3] {
            let of_user = world.store.sessions(&user(by), None, 10).await.unwrap();
            left.extend(of_user.into_iter().map(|session| session.id));
        }
        left
    };
    let presence = world.store.presence(&users([1, 2, 3]), at(40)).await.unwrap();
    let forget =
        async |before, limit| world.store.forget_all_sessions(at(before), limit).await.unwrap();
    let [first, second, third, open] = sessions.map(|session| session.id);
    assert_eq!(forget(10, 10).await, 0, "closed at that moment is not before it");
    assert_eq!(left().await, [third, first, second, open]);
    assert_eq!(forget(1_000, 1).await, 1);
    assert_eq!(left().await, [third, first, open], "the one that closed first");
    assert_eq!(forget(21, 10).await, 1);
    assert_eq!(left().await, [first, open]);
    assert_eq!(forget(1_000, 10).await, 1);
    assert_eq!(left().await, [open], "an open session is not forgotten");
    assert_eq!(forget(1_000, 10).await, 0);
    assert_eq!(world.store.presence(&users([1, 2, 3]), at(40)).await.unwrap(), presence);
}

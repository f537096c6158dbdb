//! Sessions as leases.

use chat_core::model::{NodeId, Session, SessionId};
use chat_core::store::SessionStore;

use super::*;

pub(super) fn session(user: u64, room: u64, opened: i64, lease: i64) -> Session {
    Session {
        id: SessionId::random(),
        user: UserId::from(user),
        room: RoomId::new(room).unwrap(),
        node: NodeId::random(),
        connected_at: at(opened),
        last_seen: at(opened),
        lease_until: at(lease),
        closed_at: None,
        user_agent: None,
        ip_address: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

#[tokio::test]
async fn of_sessions_that_expire_together_one_is_told_as_the_last() {
    let store = MemoryStore::new();
    for room in [1, 1, 2] {
        store.open_session(session(1, room, 0, 60)).await.unwrap();
    }
    assert_eq!(store.expire_sessions(at(59)).await.unwrap(), []);
    let told = store.expire_sessions(at(60)).await.unwrap();
    assert_eq!(told.len(), 3);
    assert_eq!(told.iter().filter(|told| told.of_user).count(), 1);
    assert_eq!(told.iter().filter(|told| told.in_room).count(), 2);
    assert_eq!(store.expire_sessions(at(99)).await.unwrap(), []);
}

#[tokio::test]
async fn a_renewed_session_expires_at_its_new_end() {
    let store = MemoryStore::new();
    let first = session(1, 1, 0, 60);
    let (id, node) = (first.id, first.node);
    store.open_session(first).await.unwrap();
    assert_eq!(store.renew_sessions(node, &[(id, at(20))], at(30), at(90)).await.unwrap(), []);
    assert_eq!(store.expire_sessions(at(89)).await.unwrap(), []);
    assert_eq!(store.expire_sessions(at(90)).await.unwrap().len(), 1);
    let kept = &store.sessions(&UserId::from(1), None, 9).await.unwrap()[0];
    assert_eq!((kept.last_seen, kept.closed_at), (at(20), Some(at(20))));
    // The node finds out, and opens it again.
    let alive = [(id, at(95))];
    assert_eq!(store.renew_sessions(node, &alive, at(95), at(150)).await.unwrap(), [id]);
    let again =
        Session { last_seen: at(95), lease_until: at(150), closed_at: None, ..kept.clone() };
    assert!(store.open_session(again).await.unwrap().of_user);
    assert_eq!(store.renew_sessions(node, &alive, at(96), at(160)).await.unwrap(), []);
    assert_eq!(store.sessions(&UserId::from(1), None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_comes_back_before_an_expiry_was_told_has_not_gone_at_the_end() {
    let store = MemoryStore::new();
    let (first, second) = (session(1, 1, 0, 60), session(1, 1, 61, 120));
    let id = second.id;
    store.open_session(first).await.unwrap();
    assert!(store.open_session(second).await.unwrap().of_user);
    let told = store.expire_sessions(at(62)).await.unwrap();
    assert_eq!((told.len(), told[0].of_user, told[0].in_room), (1, false, false));
    assert!(told[0].presence.online);
    let closed = store.close_session(id, at(63)).await.unwrap().unwrap();
    assert!(closed.of_user && closed.in_room && !closed.presence.online);
}

#[tokio::test]
async fn a_going_is_told_once_also_where_a_dead_session_is_found_after_it() {
    let store = MemoryStore::new();
    let (dead, living) = (session(1, 1, 0, 60), session(1, 1, 1, 120));
    let id = living.id;
    store.open_session(dead).await.unwrap();
    store.open_session(living).await.unwrap();
    let closed = store.close_session(id, at(70)).await.unwrap().unwrap();
    assert!(closed.of_user && closed.in_room);
    let told = store.expire_sessions(at(71)).await.unwrap();
    assert_eq!((told.len(), told[0].of_user, told[0].in_room), (1, false, false));
}

#[tokio::test]
async fn a_forgotten_session_whose_lease_is_over_is_still_told() {
    let store = MemoryStore::new();
    let user = UserId::from(1);
    store.open_session(session(1, 1, 0, 60)).await.unwrap();
    assert_eq!(store.forget_sessions(&user, at(1), at(59)).await.unwrap(), 0);
    assert_eq!(store.forget_sessions(&user, at(1), at(60)).await.unwrap(), 1);
    assert_eq!(store.sessions(&user, None, 9).await.unwrap(), []);
    assert!(store.expire_sessions(at(60)).await.unwrap()[0].of_user);
    let presence = store.presence(&[user], at(60)).await.unwrap();
    assert_eq!((presence[0].online, presence[0].last_seen), (false, Some(AT)));
}

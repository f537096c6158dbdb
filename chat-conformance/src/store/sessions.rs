//! Sessions and the presence that comes of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_core::model::{NodeId, Presence, Session};
use chat_core::store::{Attendance, Store};

use super::world::{World, at, session, user, users};

/// `of_user` is told with the first and the last open session anywhere, `in_room` with those in
/// the room.
pub async fn the_first_and_the_last_session_are_told(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (a, b) = (world.group([1, 2]).await, world.group([1, 2]).await);
    let (here, there) = (NodeId::random(), NodeId::random());
    let sessions = [
        session(1, a, here, 0),
        session(1, a, there, 1),
        session(1, b, there, 2),
        session(2, a, here, 3),
    ];
    let opened = [(true, true), (false, false), (false, true), (true, true)];
    for (session, (of_user, in_room)) in sessions.iter().zip(opened) {
        let presence = Presence { online: true, last_seen: Some(session.connected_at) };
        let (user, room) = (session.user.clone(), session.room);
        let attendance = Attendance { user, room, of_user, in_room, presence };
        assert_eq!(world.store.open_session(session.clone()).await.unwrap(), attendance);
    }
    let closed = [(0, false, false, true), (1, false, true, true), (2, true, true, false)];
    for (index, of_user, in_room, online) in closed {
        let now = at(10 + index);
        let session = &sessions[usize::try_from(index).unwrap()];
        let presence = Presence { online, last_seen: Some(now) };
        let (user, room) = (session.user.clone(), session.room);
        let attendance = Attendance { user, room, of_user, in_room, presence };
        assert_eq!(world.store.close_session(session.id, now).await.unwrap(), Some(attendance));
    }
    assert!(world.store.presence(&users([2]), at(20)).await.unwrap()[0].online);
}

/// Coming again after having gone is told again.
pub async fn every_coming_and_going_is_told(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    for round in [0, 100, 200] {
        let session = session(1, room, NodeId::random(), round);
        let came = world.store.open_session(session.clone()).await.unwrap();
        assert!(came.of_user && came.in_room && came.presence.online);
        let went = world.store.close_session(session.id, at(round + 10)).await.unwrap().unwrap();
        assert!(went.of_user && went.in_room && !went.presence.online);
    }
}

/// Nothing about sessions "changes a room or takes a version".
pub async fn sessions_change_no_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let before = world.everything(room).await;
    let (node, session) = (NodeId::random(), session(1, room, NodeId::random(), 0));
    world.store.open_session(session.clone()).await.unwrap();
    world.store.renew_sessions(node, &[(session.id, at(5))], at(5), at(65)).await.unwrap();
    world.store.expire_sessions(at(10)).await.unwrap();
    world.store.close_session(session.id, at(20)).await.unwrap();
    world.store.forget_sessions(&user(1), at(100), at(100)).await.unwrap();
    assert_eq!(world.everything(room).await, before);
}

/// "Open" is "at the `now` of the call": a session whose lease is over is closed by nobody but
/// the expiry, which tells it.
pub async fn a_session_whose_lease_is_over_is_not_open(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let session = session(1, room, NodeId::random(), 0);
    world.store.open_session(session.clone()).await.unwrap();
    let online = async |now| world.store.presence(&users([1]), at(now)).await.unwrap()[0].online;
    assert!(online(59).await);
    assert!(!online(60).await);
    assert_eq!(world.store.close_session(session.id, at(60)).await.unwrap(), None);
    let expired = world.store.expire_sessions(at(60)).await.unwrap();
    assert_eq!(expired.len(), 1);
    assert!(expired[0].of_user && expired[0].in_room);
}

/// "Closes every session whose lease is over, and tells each once."
pub async fn an_expired_session_is_told_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (a, b) = (world.group([1, 2]).await, world.group([1]).await);
    let node = NodeId::random();
    for (by, room, connected) in [(1, a, 0), (1, a, 5), (1, b, 10), (2, a, 0), (2, a, 50)] {
        world.store.open_session(session(by, room, node, connected)).await.unwrap();
    }
    assert_eq!(world.store.expire_sessions(at(59)).await.unwrap(), []);
    let expired = world.store.expire_sessions(at(70)).await.unwrap();
    assert_eq!(expired.len(), 4);
    let told = |by, room, what: fn(&Attendance) -> bool| {
        let about = expired.iter().filter(|told| told.user == user(by) && told.room == room);
        about.filter(|told| what(told)).count()
    };
    assert_eq!((told(1, a, |_| true), told(1, b, |_| true), told(2, a, |_| true)), (2, 1, 1));
    assert_eq!(told(1, a, |told| told.of_user) + told(1, b, |told| told.of_user), 1);
    assert_eq!(told(1, a, |told| told.in_room), 1);
    assert_eq!(told(1, b, |told| told.in_room), 1);
    assert_eq!(told(2, a, |told| told.of_user || told.in_room), 0, "another session is open");

    let last = expired.iter().find(|told| told.of_user).unwrap();
    assert_eq!(last.presence, Presence { online: false, last_seen: Some(at(10)) });
    assert_eq!(world.store.expire_sessions(at(70)).await.unwrap(), [], "each once");
    let gone = world.store.expire_sessions(at(1_000)).await.unwrap();
    assert_eq!(gone.len(), 1);
    assert!(gone[0].of_user && gone[0].in_room && gone[0].user == user(2));
}

/// A session that was closed does not expire.
pub async fn a_closed_session_does_not_expire(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let session = session(1, room, NodeId::random(), 0);
    world.store.open_session(session.clone()).await.unwrap();
    world.store.close_session(session.id, at(10)).await.unwrap();
    assert_eq!(world.store.expire_sessions(at(1_000)).await.unwrap(), []);
    let kept = world.store.sessions(&user(1), None, 1).await.unwrap();
    assert_eq!(kept[0].closed_at, Some(at(10)));
}

/// An expired session's "close is the end of its lease or the last frame, whichever is earlier".
pub async fn an_expired_session_closed_at_its_last_frame_or_lease(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let node = NodeId::random();
    let heard = session(1, room, node, 0);
    let heard_late = Session { last_seen: at(80), ..session(2, room, node, 0) };
    world.store.open_session(heard.clone()).await.unwrap();
    world.store.open_session(heard_late).await.unwrap();
    world.store.renew_sessions(node, &[(heard.id, at(20))], at(25), at(60)).await.unwrap();
    world.store.expire_sessions(at(500)).await.unwrap();
    let closed_at =
        async |by| world.store.sessions(&user(by), None, 1).await.unwrap()[0].closed_at.unwrap();
    assert_eq!(closed_at(1).await, at(20));
    assert_eq!(closed_at(2).await, at(60));
    let presence = world.store.presence(&users([1]), at(500)).await.unwrap();
    assert_eq!(presence, [Presence { online: false, last_seen: Some(at(20)) }]);
}

/// An expiry that is noticed only after the user has come again is nobody's going.
pub async fn an_expiry_noticed_after_a_new_coming_is_nobodys_going(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    world.store.open_session(session(1, room, NodeId::random(), 0)).await.unwrap();
    let came = world.store.open_session(session(1, room, NodeId::random(), 100)).await.unwrap();
    assert!(came.of_user && came.in_room && came.presence.online, "has come anew");
    let expired = world.store.expire_sessions(at(100)).await.unwrap();
    assert_eq!(expired.len(), 1);
    assert!(!expired[0].of_user && !expired[0].in_room && expired[0].presence.online);
}

/// "Exactly one closing or expiry for each time the user goes", also where a lease was over before
/// the last session closed and is noticed after it.
pub async fn an_expiry_noticed_after_the_last_closing_is_no_second_going(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let lapsing = session(1, room, NodeId::random(), 0);
    let closing = session(1, room, NodeId::random(), 30);
    world.store.open_session(lapsing).await.unwrap();
    world.store.open_session(closing.clone()).await.unwrap();
    let mut gone = Vec::from_iter(world.store.close_session(closing.id, at(70)).await.unwrap());
    gone.extend(world.store.expire_sessions(at(80)).await.unwrap());
    assert_eq!(gone.len(), 2, "one closed, one expired");
    assert_eq!(gone.iter().filter(|told| told.of_user).count(), 1);
    assert_eq!(gone.iter().filter(|told| told.in_room).count(), 1);
}

/// Renewing "vouches for the open sessions of a node that are given until `lease_until`"; "one that
/// is not given ends with its lease".
pub async fn renewing_vouches_for_the_sessions_that_are_given(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let (here, there) = (NodeId::random(), NodeId::random());
    let renewed = session(1, room, here, 0);
    let elsewhere = session(2, room, there, 0);
    let closed = session(3, room, here, 0);
    let not_given = session(3, room, here, 10);
    for session in [&renewed, &elsewhere, &closed, &not_given] {
        world.store.open_session(session.clone()).await.unwrap();
    }
    world.store.close_session(closed.id, at(20)).await.unwrap();
    let lost = world.store.renew_sessions(here, &[(renewed.id, at(40))], at(50), at(110)).await;
    assert_eq!(lost.unwrap(), []);

    let kept = Session { last_seen: at(40), lease_until: at(110), ..renewed };
    assert_eq!(world.store.sessions(&user(1), None, 1).await.unwrap(), [kept]);
    assert_eq!(world.store.sessions(&user(2), None, 1).await.unwrap(), [elsewhere]);
    let closed = Session { closed_at: Some(at(20)), ..closed };
    assert_eq!(world.store.sessions(&user(3), None, 2).await.unwrap(), [not_given, closed]);
    let expired = async |now| {
        let told = world.store.expire_sessions(now).await.unwrap();
        told.into_iter().map(|told| told.user).collect::<BTreeSet<_>>()
    };
    assert_eq!(expired(at(60)).await, BTreeSet::from([user(2)]));
    assert_eq!(expired(at(109)).await, BTreeSet::from([user(3)]), "it was not given");
    assert_eq!(expired(at(110)).await, BTreeSet::from([user(1)]));
}

/// Renewing notes "when each of the given ones was last heard", and never goes back.
pub async fn renewing_notes_when_a_session_was_last_heard(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    let (one, two) = (session(1, room, node, 0), session(1, room, node, 1));
    world.store.open_session(one.clone()).await.unwrap();
    world.store.open_session(two.clone()).await.unwrap();
    let seen = async || world.store.presence(&users([1]), at(51)).await.unwrap()[0].last_seen;
    for (heard, last) in [((10, 30), 30), ((40, 30), 40), ((20, 20), 40)] {
        let alive = [(one.id, at(heard.0)), (two.id, at(heard.1))];
        world.store.renew_sessions(node, &alive, at(50), at(110)).await.unwrap();
        assert_eq!(seen().await, Some(at(last)));
    }
}

/// Renewing "returns those of the node's `alive` sessions that the store no longer holds open
/// because their lease was over", noticed or not, and does not open them.
pub async fn renewing_returns_the_sessions_whose_lease_was_over(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let node = NodeId::random();
    let expired = session(1, room, node, 0);
    let lapsed = session(2, room, node, 10);
    let held = session(3, room, node, 50);
    for session in [&expired, &lapsed, &held] {
        world.store.open_session(session.clone()).await.unwrap();
    }
    assert_eq!(world.store.expire_sessions(at(65)).await.unwrap().len(), 1);
    let alive = [expired.id, lapsed.id, held.id].map(|id| (id, at(80)));
    let mut lost = world.store.renew_sessions(node, &alive, at(80), at(140)).await.unwrap();
    lost.sort_unstable();
    let mut over = [expired.id, lapsed.id];
    over.sort_unstable();
    assert_eq!(lost, over);
    let online = world.store.presence(&users([1, 2, 3]), at(80)).await.unwrap();
    let online: Vec<_> = online.iter().map(|presence| presence.online).collect();
    assert_eq!(online, [false, false, true]);
    let told = world.store.expire_sessions(at(80)).await.unwrap();
    assert_eq!(told.iter().map(|told| &told.user).collect::<Vec<_>>(), [&user(2)]);
}

/// A session that was closed, not lost, is not returned for opening again.
pub async fn renewing_does_not_return_what_was_closed(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    let session = session(1, room, node, 0);
    world.store.open_session(session.clone()).await.unwrap();
    world.store.close_session(session.id, at(10)).await.unwrap();
    for now in [20, 100] {
        let alive = [(session.id, at(15))];
        let lost = world.store.renew_sessions(node, &alive, at(now), at(now + 60)).await.unwrap();
        assert_eq!(lost, []);
    }
    assert!(!world.store.presence(&users([1]), at(20)).await.unwrap()[0].online);
}

/// "The node has to open them again": the same session can be opened anew, and counts as a coming.
pub async fn a_lost_session_can_be_opened_again(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let lost = session(1, room, NodeId::random(), 0);
    world.store.open_session(lost.clone()).await.unwrap();
    world.store.expire_sessions(at(100)).await.unwrap();
    let again = Session { id: lost.id, ..session(1, room, lost.node, 100) };
    let came = world.store.open_session(again.clone()).await.unwrap();
    assert!(came.of_user && came.in_room && came.presence.online);
    assert_eq!(world.store.sessions(&user(1), None, 10).await.unwrap(), [again]);
    let went = world.store.close_session(lost.id, at(110)).await.unwrap().unwrap();
    assert!(went.of_user && went.in_room);
}

/// "The `now` of this call is `connected_at` or `last_seen`, whichever is later", and a session that
/// is opened anew "takes the place of" the one before, open or not.
pub async fn a_session_is_opened_as_of_when_it_was_last_heard(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let node = NodeId::random();
    let first = session(1, room, node, 0);
    world.store.open_session(first.clone()).await.unwrap();

    let heard = Session { last_seen: at(100), lease_until: at(160), ..first.clone() };
    let came = world.store.open_session(heard.clone()).await.unwrap();
    assert!(came.of_user && came.in_room, "the lease was over when it was heard");
    assert_eq!(came.presence, Presence { online: true, last_seen: Some(at(100)) });
    assert_eq!(world.store.expire_sessions(at(159)).await.unwrap(), []);

    let longer = Session { lease_until: at(170), ..heard };
    let came = world.store.open_session(longer.clone()).await.unwrap();
    assert!(!came.of_user && !came.in_room, "there all along");
    assert_eq!(world.store.sessions(&user(1), None, 10).await.unwrap(), [longer]);
    assert_eq!(world.store.expire_sessions(at(169)).await.unwrap(), []);
    assert_eq!(world.store.expire_sessions(at(170)).await.unwrap().len(), 1);
}

/// Presence comes "in their order. Who is unknown is offline and was never seen."
pub async fn presence_comes_in_the_order_asked(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.store.open_session(session(2, room, NodeId::random(), 5)).await.unwrap();
    let unknown = Presence { online: false, last_seen: None };
    let known = Presence { online: true, last_seen: Some(at(5)) };
    let presence = world.store.presence(&users([3, 2, 1, 2]), at(6)).await.unwrap();
    assert_eq!(presence, [unknown, known, unknown, known]);
    assert_eq!(world.store.presence(&[], at(6)).await.unwrap(), []);
}

/// "Online while at least one of the user's sockets is open", in any room, on any node.
pub async fn a_user_is_online_while_any_session_is_open(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (a, b) = (world.group([1]).await, world.group([1]).await);
    let sessions =
        [(a, 0), (a, 1), (b, 2)].map(|(room, second)| session(1, room, NodeId::random(), second));
    for session in &sessions {
        world.store.open_session(session.clone()).await.unwrap();
    }
    for (now, session) in (10..).zip(&sessions) {
        assert!(world.store.presence(&users([1]), at(now)).await.unwrap()[0].online);
        world.store.close_session(session.id, at(now)).await.unwrap();
    }
    let presence = world.store.presence(&users([1]), at(20)).await.unwrap();
    assert_eq!(presence, [Presence { online: false, last_seen: Some(at(12)) }]);
}

/// After opening "`last_seen` is at least `connected_at`", after closing "at least `now`", and it
/// never goes back.
pub async fn last_seen_never_goes_back(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let seen = async || world.store.presence(&users([1]), at(50)).await.unwrap()[0].last_seen;
    let late = session(1, room, NodeId::random(), 40);
    let early = session(1, room, NodeId::random(), 10);
    world.store.open_session(late.clone()).await.unwrap();
    assert_eq!(seen().await, Some(at(40)));
    let opened = world.store.open_session(early.clone()).await.unwrap();
    assert_eq!(opened.presence.last_seen, Some(at(40)));
    world.store.close_session(late.id, at(45)).await.unwrap();
    assert_eq!(seen().await, Some(at(45)));
    world.store.close_session(early.id, at(30)).await.unwrap();
    assert_eq!(seen().await, Some(at(45)));
}

//! Many threads at once.

use std::sync::Barrier;
use std::thread;

use chat_core::model::{Cursor, Slice};
use chat_core::store::{Changed, NewDirectRoom, RoomOrder, RoomQuery};

use super::*;

const THREADS: u64 = 8;

/// Does something on many threads at once and returns what each came to.
fn race<T: Send, F: Future<Output = T>>(work: impl Fn(u64) -> F + Sync) -> Vec<T> {
    let start = Barrier::new(usize::try_from(THREADS).unwrap());
    let run = |thread: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        start.wait();
        runtime.block_on(work(thread))
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS).map(|n| scope.spawn(move || run(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[tokio::test]
async fn a_reader_beside_many_senders_sees_no_hole_that_fills_later() {
    const EACH: u64 = 500;
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3, 4, 5, 6, 7, 8]).await;
    race(async |thread| {
        if thread > 1 {
            for second in 0..EACH {
                let at = Timestamp::from_seconds(i64::try_from(second * thread % 97).unwrap());
                store.send(text(room, thread, at)).await.unwrap();
            }
            return;
        }
        let (mut known, mut last) = (Cursor::version(1), None::<Arc<Message>>);
        while known.version < 1 + EACH * (THREADS - 1) {
            let changes = store.changes(room, known, 50).await.unwrap();
            known = changes.more.unwrap_or(Cursor::version(changes.room.version));
            for item in changes.items {
                let Changed::Message(message) = item else { panic!("nobody joined") };
                assert_eq!(message.seq, last.as_ref().map_or(1, |last| last.seq + 1));
                assert_eq!(message.versions.sent, message.seq + 1);
                assert!(last.is_none_or(
                    |last| last.id < message.id && last.created_at <= message.created_at
                ));
                last = Some(message);
            }
        }
    });
}

#[tokio::test]
async fn of_sends_with_one_key_one_is_stored() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    for round in 0..100 {
        let sent = race(async |_| {
            let new = NewMessage { once: Some(once(round, 1)), ..text(room, 1, AT) };
            store.send(new).await.unwrap()
        });
        assert_eq!(sent.iter().filter(|sent| !sent.repeated).count(), 1);
        assert!(sent.iter().all(|sent| sent.message.seq == u64::from(round) + 1));
    }
}

#[tokio::test]
async fn of_calls_for_one_pair_one_makes_the_room() {
    let store = MemoryStore::new();
    for other in 2..500 {
        let rooms = race(async |thread| {
            let (first, second) = if thread % 2 == 0 { (1, other) } else { (other, 1) };
            let (first, second) = (UserId::from(first), UserId::from(second));
            let new = NewDirectRoom { first, second, metadata: no_metadata(), at: AT };
            store.direct_room(new).await.unwrap()
        });
        assert_eq!(rooms.iter().filter(|(_, made)| *made).count(), 1);
        assert!(rooms.iter().all(|(room, _)| *room == rooms[0].0));
    }
}

#[tokio::test]
async fn of_receipts_at_once_one_is_the_last() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3, 4, 5, 6, 7, 8]).await;
    let sent = fill(&store, room, 1, 60).await;
    let marked = race(async |thread| {
        let mut marked = Vec::new();
        for message in &sent {
            let target = Targets::Message(message.id);
            marked.push(mark(&store, room, thread, ReceiptKind::Read, target).await);
        }
        marked.push(mark(&store, room, thread, ReceiptKind::Read, Targets::All).await);
        marked
    });
    let marked = marked.concat();
    assert_eq!(marked.iter().map(|marked| marked.newly).sum::<u64>(), 60 * (THREADS - 1));
    assert_eq!(marked.iter().map(|marked| marked.moved.len()).sum::<usize>(), 60);
    assert_eq!(marked.iter().filter(|marked| marked.version.is_some()).count(), 60);
}

#[tokio::test]
async fn a_list_shows_no_room_that_the_user_has_left() {
    let store = MemoryStore::new();
    let mut rooms = Vec::new();
    for _ in 0..20 {
        rooms.push(room_of(&store, &[9]).await);
    }
    race(async |thread| {
        for _ in 0..1_000 {
            if thread <= 4 {
                for room in &rooms {
                    // A leaving is refused where another thread has left already.
                    let _ = match thread % 2 {
                        0 => store.join_room(&caller(1), *room, LIMIT, AT).await.map(drop),
                        _ => store.leave_room(&caller(1), *room, AT).await.map(drop),
                    };
                }
                continue;
            }
            let (by, slice) = (caller(1), Slice::first(100));
            let query = RoomQuery { by, order: RoomOrder::Activity, slice };
            for item in store.rooms(query).await.unwrap().items {
                assert!(item.members.contains(&UserId::from(1)));
            }
        }
    });
    for room in rooms {
        let _ = store.leave_room(&caller(1), room, AT).await;
    }
    let query = RoomQuery { by: caller(1), order: RoomOrder::Id, slice: Slice::first(9) };
    assert_eq!(store.rooms(query).await.unwrap().count, 0);
    assert_eq!(store.state.rooms_of(&UserId::from(1)), []);
}

#[tokio::test]
async fn of_a_users_sockets_that_come_and_go_at_once_the_first_and_the_last_are_told() {
    use super::presence::session;
    use chat_core::store::SessionStore;

    let store = MemoryStore::new();
    let told = race(async |thread| {
        let (mut came, mut went) = ([0, 0], [0, 0]);
        for _ in 0..500 {
            let session = session(1, thread % 2 + 1, 0, 60);
            let id = session.id;
            let opened = store.open_session(session).await.unwrap();
            assert!(opened.presence.online);
            came[0] += i32::from(opened.of_user);
            came[1] += i32::from(opened.in_room);
            let closed = store.close_session(id, AT).await.unwrap().unwrap();
            assert_eq!(closed.of_user, !closed.presence.online);
            went[0] += i32::from(closed.of_user);
            went[1] += i32::from(closed.in_room);
        }
        (came, went)
    });
    let sum = |side: usize| {
        told.iter().fold((0, 0), |(a, b), (came, went)| (a + came[side], b + went[side]))
    };
    assert_eq!(sum(0).0, sum(0).1);
    assert_eq!(sum(1).0, sum(1).1);
    assert!(sum(0).0 >= 1 && sum(1).0 >= 2);
}

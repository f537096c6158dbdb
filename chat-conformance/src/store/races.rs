//! Many tasks at once. Each test states what must hold whoever comes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_core::model::{Cursor, RoomId, RoomKind, SeqSet, UserId};
use chat_core::rules::{Denial, RoomFull};
use chat_core::store::{Changed, ManageRoom, NewDirectRoom, NewMessage, Store};
use serde_json::Map;
use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::world::{LIMIT, Refusal, World, attachment, caller, once, refusal_of, user, users};

/// "Under any race; exactly one call is told that it made" the direct room of a pair.
pub async fn a_race_for_a_direct_room_makes_one(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let results = at_once(64, |task| {
        let world = world.clone();
        async move {
            let (first, second) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
            let (first, second) = (user(first), user(second));
            let new = NewDirectRoom { first, second, metadata: Map::new(), at: world.now() };
            world.store.direct_room(new).await.unwrap()
        }
    })
    .await;
    assert_eq!(results.iter().filter(|(_, made)| *made).count(), 1);
    assert!(results.iter().all(|(room, _)| *room == results[0].0));
    let room = world.everything(results[0].0).await;
    assert_eq!((room.members.len(), room.room.version), (2, 1));
}

/// Rooms made at once have different ids.
pub async fn rooms_made_at_once_are_different_rooms(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let mut rooms = at_once(32, |_| {
        let world = world.clone();
        async move { world.group([1, 2]).await }
    })
    .await;
    rooms.sort_unstable();
    rooms.dedup();
    assert_eq!(rooms.len(), 32);
}

/// "One order per room": senders at once get positions and versions without gaps, ids and times
/// ascend with them, and the rooms do not mix.
pub async fn senders_at_once_get_one_order_without_gaps(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let members: Vec<_> = (1..=16).collect();
    let kind = RoomKind::Group;
    let rooms = [world.room_of(kind, &members).await, world.room_of(kind, &members).await];
    let sent = at_once(32, |task| {
        let world = world.clone();
        async move {
            let (room, by) = (rooms[task % 2], 1 + task as u64 / 2);
            let mut sent = Vec::new();
            for _ in 0..10 {
                sent.push(world.say(room, by, "text").await);
            }
            assert!(sent.windows(2).all(|pair| pair[0].seq < pair[1].seq));
            sent
        }
    })
    .await;
    let sent: Vec<_> = sent.into_iter().flatten().collect();
    for room in rooms {
        let all = world.everything(room).await;
        assert_eq!((all.room.last_seq, all.room.version), (160, 161));
        for (seq, message) in (1..).zip(&all.messages) {
            assert_eq!((message.seq, message.versions.sent), (seq, seq + 1));
            assert!(sent.iter().any(|sent| **sent == *message), "as the sender was told");
        }
        assert_eq!(all.messages.len(), 160);
        assert!(all.messages.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(all.messages.windows(2).all(|pair| pair[0].created_at <= pair[1].created_at));
    }
}

/// The same key sent at once stores one message; all others are repetitions of it.
pub async fn a_key_sent_many_times_at_once_stores_one_message(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.direct(1, 2).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "text") };
    let results = at_once(32, |_| {
        let (world, new) = (world.clone(), new.clone());
        async move { world.store.send(new).await.unwrap() }
    })
    .await;
    assert_eq!(results.iter().filter(|sent| !sent.repeated).count(), 1);
    assert!(results.iter().all(|sent| sent.message == results[0].message));
    let all = world.everything(room).await;
    assert_eq!((all.room.last_seq, all.room.version), (1, 2));
}

/// The same key sent at once for different contents stores one of them and refuses the rest.
pub async fn a_key_sent_at_once_for_different_contents_stores_one(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.direct(1, 2).await;
    let results = at_once(16, |task| {
        let world = world.clone();
        let once = Some(once(1, u8::try_from(task).unwrap()));
        let new = NewMessage { once, ..world.text(room, 1, "text") };
        async move { world.store.send(new).await.map_err(refusal_of) }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    assert!(refused.clone().all(|refusal| *refusal == Refusal::KeyReused));
    assert_eq!(world.everything(room).await.room.version, 2);
}

/// Joins and additions at once never make a room larger than it may be.
pub async fn joins_at_once_fill_a_room_and_no_more(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.public([1]).await;
    let results = at_once(32, |task| {
        let world = world.clone();
        async move {
            let new = 2 + 2 * task as u64;
            let came = if task % 2 == 0 {
                let joined = world.store.join_room(&caller(new), room, 10, world.now()).await;
                joined.map(|_| 1)
            } else {
                let add = users([new, new + 1]);
                let change = ManageRoom { add, member_limit: 10, ..world.manage(room, 1) };
                world.store.manage_room(change).await.map(|_| 2)
            };
            came.map_err(refusal_of)
        }
    })
    .await;
    let came: usize = results.iter().flatten().sum();
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    assert!(refused.clone().all(|refusal| *refusal == Refusal::Full(RoomFull { limit: 10 })));
    let present = world.summary(room, 1).await.members.len();
    assert_eq!((present, 1 + came), (10, 10));
}

/// No reaction is lost that is added or taken away at the same time as others.
pub async fn reactions_at_once_lose_no_update(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let members: Vec<_> = (1..=32).collect();
    let room = world.room_of(RoomKind::Group, &members).await;
    let message = world.say(room, 1, "text").await.id;
    let changes = at_once(32, |task| {
        let world = world.clone();
        async move {
            let by = 1 + task as u64;
            let mut changes = 0;
            let steps = ["shared", "own", "shared", "-own", "-shared", "own", "shared"];
            for step in steps {
                let step = step.replace("own", &format!("own{}", by % 4));
                changes += u64::from(world.react(room, by, message, &step).await.unwrap().1);
            }
            if by.is_multiple_of(2) {
                changes += u64::from(world.react(room, by, message, "-shared").await.unwrap().1);
            }
            changes
        }
    })
    .await;
    let all = world.everything(room).await;
    assert_eq!(all.room.version, 2 + changes.iter().sum::<u64>(), "a version for each change");
    let mut reactions = BTreeMap::new();
    for reaction in &all.messages[0].reactions {
        let mut users: Vec<_> = reaction.users.iter().filter_map(UserId::as_integer).collect();
        users.sort_unstable();
        assert!(reactions.insert(reaction.emoji.as_str(), users).is_none());
    }
    let wanted = |keep: fn(u64) -> bool| members.iter().copied().filter(|by| keep(*by)).collect();
    let wanted: BTreeMap<_, Vec<_>> = BTreeMap::from([
        ("shared", wanted(|by| by % 2 == 1)),
        ("own0", wanted(|by| by % 4 == 0)),
        ("own1", wanted(|by| by % 4 == 1)),
        ("own2", wanted(|by| by % 4 == 2)),
        ("own3", wanted(|by| by % 4 == 3)),
    ]);
    assert_eq!(reactions, wanted);
}

/// The bounds on emoji hold when they are added at once.
pub async fn reactions_at_once_keep_the_bounds(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1, 2, 3, 4]).await;
    let message = world.say(room, 1, "text").await.id;
    let results = at_once(32, |task| {
        let world = world.clone();
        async move {
            let by = 1 + task as u64 % 4;
            let mut added = 0;
            for number in 0..4 {
                let emoji = format!("{task} {number}");
                match world.react(room, by, message, &emoji).await.map_err(refusal_of) {
                    Ok((_, changed)) => added += u64::from(changed),
                    Err(refusal) => assert_eq!(refusal, Refusal::Limit),
                }
            }
            added
        }
    })
    .await;
    let message = world.message(1, message).await;
    assert_eq!(message.reactions.len(), 50);
    assert_eq!(results.iter().sum::<u64>(), 50);
    for by in 1..=4 {
        let own = message.reactions.iter().filter(|reaction| reaction.users.contains(&user(by)));
        assert!(own.count() <= 20);
    }
}

/// Unread stays exact while messages are sent and marked: at every moment it is the recount.
pub async fn unread_is_exact_while_marks_race_sends(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1, 2, 3]).await;
    let newly = at_once(13, |task| {
        let world = world.clone();
        async move {
            let mut newly = 0;
            for _ in 0..25 {
                match task % 4 {
                    _ if task == 12 => {
                        world.add(room, 1, [4]).await;
                        world.leave(room, 4).await;
                    }
                    0 => drop(world.say(room, 1, "text").await),
                    1 => drop(world.say(room, 3, "text").await),
                    2 => newly += world.read_all(room, 2).await.newly,
                    _ => {
                        // "Each room is of one moment."
                        let before = world.member(room, 2).await.read.len();
                        let summary = world.summary(room, 2).await;
                        let after = world.member(room, 2).await.read.len();
                        let read = summary.room.last_seq - summary.unread;
                        assert!((before..=after).contains(&read));
                        // The versions that are no message's are of 4, who comes and goes.
                        let turns = summary.room.version - 1 - summary.room.last_seq;
                        assert_eq!(summary.members.contains(&user(4)), turns % 2 == 1);
                        let last = summary.last_message.as_ref().map_or(0, |last| last.seq);
                        assert_eq!(summary.room.last_seq, last);
                        let version = summary.last_message.map_or(1, |last| last.versions.last());
                        assert!(summary.room.version >= version);
                    }
                }
            }
            newly
        }
    })
    .await;
    let read = world.member(room, 2).await.read;
    assert_eq!(newly.iter().sum::<u64>(), read.len(), "each was new once");
    assert_eq!(world.unread(room, 2).await, 150 - read.len());
    assert_eq!(world.read_all(room, 2).await.newly, 150 - read.len());
    assert_eq!(world.unread(room, 2).await, 0);
}

/// Members who mark at once move every status once, and the last of them moves it.
pub async fn marks_at_once_move_every_status_once(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1, 2, 3, 4]).await;
    let mut sent = Vec::new();
    for _ in 0..30 {
        sent.push(world.say(room, 1, "text").await);
    }
    let sent = Arc::new(sent);
    let moved = at_once(9, |task| {
        let (world, sent) = (world.clone(), sent.clone());
        async move {
            let by = 2 + task as u64 % 3;
            let mut moved = Vec::new();
            for index in 0..sent.len() {
                // Each task has an order of its own.
                let message = &sent[(index * (1 + 6 * task) + task) % sent.len()];
                moved.extend(world.read(room, by, message).await.moved);
            }
            moved
        }
    })
    .await;
    let mut moved: Vec<_> = moved.into_iter().flatten().collect();
    moved.sort_by_key(|message| message.seq);
    assert_eq!(moved.len(), 30, "each moved once");
    let all = world.everything(room).await;
    assert_eq!(all.room.version, 31 + 30);
    for (now, told) in all.messages.iter().zip(&moved) {
        assert!(now.read_at.is_some() && now.read_at == now.delivered_at);
        assert_eq!(*now, **told, "what was told stays");
    }
    for by in 2..=4 {
        assert_eq!(world.member(room, by).await.read, SeqSet::up_to(30));
    }
}

/// A message is deleted once, its file is handed back once, and no edit comes after.
pub async fn a_message_deleted_at_once_is_deleted_once(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.direct(1, 2).await;
    let new = NewMessage { attachment: Some(attachment("file")), ..world.text(room, 1, "text") };
    let message = world.send(new).await.id;
    let results = at_once(24, |task| {
        let world = world.clone();
        async move {
            let result = match task % 3 {
                0 => world.delete(room, 1, message).await.map(|(_, file)| file),
                1 => world.edit(room, 1, message, "edited").await.map(|_| None),
                _ => world.react(room, 2, message, &format!("e{task}")).await.map(|_| None),
            };
            result.map_err(refusal_of)
        }
    })
    .await;
    let files = results.iter().flatten().flatten().count();
    assert_eq!(files, 1, "the file is handed back once");
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    assert!(refused.clone().all(|refusal| *refusal == Refusal::Denied(Denial::Deleted)));
    let all = world.everything(room).await;
    let now = &all.messages[0];
    assert_eq!((now.content.as_str(), now.reactions.len()), ("", 0));
    assert_eq!(now.versions.last(), now.versions.deleted, "nothing came after");
    assert_eq!(all.room.version, 2 + results.iter().flatten().count() as u64);
}

/// Who joins or is added many times at once becomes a member once.
pub async fn who_joins_many_times_at_once_joins_once(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.public([1]).await;
    let joined = at_once(24, |task| {
        let world = world.clone();
        async move {
            if task % 2 == 0 {
                let joined =
                    world.store.join_room(&caller(2), room, LIMIT, world.now()).await.unwrap();
                u64::from(joined.is_some())
            } else {
                let change = ManageRoom { add: users([2, 3]), ..world.manage(room, 1) };
                let added = world.store.manage_room(change).await.unwrap();
                added.joined.map_or(0, |(users, _)| users.len() as u64)
            }
        }
    })
    .await;
    assert_eq!(joined.iter().sum::<u64>(), 2, "users 2 and 3, each once");
    let all = world.everything(room).await;
    assert_eq!(all.members.len(), 3);
    assert_eq!(all.room.version, all.members.iter().map(|member| member.version).max().unwrap());
}

/// After the version of a member's leaving there is no message of theirs.
pub async fn who_left_sends_nothing_after_their_leaving(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    for round in 0..8 {
        let room = world.public([1, 2]).await;
        let results = at_once(5, |task| {
            let world = world.clone();
            async move {
                if task > 0 {
                    while world.store.send(world.text(room, 2, "text")).await.is_ok() {
                        yield_now().await;
                    }
                    return None;
                }
                for _ in 0..round {
                    world.say(room, 1, "text").await;
                }
                Some(if round % 2 == 0 {
                    world.leave(room, 2).await
                } else {
                    world.remove(room, 2).await.unwrap()
                })
            }
        })
        .await;
        let left = results.into_iter().flatten().next().unwrap();
        let all = world.everything(room).await;
        let own = all.messages.iter().filter(|message| message.sender == user(2));
        assert!(own.clone().all(|message| message.versions.sent < left));
        assert_eq!(all.room.version, left.max(all.messages.last().map_or(0, |m| m.versions.sent)));
        assert_eq!(all.room.version, 2 + all.room.last_seq, "a version for each change");
    }
}

/// "No reader sees a hole that is filled later": who follows the changes of a busy room has, at
/// every step, every message up to the room's newest one, and every change up to its version.
pub async fn who_follows_the_changes_sees_no_hole(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let room = world.group([1, 2, 3, 4]).await;
    at_once(10, |task| {
        let world = world.clone();
        async move {
            let by = 1 + task as u64 % 4;
            match task {
                0..4 => {
                    for _ in 0..20 {
                        let sent = world.say(room, by, "text").await;
                        world.edit(room, by, sent.id, "edited").await.unwrap();
                    }
                }
                4..6 => {
                    for _ in 0..20 {
                        world.read_all(room, by).await;
                    }
                }
                _ => follow(&world, room, 1 + task % 3).await,
            }
        }
    })
    .await;
    follow(&world, room, 5).await;
}

/// Reads changes until 80 messages have come, and checks every step.
async fn follow(world: &World, room: RoomId, limit: usize) {
    let mut point = Cursor::version(0);
    let mut sent = BTreeMap::new();
    while sent.len() < 80 {
        let changes = world.store.changes(room, point, limit).await.unwrap();
        let mut last = point.version;
        for item in changes.items {
            let version = match item {
                Changed::Member(member) => member.version,
                Changed::Message(message) => {
                    let version = message.versions.last();
                    sent.insert(message.seq, message.versions.sent);
                    version
                }
            };
            assert!(version > point.version && version >= last, "in the order of versions");
            assert!(version <= changes.room.version, "not newer than the room");
            last = version;
        }
        if changes.more.is_none() {
            let newest = changes.room.last_seq;
            assert!(sent.keys().copied().eq(1..=newest), "all up to {newest}: {sent:?}");
        }
        point = changes.more.unwrap_or(Cursor::version(changes.room.version));
        // A store that never waits would else leave the writers no thread to run on.
        yield_now().await;
    }
}

/// Runs tasks that all begin at the same moment, and collects what they return, in their order.
pub(super) async fn at_once<T, F>(tasks: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(tasks));
    let spawn = |number| {
        let (barrier, task) = (barrier.clone(), task(number));
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    };
    let running: Vec<_> = (0..tasks).map(spawn).collect();
    futures::future::try_join_all(running).await.expect("no task panics")
}

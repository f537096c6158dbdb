//! Rooms that the host deletes: gone at once for everybody, and swept after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_core::model::{Cursor, MessageId, RoomId, RoomKind, Slice, Timestamp};
use chat_core::rules::Term;
use chat_core::store::{
    Anchor, Author, DeleteMessage, EditMessage, Erase, HistoryQuery, ManageRoom, Mark,
    MessageSearch, NewDirectRoom, NewMessage, React, ReceiptKind, RoomOrder, RoomQuery, StatsQuery,
    Store, StoreError, Targets,
};
use serde_json::Map;

use super::races::at_once;
use super::world::{LIMIT, Refusal, World, at, caller, content, once, refusal, refusal_of, user};

const KINDS: [RoomKind; 4] =
    [RoomKind::Direct, RoomKind::Group, RoomKind::Project, RoomKind::Public];

/// Whether a store refuses because there is no such room.
#[allow(clippy::needless_pass_by_value, reason = "it is asked of what stores return")]
fn is_missing<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound))
}

/// That no method finds a room by its id, or writes to it, whoever asks.
async fn never_was(world: &World, room: RoomId, message: MessageId) {
    let store = &world.store;
    let (anchor, slice, at) = (Anchor::Newest, Slice::first(10), world.now());
    assert!(store.members(&[room]).await.unwrap().is_empty());
    assert!(store.versions(&[room]).await.unwrap().is_empty());
    assert!(is_missing(store.changes(room, Cursor::version(0), 10).await));
    assert!(is_missing(store.remove_member(room, &user(1), at).await));
    let erase = Erase { room, user: user(1), after: 0, at };
    assert!(is_missing(store.erase(erase).await));
    assert_eq!(store.sent_before(room, &user(1), once(1, 1)).await.unwrap(), None);
    for by in [None, Some(caller(1)), Some(caller(3))] {
        assert!(store.room(by.as_ref(), room).await.unwrap().is_none());
        for in_room in [None, Some(room)] {
            assert!(store.message(by.as_ref(), in_room, message).await.unwrap().is_none());
        }
        let query = HistoryQuery { room, by: by.clone(), anchor, slice, deleted: true };
        assert!(store.history(query).await.unwrap().is_none());
        let active = Some(false);
        let change = ManageRoom { active, ..ManageRoom::nothing(room, by.clone(), at) };
        assert!(is_missing(store.manage_room(change).await));
        let delete = DeleteMessage { room, message, by: by.clone(), at };
        assert!(is_missing(store.delete(delete).await));
    }
    for id in [1, 3] {
        let by = caller(id);
        assert!(store.access(&by, room).await.unwrap().is_none());
        for author in [Author::User(by.clone()), Author::Host(user(id))] {
            let once = Some(once(1, 1));
            let new = NewMessage { by: author, once, ..world.text(room, id, "hello") };
            assert!(is_missing(store.send(new).await));
        }
        assert!(is_missing(store.join_room(&by, room, LIMIT, at).await));
        assert!(is_missing(store.leave_room(&by, room, at).await));
        assert!(is_missing(world.react(room, id, message, "👍").await));
        let edit = EditMessage { room, message, by: by.clone(), content: content("x"), at };
        assert!(is_missing(store.edit(edit).await));
        for targets in [Targets::All, Targets::UpTo(1), Targets::Message(message)] {
            let (by, kind) = (by.clone(), ReceiptKind::Read);
            assert!(is_missing(store.mark(Mark { room, by, kind, targets, at }).await));
        }
    }
}

/// "From then on the room, and everything in it, is as if it never had been, to every method":
/// before it is swept, and after.
pub async fn a_deleted_room_is_as_one_that_never_was(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    for kind in KINDS {
        let room = world.room_of(kind, &[1, 2]).await;
        let keyed = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
        let message = world.send(keyed).await.id;
        world.say(room, 2, "hello").await;
        world.react(room, 2, message, "👍").await.unwrap();
        world.read_all(room, 2).await;
        store.delete_room(room, None).await.unwrap();
        never_was(&world, room, message).await;
        while store.sweep_gone_rooms(world.now(), 1).await.unwrap() {}
        never_was(&world, room, message).await;
    }
}

/// Neither lists nor searches nor counts have it, nor who is to be erased from it.
pub async fn a_deleted_room_is_nowhere_listed_found_or_counted(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    for kind in KINDS {
        let room = world.room_of(kind, &[1, 2]).await;
        world.say(room, 2, "unread").await;
        if kind != RoomKind::Direct {
            world.leave(room, 2).await;
        }
        store.delete_room(room, None).await.unwrap();
        for swept in [false, true] {
            if swept {
                store.sweep_gone_rooms(world.now(), 1).await.unwrap();
            }
            assert_eq!(store.direct_room_of(&user(1), &user(2)).await.unwrap(), None);
            assert!(store.all_rooms(None, 10).await.unwrap().is_empty());
            for id in [1, 2, 3] {
                let (by, slice) = (caller(id), Slice::first(10));
                for order in [RoomOrder::Activity, RoomOrder::Id] {
                    let query = RoomQuery { by: by.clone(), order, slice };
                    assert!(store.own_candidates(query.clone(), 10).await.unwrap().is_empty());
                    let page = store.rooms(query).await.unwrap();
                    assert_eq!((page.count, page.items.len()), (0, 0));
                }
                assert!(store.rooms_of(&by.user, None, 10).await.unwrap().is_empty());
                assert!(store.rooms_to_erase(&by.user, None, 10).await.unwrap().is_empty());
                assert!(store.public_candidates(&by, None, 10, 10).await.unwrap().is_empty());
                assert!(store.summaries(Some(&by), &[room]).await.unwrap().is_empty());
                assert_eq!(store.unread(&by).await.unwrap(), 0);
                for room in [None, Some(room)] {
                    let query = StatsQuery { by: by.clone(), room, since: at(0), today: at(0) };
                    assert_eq!(store.stats(query).await.unwrap().rooms, 0);
                }
                let term = Term::parse("unread").unwrap();
                let search = MessageSearch { by, term, limit: 10 };
                assert!(store.search_messages(search).await.unwrap().is_empty());
            }
        }
        while store.sweep_gone_rooms(world.now(), 10).await.unwrap() {}
    }
}

/// "The version is the room's next one"; "[`NotFound`](StoreError::NotFound) where there is no such
/// room, or not any more"; of callers at once one has deleted it.
pub async fn a_room_is_deleted_once_with_its_next_version(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    assert_eq!(refusal(store.delete_room(super::world::no_room(), None).await), Refusal::NotFound);
    for kind in KINDS {
        let room = world.room_of(kind, &[1, 2]).await;
        world.say(room, 1, "hello").await;
        let version = world.version(room).await;
        let deleted = at_once(8, |_| {
            let store = store.clone();
            async move { store.delete_room(room, None).await.map_err(refusal_of) }
        })
        .await;
        let by_whom = deleted.iter().filter(|deleted| **deleted == Ok(Some(version + 1)));
        assert_eq!(by_whom.count(), 1, "{deleted:?}");
        let late = deleted.iter().filter(|deleted| **deleted == Err(Refusal::NotFound));
        assert_eq!(late.count(), 7, "{deleted:?}");
    }
}

/// "A room whose `activity_at` is at that moment or after it is kept as it is"; edits, reactions and
/// receipts are none of that.
pub async fn a_room_is_deleted_where_nothing_was_said_since_a_moment(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let never = store.delete_room(super::world::no_room(), Some(at(5_000))).await;
    assert_eq!(refusal(never), Refusal::NotFound);
    for kind in KINDS {
        let empty = world.room_of(kind, &[1, 2]).await;
        let made = world.everything(empty).await.room.activity_at;
        assert_eq!(store.delete_room(empty, Some(made)).await.unwrap(), None, "just made");
        let later = Timestamp::from_micros(made.as_micros() + 1);
        assert_eq!(store.delete_room(empty, Some(later)).await.unwrap(), Some(2));

        let room = world.room_of(kind, &[1, 2]).await;
        let said = NewMessage { at: at(2_000), ..world.text(room, 1, "hello") };
        let message = world.send(said).await.id;
        let before = world.everything(room).await;
        for since in [at(0), at(1_999), at(2_000)] {
            assert_eq!(store.delete_room(room, Some(since)).await.unwrap(), None);
        }
        assert_eq!(world.everything(room).await, before, "it is kept as it is");
        if kind == RoomKind::Direct {
            assert_eq!(world.direct(2, 1).await, room);
        }
        world.react(room, 2, message, "👍").await.unwrap();
        world.read_all(room, 2).await;
        let version = world.version(room).await;
        let deleted = store.delete_room(room, Some(at(2_001))).await.unwrap();
        assert_eq!(deleted, Some(version + 1));
        never_was(&world, room, message).await;
    }
}

/// "A message that was sent at that moment or after it keeps the room, or is refused."
pub async fn what_is_sent_while_a_room_is_found_idle_keeps_it_or_is_refused(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    for round in 0..32 {
        let room = world.group([1, 2]).await;
        let known = NewMessage { at: at(1_000), ..world.text(room, 1, "long ago") };
        world.send(known).await;
        let done = at_once(6, |task| {
            let world = world.clone();
            async move {
                for _ in 0..(task * round) % 7 {
                    tokio::task::yield_now().await;
                }
                if task == 0 {
                    let deleted = world.store.delete_room(room, Some(at(2_000))).await.unwrap();
                    return deleted.is_some();
                }
                let late = NewMessage { at: at(2_000), ..world.text(room, 1, "still here") };
                match world.store.send(late).await {
                    Err(StoreError::NotFound) => false,
                    sent => !sent.unwrap().repeated,
                }
            }
        })
        .await;
        let (deleted, sent) = done.split_first().unwrap();
        let stored = sent.iter().filter(|sent| **sent).count();
        assert_eq!(stored, if *deleted { 0 } else { 5 }, "deleted: {deleted}");
        let stands = !world.store.versions(&[room]).await.unwrap().is_empty();
        assert_eq!(stands, !deleted);
        if stands {
            assert_eq!(world.everything(room).await.messages.len(), 6);
        }
    }
}

/// What is said and noted of others is none of it.
pub async fn other_rooms_stay_as_they_are_where_one_is_deleted(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let (gone, stays) = (world.public([1, 2]).await, world.public([1, 2]).await);
    let pair = world.direct(1, 2).await;
    for room in [gone, stays, pair] {
        for by in [1, 2] {
            world
                .send(NewMessage { once: Some(once(1, 1)), ..world.text(room, by, "hello") })
                .await;
        }
        world.read_all(room, 2).await;
    }
    let before = (world.everything(stays).await, world.everything(pair).await);
    store.delete_room(gone, None).await.unwrap();
    while store.sweep_gone_rooms(world.now(), 2).await.unwrap() {}
    assert_eq!((world.everything(stays).await, world.everything(pair).await), before);
    assert_eq!(world.direct(2, 1).await, pair);
    assert_eq!(store.rooms_of(&user(2), None, 10).await.unwrap(), [stays, pair]);
    let again = NewMessage { once: Some(once(1, 1)), ..world.text(stays, 1, "hello") };
    assert!(store.send(again).await.unwrap().repeated);
}

/// "Only where the host has deleted it another one is made, with an id of its own", and nothing of
/// the former in it; also where its members had been removed from it.
pub async fn a_pair_whose_room_is_deleted_gets_another_one(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let others = world.direct(1, 3).await;
    let mut rooms = vec![others];
    for (first, second) in [(1, 2), (2, 1), (1, 2)] {
        let room = world.direct(first, second).await;
        assert!(rooms.iter().all(|before| *before < room), "{room:?} after {rooms:?}");
        let now = world.everything(room).await;
        assert_eq!((now.room.version, now.messages.len(), now.present.len()), (1, 0, 2));
        assert_eq!(now.room.created_by, Some(user(first)));
        assert_eq!(world.unread(room, 2).await, 0);
        let keyed = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
        assert_eq!(world.send(keyed).await.seq, 1);
        if rooms.len() > 1 {
            world.remove(room, first).await.unwrap();
        }
        store.delete_room(room, None).await.unwrap();
        rooms.push(room);
    }
    while store.sweep_gone_rooms(world.now(), 10).await.unwrap() {}
    assert_eq!(world.direct(3, 1).await, others);
}

/// "Under any race: whoever waits for the room finds none": what was acknowledged came before the
/// last version, and nothing comes after it.
pub async fn what_was_being_written_is_in_the_room_or_refused(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    for _ in 0..8 {
        let room = world.public([1, 2, 3]).await;
        let message = world.say(room, 1, "first").await.id;
        let last = at_once(9, |task| {
            let world = world.clone();
            async move {
                if task == 8 {
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    return world.store.delete_room(room, None).await.unwrap().unwrap();
                }
                let mut last = 0;
                while let Some(version) = write(&world, room, message, task as u64).await {
                    last = last.max(version);
                }
                last
            }
        })
        .await;
        let (gone, written) = last.split_last().unwrap();
        let newest = written.iter().max().unwrap();
        assert!(
            newest < gone,
            "something was written with {newest}, and the room ended with {gone}"
        );
        assert!(world.store.versions(&[room]).await.unwrap().is_empty());
    }
}

/// Writes something; the version with it, or none where there is no such room.
async fn write(world: &World, room: RoomId, message: MessageId, task: u64) -> Option<u64> {
    let by = 1 + task % 3;
    let written = match task % 4 {
        0 => {
            world.store.send(world.text(room, by, "more")).await.map(|it| it.message.versions.sent)
        }
        1 => {
            let emoji = chat_core::rules::Emoji::parse("👍").unwrap();
            let react = React { room, message, by: caller(by), emoji, add: true };
            let added = world.store.react(react.clone()).await.map(|(it, _)| it.versions.reacted);
            let taken = world.store.react(React { add: false, ..react }).await;
            added.and_then(|added| Ok(added.max(taken?.0.versions.reacted)))
        }
        2 => {
            let marked = world.mark(room, by, ReceiptKind::Read, Targets::All).await;
            marked.map(|marked| marked.version.unwrap_or(0))
        }
        _ => {
            let change = ManageRoom { active: Some(true), ..world.manage(room, 1) };
            let named = ManageRoom { name: Some(super::world::name("new")), ..change };
            world.store.manage_room(named).await.map(|added| added.settings.unwrap_or(0))
        }
    };
    tokio::task::yield_now().await;
    match written {
        Err(StoreError::NotFound) => None,
        written => Some(written.unwrap()),
    }
}

/// Joins, leavings, reads and erasures at once end well.
pub async fn who_joins_or_reads_at_once_finds_the_room_or_none(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    for _ in 0..8 {
        let room = world.public([1]).await;
        for _ in 0..30 {
            world.say(room, 1, "hello").await;
        }
        at_once(8, |task| {
            let world = world.clone();
            async move {
                match task {
                    7 => {
                        world.store.delete_room(room, None).await.unwrap();
                        while world.store.sweep_gone_rooms(world.now(), 5).await.unwrap() {}
                    }
                    6 => while erase(&world, room).await {},
                    0..3 => while comes_and_goes(&world, room, 10 + task as u64).await {},
                    _ => while reads_all(&world, room).await {},
                }
            }
        })
        .await;
        for id in [1, 10, 11, 12] {
            assert!(world.store.rooms_of(&user(id), None, 10).await.unwrap().is_empty());
            assert!(world.store.rooms_to_erase(&user(id), None, 10).await.unwrap().is_empty());
        }
    }
}

async fn comes_and_goes(world: &World, room: RoomId, id: u64) -> bool {
    let joined = world.store.join_room(&caller(id), room, LIMIT, world.now()).await;
    tokio::task::yield_now().await;
    if is_missing(joined) {
        return false;
    }
    !is_missing(world.store.leave_room(&caller(id), room, world.now()).await)
}

/// A page is whole, or there is none.
async fn reads_all(world: &World, room: RoomId) -> bool {
    let (anchor, slice, by) = (Anchor::AfterSeq(0), Slice::first(100), None);
    let query = HistoryQuery { room, by, anchor, slice, deleted: true };
    let page = world.store.history(query).await.unwrap();
    tokio::task::yield_now().await;
    let Some(page) = page else { return false };
    let page = page.permit(chat_core::rules::Action::ReadHistory).unwrap();
    assert_eq!((page.count, page.items.len()), (30, 30));
    true
}

async fn erase(world: &World, room: RoomId) -> bool {
    let erase = Erase { room, user: user(10), after: 0, at: world.now() };
    let erased = world.store.erase(erase).await;
    tokio::task::yield_now().await;
    !is_missing(erased)
}

/// A pair that asks for its room while that is deleted has at most one that stands, and gets one.
pub async fn a_pair_that_asks_at_once_gets_a_room_that_stands(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    for _ in 0..5 {
        let opened = at_once(16, |task| {
            let world = world.clone();
            async move {
                let (first, second) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
                let (first, second) = (user(first), user(second));
                let new = NewDirectRoom { first, second, metadata: Map::new(), at: world.now() };
                let opened = world.store.direct_room(new).await.unwrap();
                if task % 4 == 0 {
                    let _ = world.store.delete_room(opened.0, None).await.map_err(refusal_of);
                }
                opened
            }
        })
        .await;
        let rooms: BTreeSet<_> = opened.iter().map(|(room, _)| *room).collect();
        let made: Vec<_> = opened.iter().filter(|(_, made)| *made).map(|(room, _)| *room).collect();
        assert_eq!(made.len(), made.iter().collect::<BTreeSet<_>>().len(), "each was made once");
        let ids: Vec<_> = rooms.into_iter().collect();
        let standing = world.store.versions(&ids).await.unwrap();
        assert!(standing.len() <= 1, "{standing:?}");
        let last = world.store.direct_room_of(&user(1), &user(2)).await.unwrap();
        assert_eq!(last, standing.first().map(|(room, _)| *room));
    }
}

//! What the host does in its own name, in rooms that it need not be in.

use std::sync::Arc;

use chat_core::model::{RoomId, RoomKind, Slice, Status};
use chat_core::rules::{Action, Standing};
use chat_core::store::{Anchor, Author, HistoryQuery, NewMessage, Store};

use super::world::{Refusal, World, no_message, no_room, once, refusal, seqs, user, users};

/// "Goes also into rooms that are inactive, and its sender need not be a member": of every kind.
pub async fn the_host_speaks_for_anybody_in_any_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in RoomKind::ALL {
        let room = world.room_of(kind, &[1, 2]).await;
        if kind != RoomKind::Direct {
            world.remove(room, 2).await;
            world.set_active(room, 1, false).await;
        }
        for (seq, sender) in [(1, 9), (2, 2), (3, 1)] {
            let by = Author::Host(user(sender));
            let sent = world.send(NewMessage { by, ..world.text(room, 9, "shipped") }).await;
            assert_eq!((&sent.sender, sent.seq), (&user(sender), seq), "{kind:?}");
            assert_eq!(sent.versions.sent, world.version(room).await);
            assert_eq!(world.message(1, sent.id).await, sent);
        }
        assert_eq!(world.unread(room, 1).await, 2, "what the member has not sent");
    }
    let by = Author::Host(user(1));
    let nowhere = NewMessage { by, ..world.text(no_room(), 1, "text") };
    assert_eq!(refusal(world.store.send(nowhere).await), Refusal::NotFound);
}

/// What a stranger sends is delivered and read once all members have said so.
pub async fn what_a_stranger_sends_is_read_once_all_members_have(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let by = Author::Host(user(9));
    let sent = world.send(NewMessage { by, ..world.text(room, 9, "shipped") }).await;
    assert!(world.read(room, 1, &sent).await.moved.is_empty());
    assert_eq!(world.message(1, sent.id).await.status(), Status::Sent);
    assert!(world.receive(room, 2, &sent).await.version.is_some());
    assert_eq!(world.message(1, sent.id).await.status(), Status::Delivered);
    assert!(world.read(room, 2, &sent).await.version.is_some());
    assert_eq!(world.message(1, sent.id).await.status(), Status::Read);
    // Who joins has read everything, what they were made to say before too.
    world.add(room, 1, [9]).await;
    assert_eq!((world.unread(room, 9).await, world.unread(room, 1).await), (0, 0));
}

/// "Where the sender has sent a message with the same `once.key`": whoever spoke for them.
pub async fn the_host_finds_what_it_has_sent_under_a_key(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let by_host = |sender, content| {
        let (by, once) = (Author::Host(user(sender)), Some(once(1, content)));
        NewMessage { by, once, ..world.text(room, sender, "shipped") }
    };
    let sent = world.send(by_host(9, 1)).await;
    let again = world.store.send(by_host(9, 1)).await.unwrap();
    assert!(again.repeated && again.message == sent);
    let other = world.refuses(room, world.store.send(by_host(9, 2))).await;
    assert_eq!(other, Refusal::KeyReused);
    let found = world.store.sent_before(room, &user(9), once(1, 1)).await.unwrap();
    assert_eq!(found, Some(sent));

    let own = NewMessage { once: Some(once(1, 1)), ..world.text(room, 2, "shipped") };
    let own = world.send(own).await;
    world.remove(room, 2).await;
    assert_eq!(world.store.send(by_host(2, 1)).await.unwrap().message.id, own.id);
}

/// "No caller is the host": it reads whatever is in any room, and has nothing to read.
pub async fn the_host_reads_any_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in RoomKind::ALL {
        let room = world.room_of(kind, &[1, 2]).await;
        let said = world.say(room, 1, "hello").await;
        let gone = world.say(room, 2, "gone").await;
        world.delete(room, 2, gone.id).await.unwrap();

        let read = world.store.room(None, room).await.unwrap().unwrap();
        assert_eq!((read.access().standing, read.access().shown), (Standing::Host, true));
        let summary = read.permit(Action::View).unwrap();
        assert_eq!((summary.room.kind, summary.unread), (kind, 0));
        assert_eq!(summary.members, users([1, 2]));
        assert_eq!(summary.last_message.as_ref(), Some(&said));

        for within in [None, Some(room)] {
            let read = world.store.message(None, within, gone.id).await.unwrap().unwrap();
            assert!(read.permit(Action::ReadHistory).unwrap().is_deleted());
        }
        for (deleted, wanted) in [(false, vec![1]), (true, vec![2, 1])] {
            let (anchor, slice) = (Anchor::Newest, Slice::first(10));
            let query = HistoryQuery { room, by: None, anchor, slice, deleted };
            let read = world.store.history(query).await.unwrap().unwrap();
            assert_eq!(seqs(&read.permit(Action::ReadHistory).unwrap().items), wanted);
        }
    }
    assert!(world.store.room(None, no_room()).await.unwrap().is_none());
    assert!(world.store.message(None, None, no_message()).await.unwrap().is_none());
}

/// "The rooms of every kind, active or not, by their ids; at most `limit` of those after a room."
pub async fn all_rooms_are_listed_in_pages(store: Arc<dyn Store>) {
    let world = World::new(store);
    let ids = async |after: Option<RoomId>, limit| {
        let rooms = world.store.all_rooms(after, limit).await.unwrap();
        rooms.iter().map(|summary| summary.room.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 10).await, []);
    let rooms = [
        world.group([1, 2]).await,
        world.direct(1, 2).await,
        world.public([1]).await,
        world.group([3]).await,
    ];
    world.set_active(rooms[0], 1, false).await;
    world.remove(rooms[3], 3).await;
    let said = world.say(rooms[1], 1, "hello").await;
    assert_eq!(ids(None, 10).await, rooms);
    assert_eq!(ids(None, 2).await, rooms[..2]);
    assert_eq!(ids(Some(rooms[1]), 2).await, rooms[2..]);
    assert_eq!(ids(Some(rooms[3]), 2).await, []);
    assert_eq!(ids(None, 0).await, []);
    let listed = world.store.all_rooms(Some(rooms[0]), 1).await.unwrap().remove(0);
    assert_eq!(listed.members, users([1, 2]));
    assert_eq!((listed.last_message, listed.unread), (Some(said), 0));
}

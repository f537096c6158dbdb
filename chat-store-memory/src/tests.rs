//! What is particular to this store: what its calls touch, and what many threads do to it.
//! The contract itself is tested by `chat-conformance`.

mod catching_up;
mod contract;
mod costs;
mod gone_rooms;
mod presence;
mod races;
mod searching;

use std::sync::Arc;

use chat_core::model::{
    Kinds, Message, MessageId, MessageKind, RoomId, RoomKind, Timestamp, UserId,
};
use chat_core::rules::{Caller, Content};
use chat_core::store::{
    DeleteMessage, Mark, Marked, MessageStore, NewMessage, NewRoom, Once, ReceiptKind,
    ReceiptStore, RoomStore, Targets,
};

use crate::MemoryStore;
use crate::shards::lock;

const AT: Timestamp = Timestamp::EPOCH;

/// How many members a room may have.
const LIMIT: usize = 100;

fn caller(user: u64) -> Caller {
    Caller { user: UserId::from(user), kinds: Kinds::ALL }
}

fn text(room: RoomId, by: u64, at: Timestamp) -> NewMessage {
    NewMessage {
        room,
        by: caller(by).into(),
        kind: MessageKind::Text,
        content: Content::parse("some words", 100).unwrap(),
        attachment: None,
        reply_to: None,
        once: None,
        at,
    }
}

fn once(key: u8, content: u8) -> Once {
    Once { key: [key; 16], content: [content; 16] }
}

/// A public room of these users, made by the first.
async fn room_of(store: &MemoryStore, users: &[u64]) -> RoomId {
    let new = NewRoom {
        kind: RoomKind::Public,
        name: None,
        creator: users.first().copied().map(UserId::from),
        members: users.iter().copied().map(UserId::from).collect(),
        member_limit: LIMIT,
        metadata: no_metadata(),
        at: AT,
    };
    store.create_room(new).await.unwrap()
}

fn no_metadata<T: Default>() -> T {
    T::default()
}

/// Sends messages, one a second.
async fn fill(store: &MemoryStore, room: RoomId, by: u64, count: i64) -> Vec<Arc<Message>> {
    let mut sent = Vec::new();
    for second in 1..=count {
        let new = text(room, by, Timestamp::from_seconds(second));
        sent.push(store.send(new).await.unwrap().message);
    }
    sent
}

async fn delete(store: &MemoryStore, room: RoomId, by: u64, message: MessageId) {
    let delete = DeleteMessage { room, message, by: Some(caller(by)), at: AT };
    store.delete(delete).await.unwrap();
}

async fn mark(
    store: &MemoryStore,
    room: RoomId,
    by: u64,
    kind: ReceiptKind,
    targets: Targets,
) -> Marked {
    store.mark(Mark { room, by: caller(by), kind, targets, at: AT }).await.unwrap()
}

/// How often messages of a room were touched so far.
fn touched(store: &MemoryStore, room: RoomId) -> u64 {
    lock(&store.state.room(room).unwrap()).messages.touched()
}

#[tokio::test]
async fn what_was_said_does_not_show_in_debug_output() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1]).await;
    fill(&store, room, 1, 3).await;
    assert_eq!(format!("{store:?}"), "MemoryStore { rooms: 1, messages: 3, .. }");
}

#[tokio::test]
async fn clones_share_what_they_hold() {
    let store = MemoryStore::new();
    let room = room_of(&store.clone(), &[1]).await;
    assert!(store.access(&caller(1), room).await.unwrap().is_some());
}

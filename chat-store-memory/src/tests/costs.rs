//! What calls cost, counted in messages touched.

use chat_core::model::Slice;
use chat_core::rules::Action;
use chat_core::store::{Anchor, HistoryQuery, RoomOrder, RoomQuery, StatsQuery};

use super::*;

/// Twice the steps of a binary search in 50,000 messages, which is far from any walk.
const FEW: u64 = 34;

async fn page(store: &MemoryStore, room: RoomId, anchor: Anchor, slice: Slice) -> (u64, Vec<u64>) {
    let before = touched(store, room);
    let query = HistoryQuery { room, by: Some(caller(1)), anchor, slice, deleted: false };
    let page = store.history(query).await.unwrap().unwrap().permit(Action::ReadHistory).unwrap();
    let seqs = page.items.iter().map(|message| message.seq).collect();
    (touched(store, room) - before, seqs)
}

#[tokio::test]
async fn page_1000_touches_as_many_messages_as_page_1() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let sent = fill(&store, room, 1, 50_000).await;

    let first = page(&store, room, Anchor::Newest, Slice::page(1, 50)).await;
    let last = page(&store, room, Anchor::Newest, Slice::page(1_000, 50)).await;
    assert_eq!(first, (50, (49_951..=50_000).rev().collect()));
    assert_eq!(last, (50, (1..=50).rev().collect()));

    let before = Anchor::BeforeMessage(sent[25_000].id);
    let (cost, seqs) = page(&store, room, before, Slice::page(100, 50)).await;
    assert_eq!(seqs, (20_001..=20_050).rev().collect::<Vec<_>>());
    assert!(cost <= 50 + FEW, "{cost}");
}

#[tokio::test]
async fn deleted_messages_are_passed_over_without_being_touched() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let sent = fill(&store, room, 1, 10_000).await;
    for message in &sent[10..9_990] {
        delete(&store, room, 1, message.id).await;
    }
    let up = page(&store, room, Anchor::AfterSeq(8), Slice::first(4)).await;
    assert_eq!(up, (4, vec![9, 10, 9_991, 9_992]));
    let skipping = page(&store, room, Anchor::AfterSeq(0), Slice { skip: 9, take: 3 }).await;
    assert_eq!(skipping, (3, vec![10, 9_991, 9_992]));
    let end = page(&store, room, Anchor::AfterSeq(9_998), Slice { skip: 1, take: 9 }).await;
    assert_eq!(end, (1, vec![10_000]));
    let past = page(&store, room, Anchor::AfterSeq(u64::MAX), Slice::first(9)).await;
    assert_eq!(past, (0, vec![]));
    let down = page(&store, room, Anchor::BeforeSeq(9_993), Slice::first(4)).await;
    assert_eq!(down, (4, vec![9_992, 9_991, 10, 9]));
}

#[tokio::test]
async fn no_other_call_walks_the_messages() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3]).await;
    let sent = fill(&store, room, 1, 50_000).await;
    let (me, middle) = (caller(2), sent[25_000].id);

    let before = touched(&store, room);
    let query = RoomQuery { by: me.clone(), order: RoomOrder::Activity, slice: Slice::first(9) };
    assert_eq!(store.rooms(query).await.unwrap().items[0].unread, 50_000);
    assert!(touched(&store, room) - before <= 1);

    let before = touched(&store, room);
    let since = Timestamp::from_seconds(49_991);
    let query = StatsQuery { by: me.clone(), room: None, since, today: since };
    assert_eq!(store.stats(query).await.unwrap().recent_messages, 10);
    assert!(touched(&store, room) - before <= FEW);

    // Of three members the first who reads moves no status, so there is nothing to touch.
    let before = touched(&store, room);
    let read = mark(&store, room, 2, ReceiptKind::Read, Targets::All).await;
    assert_eq!((read.newly, read.version), (50_000, None));
    assert_eq!(touched(&store, room) - before, 0);

    let before = touched(&store, room);
    let read = mark(&store, room, 3, ReceiptKind::Read, Targets::Message(middle)).await;
    assert_eq!((read.newly, read.moved.len()), (1, 1));
    assert!(touched(&store, room) - before <= 3);

    let before = touched(&store, room);
    store.message(Some(&me), Some(room), middle).await.unwrap().unwrap();
    assert_eq!(touched(&store, room) - before, 1);
}

#[tokio::test]
async fn what_changed_costs_what_it_is_however_often_it_changed() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let sent = fill(&store, room, 1, 100).await;
    for key in 0..5_000 {
        let react = chat_core::store::React {
            room,
            message: sent[7].id,
            by: caller(2),
            emoji: chat_core::rules::Emoji::parse("x").unwrap(),
            add: key % 2 == 0,
        };
        assert!(store.react(react).await.unwrap().1);
    }
    let before = touched(&store, room);
    let after = chat_core::model::Cursor::version(101);
    let changes = store.changes(room, after, 50).await.unwrap();
    assert_eq!((changes.items.len(), changes.more), (1, None));
    assert_eq!(touched(&store, room) - before, 1);
}

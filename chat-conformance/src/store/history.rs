//! Reading a room's messages page by page.

use std::sync::Arc;

use chat_core::model::{Kinds, MessageId, RoomId, Seq, Slice};
use chat_core::rules::{Action, Denial};
use chat_core::store::{Anchor, HistoryQuery, Store};

use super::world::{World, caller, caller_of, no_message, no_room, seqs};

const ALL: Slice = Slice { skip: 0, take: 1_000 };

/// Pages are "newest first, except from `Anchor::AfterSeq`, which goes up".
pub async fn history_is_newest_first_and_upward_after_a_position(store: Arc<dyn Store>) {
    let (world, room, ids) = ten_messages(store).await;
    let page = async |anchor| {
        let page = world.history(room, 2, anchor, ALL, true).await;
        assert_eq!(page.count, page.items.len() as u64);
        seqs(&page.items)
    };
    let down = |from: Seq| (1..=from).rev().collect::<Vec<_>>();
    assert_eq!(page(Anchor::Newest).await, down(10));
    assert_eq!(page(Anchor::BeforeSeq(7)).await, down(6));
    assert_eq!(page(Anchor::BeforeMessage(ids[6])).await, down(6));
    assert_eq!(page(Anchor::AfterSeq(7)).await, [8, 9, 10]);
    assert_eq!(page(Anchor::AfterSeq(0)).await, (1..=10).collect::<Vec<_>>());
}

/// Anchors at and past both ends leave nothing or everything.
pub async fn anchors_past_the_ends_are_only_past_the_ends(store: Arc<dyn Store>) {
    let (world, room, ids) = ten_messages(store).await;
    let length = async |anchor| world.history(room, 2, anchor, ALL, true).await.count;
    assert_eq!(length(Anchor::BeforeSeq(0)).await, 0);
    assert_eq!(length(Anchor::BeforeSeq(1)).await, 0);
    assert_eq!(length(Anchor::BeforeMessage(ids[0])).await, 0);
    assert_eq!(length(Anchor::BeforeSeq(11)).await, 10);
    assert_eq!(length(Anchor::BeforeSeq(u64::MAX)).await, 10);
    assert_eq!(length(Anchor::BeforeMessage(no_message())).await, 10);
    assert_eq!(length(Anchor::AfterSeq(10)).await, 0);
    assert_eq!(length(Anchor::AfterSeq(u64::MAX)).await, 0);
}

/// "At the newest one with a smaller id", whatever message the id is of.
pub async fn an_anchor_may_be_a_message_of_another_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (room, other) = (world.group([1, 2]).await, world.group([1, 2]).await);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(world.say(room, 1, "here").await);
        all.push(world.say(other, 1, "elsewhere").await);
    }
    for anchor in &all {
        let page = world.history(room, 2, Anchor::BeforeMessage(anchor.id), ALL, true).await;
        let mut below: Vec<_> =
            all.iter().filter(|message| message.room == room && message.id < anchor.id).collect();
        below.reverse();
        assert_eq!(page.items.iter().collect::<Vec<_>>(), below);
        assert_eq!(page.count, below.len() as u64);
    }
}

/// "`count` is of all messages on the anchor's side", whatever part of them is asked for.
pub async fn a_page_of_history_counts_the_anchors_side(store: Arc<dyn Store>) {
    let (world, room, ids) = ten_messages(store).await;
    let slices = [(0, 1), (0, 3), (2, 3), (5, 100), (9, 2), (10, 5), (u64::MAX, 5), (1, 0)];
    let sides = [
        (Anchor::Newest, (1..=10).rev().collect::<Vec<Seq>>()),
        (Anchor::BeforeSeq(6), (1..=5).rev().collect()),
        (Anchor::BeforeMessage(ids[8]), (1..=8).rev().collect()),
        (Anchor::AfterSeq(4), (5..=10).collect()),
    ];
    for (anchor, side) in &sides {
        for (skip, take) in slices {
            let page = world.history(room, 2, *anchor, Slice { skip, take }, true).await;
            let wanted: Vec<_> =
                side.iter().copied().skip(usize::try_from(skip).unwrap()).take(take).collect();
            assert_eq!(seqs(&page.items), wanted, "{anchor:?} {skip} {take}");
            assert_eq!(page.count, side.len() as u64, "{anchor:?} {skip} {take}");
        }
    }
}

/// Deleted messages are left out of pages and counts, or are "read and counted too".
pub async fn deleted_messages_are_read_and_counted_only_where_asked_for(store: Arc<dyn Store>) {
    let (world, room, ids) = ten_messages(store).await;
    for seq in [1, 4, 5, 9, 10] {
        world.delete(room, 1, ids[seq - 1]).await.unwrap();
    }
    let sides = [
        (Anchor::Newest, vec![8, 7, 6, 3, 2]),
        (Anchor::BeforeSeq(6), vec![3, 2]),
        (Anchor::BeforeMessage(ids[6]), vec![6, 3, 2]),
        (Anchor::AfterSeq(3), vec![6, 7, 8]),
    ];
    for (anchor, side) in sides {
        for (skip, take) in [(0, 100), (1, 1), (2, 2), (1, 100)] {
            let page = world.history(room, 2, anchor, Slice { skip, take }, false).await;
            let left: Vec<_> =
                side.iter().copied().skip(usize::try_from(skip).unwrap()).take(take).collect();
            assert_eq!((seqs(&page.items), page.count), (left, side.len() as u64), "{anchor:?}");
        }
    }
    let all = world.history(room, 2, Anchor::Newest, ALL, true).await;
    assert_eq!(all.count, 10);
    assert_eq!(all.items.iter().filter(|message| message.is_deleted()).count(), 5);
}

/// A page shows the messages as they are now.
pub async fn history_shows_messages_as_they_are_now(store: Arc<dyn Store>) {
    let (world, room, ids) = ten_messages(store).await;
    world.edit(room, 1, ids[0], "edited").await.unwrap();
    world.react(room, 2, ids[1], "👍").await.unwrap();
    world.delete(room, 1, ids[2]).await.unwrap();
    world.read_all(room, 2).await;
    let page = world.history(room, 1, Anchor::AfterSeq(0), ALL, true).await;
    let now: Vec<_> = page.items.into_iter().map(Arc::unwrap_or_clone).collect();
    assert_eq!(now, world.everything(room).await.messages);
    assert_eq!(now[0].content, "edited");
}

/// History comes behind its check; "`None` where there is no such room".
pub async fn history_comes_behind_its_check(store: Arc<dyn Store>) {
    let (world, room, _) = ten_messages(store).await;
    let query = |room, by| HistoryQuery {
        room,
        by: Some(by),
        anchor: Anchor::Newest,
        slice: ALL,
        deleted: true,
    };
    assert!(world.store.history(query(no_room(), caller(1))).await.unwrap().is_none());
    let hidden = caller_of(1, Kinds::DIRECT);
    for (by, denial) in [(caller(9), Denial::NotMember), (hidden, Denial::Hidden)] {
        let access = world.store.access(&by, room).await.unwrap().unwrap();
        let page = world.store.history(query(room, by)).await.unwrap().unwrap();
        assert_eq!(*page.access(), access);
        assert_eq!(page.permit(Action::ReadHistory).err(), Some(denial));
    }
}

/// A room with ten messages of user 1, and their ids by `seq`.
async fn ten_messages(store: Arc<dyn Store>) -> (World, RoomId, Vec<MessageId>) {
    let world = World::new(store);
    let other = world.group([1, 2]).await;
    let room = world.group([1, 2]).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(world.say(room, 1, "text").await.id);
        world.say(other, 1, "elsewhere").await;
    }
    (world, room, ids)
}

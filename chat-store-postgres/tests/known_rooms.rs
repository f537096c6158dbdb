//! Rooms that a lane knows, while others write to them.

mod common;

use std::collections::HashMap;

use chat_core::model::{RoomId, Slice, UserId};
use chat_core::rules::{Action, Denial};
use chat_core::store::{
    Anchor, HistoryQuery, ManageRoom, MessageStore, NewMessage, Once, RoomStore, StoreError,
};
use chat_store_postgres::PgStore;
use common::{AT, Schema, caller, group, text};
use futures::future::join_all;

fn keyed(room: RoomId, by: &str, words: &str, key: u8) -> NewMessage {
    let once = Some(Once { key: [key; 16], content: [key; 16] });
    NewMessage { once, ..text(room, by, words) }
}

/// Two nodes on one schema, and a room of Ada and Bob that both have written to a few times.
async fn two_nodes() -> ([PgStore; 2], RoomId, Schema) {
    let (first, schema) = common::store().await;
    let second = PgStore::connect_in(&chat_test_postgres::url(), &schema.0).await.unwrap();
    let room = group(&first).await;
    for node in [&first, &second] {
        for by in ["ada", "bob", "ada", "bob"] {
            node.send(text(room, by, "known")).await.unwrap();
        }
    }
    ([first, second], room, schema)
}

/// What is in the room. Positions have no gaps and ids ascend, or this fails.
async fn texts(store: &PgStore, room: RoomId) -> Vec<String> {
    let all = HistoryQuery {
        room,
        by: Some(caller("ada")),
        anchor: Anchor::AfterSeq(0),
        slice: Slice::first(100_000),
        deleted: true,
    };
    let page = store.history(all).await.unwrap().unwrap().permit(Action::ReadHistory).unwrap();
    assert!(page.items.is_sorted_by_key(|message| message.id));
    for (place, message) in page.items.iter().enumerate() {
        assert_eq!(message.seq, place as u64 + 1);
    }
    page.items.iter().map(|message| message.content.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_write_to_one_room_in_turn_and_at_once_lose_nothing() {
    let (nodes, room, _schema) = two_nodes().await;
    let tasks = (0..16).map(|task| {
        let node = nodes[task % 2].clone();
        tokio::spawn(async move {
            for number in 0..50 {
                let by = if task % 4 < 2 { "ada" } else { "bob" };
                let sent = node.send(text(room, by, &format!("{task}-{number}"))).await.unwrap();
                assert!(!sent.repeated);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for text in texts(&nodes[0], room).await {
        *counts.entry(text).or_default() += 1;
    }
    assert_eq!(counts.remove("known"), Some(8));
    assert_eq!(counts.len(), 16 * 50);
    assert!(counts.values().all(|count| *count == 1));
}

#[tokio::test]
async fn who_was_removed_through_another_node_sends_no_more() {
    let ([first, second], room, _schema) = two_nodes().await;
    first.send(text(room, "bob", "the last one")).await.unwrap();
    second.remove_member(room, &UserId::new("bob").unwrap(), AT).await.unwrap();
    let refused = first.send(text(room, "bob", "one more")).await;
    assert!(matches!(refused, Err(StoreError::Denied(Denial::NotMember))), "{refused:?}");
    first.send(text(room, "ada", "alone")).await.unwrap();
    assert_eq!(texts(&first, room).await[8..], ["the last one", "alone"]);
}

#[tokio::test]
async fn a_room_that_another_node_closed_takes_nothing_and_one_that_it_opened_does() {
    let ([first, second], room, _schema) = two_nodes().await;
    let set = async |active| {
        let (by, add) = (Some(caller("ada")), Vec::new());
        let change = ManageRoom { active: Some(active), add, ..ManageRoom::nothing(room, by, AT) };
        second.manage_room(change).await.unwrap();
    };
    first.send(text(room, "bob", "known")).await.unwrap();
    set(false).await;
    for _ in 0..3 {
        let refused = first.send(text(room, "bob", "closed")).await;
        assert!(matches!(refused, Err(StoreError::Denied(Denial::Inactive))), "{refused:?}");
    }
    set(true).await;
    first.send(text(room, "bob", "open")).await.unwrap();
}

#[tokio::test]
async fn a_key_is_found_whichever_node_it_was_used_on_and_however_known_the_room_is() {
    let ([first, second], room, _schema) = two_nodes().await;
    let sent = first.send(keyed(room, "ada", "once", 1)).await.unwrap();
    for node in [&first, &first, &second, &second, &first] {
        let again = node.send(keyed(room, "ada", "once", 1)).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.message.id, sent.message.id);
        // The same key is another's own, and other content under it is refused.
        let other = NewMessage {
            once: Some(Once { key: [1; 16], content: [2; 16] }),
            ..text(room, "ada", "other")
        };
        assert!(matches!(node.send(other).await, Err(StoreError::KeyReused)));
        node.send(text(room, "bob", "between")).await.unwrap();
    }
    // Of many at once one is stored, and what comes with them is as well.
    let at_once = (0..40).map(|number| {
        first.send(if number % 2 == 0 {
            keyed(room, "bob", "once", 1)
        } else {
            text(room, "ada", "beside")
        })
    });
    let ids: Vec<_> =
        join_all(at_once).await.into_iter().map(|sent| sent.unwrap().message.id).collect();
    assert!(ids.iter().step_by(2).all(|id| *id == ids[0]));
    let texts = texts(&second, room).await;
    assert_eq!(texts.iter().filter(|text| *text == "once").count(), 2);
    assert_eq!(texts.iter().filter(|text| *text == "beside").count(), 20);
}

#[tokio::test]
async fn a_repetition_on_the_same_node_fails_no_statement() {
    let ([first, _], room, _schema) = two_nodes().await;
    let once = first.send(keyed(room, "ada", "once", 1)).await.unwrap();
    for _ in 0..3 {
        let again = first.send(keyed(room, "ada", "once", 1)).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.message.id, once.message.id);
    }
    // An insert that fails would have used up an id.
    let next = first.send(keyed(room, "ada", "next", 2)).await.unwrap();
    assert_eq!(next.message.id.get(), once.message.id.get() + 1);
}

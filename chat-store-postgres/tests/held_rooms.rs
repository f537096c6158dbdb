//! Rooms that transactions of the host's hold: who waits for one stops no other.

mod common;

use std::time::Duration;

use chat_core::Error;
use common::shop::Shop;

#[tokio::test]
async fn a_room_that_is_held_holds_no_other() {
    let shop = Shop::open().await;
    let rooms = shop.rooms().await;
    // More of a lane's than it waits for at once.
    let (held, others) = rooms.split_at(18);
    let mut transaction = shop.pool.begin().await.unwrap();
    for room in held {
        assert_eq!(shop.send_in(&mut transaction, *room).await, 3);
    }
    let mut waiting = Vec::new();
    for round in 3..6 {
        waiting.extend(held.iter().map(|room| shop.sending(*room)));
        for other in others.iter().map(|room| shop.sending(*room)).collect::<Vec<_>>() {
            assert_eq!(other.await.unwrap(), round);
        }
    }
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    transaction.commit().await.unwrap();
    let mut seqs = Vec::new();
    for waiting in waiting {
        seqs.push(waiting.await.unwrap());
    }
    seqs.sort_unstable();
    let all = (4..=6).flat_map(|seq| [seq; 18]).collect::<Vec<_>>();
    assert_eq!(seqs, all);
    for room in held {
        assert_eq!(shop.sending(*room).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_transaction_may_send_to_rooms_in_any_order() {
    let shop = Shop::open().await;
    let rooms = shop.rooms().await;
    let mut transaction = shop.pool.begin().await.unwrap();
    let mut from_the_last = rooms.iter().rev();
    assert_eq!(shop.send_in(&mut transaction, *from_the_last.next().unwrap()).await, 3);
    let meanwhile: Vec<_> = rooms.iter().map(|room| shop.sending(*room)).collect();
    for room in from_the_last {
        shop.send_in(&mut transaction, *room).await;
    }
    transaction.commit().await.unwrap();
    for sent in meanwhile {
        sent.await.unwrap();
    }
}

#[tokio::test]
async fn who_waits_too_long_for_a_room_is_refused_and_nothing_is_sent_later() {
    let shop = Shop::open().await;
    let mut transaction = shop.pool.begin().await.unwrap();
    shop.send_in(&mut transaction, shop.room).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (actor, room) = (shop.actor.clone(), shop.room);
        waiting.push(tokio::spawn(async move { actor.send(room, "meanwhile").await }));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for refused in waiting {
        let refused = refused.await.unwrap();
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    transaction.commit().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.actor.send(shop.room, "again").await.unwrap().message.seq, 2);
    assert_eq!(shop.counts().await, (0, 2));
}

#[tokio::test]
async fn a_room_that_many_wait_for_holds_no_connection_that_others_need() {
    let shop = Shop::open().await;
    let message = shop.actor.send(shop.room, "to be changed").await.unwrap().message.id;
    let mut transaction = shop.pool.begin().await.unwrap();
    shop.send_in(&mut transaction, shop.room).await;
    let edits: Vec<_> = (0..30)
        .map(|_| {
            let (actor, room) = (shop.actor.clone(), shop.room);
            tokio::spawn(async move { actor.edit(room, message, "changed").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(shop.counts().await, (0, 1), "others read meanwhile");
    assert!(edits.iter().all(|edit| !edit.is_finished()));
    transaction.commit().await.unwrap();
    for edit in edits {
        edit.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_waits_for_a_room_that_is_held_again_and_again_has_their_turn() {
    let shop = std::sync::Arc::new(Shop::open().await);
    let hosts: Vec<_> = (0..3)
        .map(|_| {
            let shop = std::sync::Arc::clone(&shop);
            tokio::spawn(async move {
                for _ in 0..8 {
                    let mut transaction = shop.pool.begin().await.unwrap();
                    shop.send_in(&mut transaction, shop.room).await;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    transaction.commit().await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..5 {
        shop.sending(shop.room).await.unwrap();
    }
    for host in hosts {
        host.await.unwrap();
    }
    assert_eq!(shop.sending(shop.room).await.unwrap(), 3 * 8 + 5 + 1);
}

#[tokio::test]
async fn writes_that_wait_for_many_rooms_leave_connections_for_reads() {
    let shop = Shop::open().await;
    let mut held = shop.rooms().await;
    held.truncate(10);
    let mut messages = Vec::new();
    for room in &held {
        messages.push(shop.actor.send(*room, "to be liked").await.unwrap().message.id);
    }
    let mut transaction = shop.pool.begin().await.unwrap();
    for room in &held {
        shop.send_in(&mut transaction, *room).await;
    }
    let reactions: Vec<_> = held
        .iter()
        .zip(messages)
        .map(|(room, message)| {
            let (actor, room) = (shop.actor.clone(), *room);
            tokio::spawn(async move { actor.react(room, message, "👍").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shop.counts().await, (0, 0), "others read meanwhile");
    assert!(reactions.iter().all(|reaction| !reaction.is_finished()), "they still wait");
    transaction.commit().await.unwrap();
    for reaction in reactions {
        reaction.await.unwrap().unwrap();
    }
}

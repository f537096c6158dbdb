//! Statuses: how far a message has come, as receipts move it.

use std::sync::Arc;

use chat_core::model::Status;
use chat_core::store::{Mark, Marked, NewMessage, ReceiptKind, Store, Targets};
use futures::future::join_all;

use super::receipts::receipt;
use super::world::{World, at, caller, seqs, user};

/// "A message that every present member now has received gets `delivered_at`": not before the
/// last of them, and with the time and name of that one.
pub async fn a_message_is_delivered_when_the_last_member_received_it(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    let first = world.receive(room, 2, &message).await;
    assert_eq!((first.newly, first.version, first.moved.len()), (1, None, 0));
    assert_eq!(
        (world.version(room).await, message.clone()),
        (2, world.message(1, message.id).await)
    );

    let mark = receipt(ReceiptKind::Delivered, &message, 3, 900);
    let last = world.store.mark(mark).await.unwrap();
    assert_eq!((last.newly, last.version, seqs(&last.moved)), (1, Some(3), vec![1]));
    let now = world.message(1, message.id).await;
    assert_eq!(last.moved, std::slice::from_ref(&now));
    assert_eq!((now.delivered_at, now.read_at), (Some(at(900)), None));
    assert_eq!((now.status(), &now.status_by), (Status::Delivered, &Some(user(3))));
    assert_eq!((now.versions.status, world.version(room).await), (3, 3));
    assert_eq!((now.versions.delivered, &now.delivered_by), (3, &Some(user(3))));
    assert_eq!(now.with_status_at(3), *now);
    assert_eq!(now.with_status_at(2), *message);
}

/// "One that every present member has read gets `read_at`", and keeps its `delivered_at`.
pub async fn a_message_is_read_when_the_last_member_read_it(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    let read = async |by, second| {
        world.store.mark(receipt(ReceiptKind::Read, &message, by, second)).await.unwrap()
    };
    world.store.mark(receipt(ReceiptKind::Delivered, &message, 2, 100)).await.unwrap();
    world.store.mark(receipt(ReceiptKind::Delivered, &message, 3, 200)).await.unwrap();
    assert_eq!(read(2, 300).await.version, None);
    assert_eq!(read(3, 400).await.version, Some(4));
    let now = world.message(1, message.id).await;
    assert_eq!((now.delivered_at, now.read_at), (Some(at(200)), Some(at(400))));
    assert_eq!((&now.status_by, now.versions.status), (&Some(user(3)), 4));
}

/// Who learns late that a message was read learns that it was delivered first.
pub async fn both_steps_of_a_status_can_be_told_afterwards(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    let mark = async |kind, by, second| {
        world.store.mark(receipt(kind, &message, by, second)).await.unwrap().moved.pop()
    };
    assert_eq!(mark(ReceiptKind::Delivered, 3, 100).await, None);
    let delivered = mark(ReceiptKind::Delivered, 2, 200).await.unwrap();
    assert_eq!(mark(ReceiptKind::Read, 2, 300).await, None);
    let read = mark(ReceiptKind::Read, 3, 400).await.unwrap();
    assert_eq!(read.with_status_at(read.versions.status), *read);
    assert_eq!(read.with_status_at(delivered.versions.status), *delivered);
    assert_eq!(read.with_status_at(message.versions.sent), *message);
    assert_eq!((&delivered.status_by, &read.status_by), (&Some(user(2)), &Some(user(3))));
    assert_eq!(world.message(1, message.id).await, read);

    let at_once = world.say(room, 1, "text").await;
    world.store.mark(receipt(ReceiptKind::Read, &at_once, 2, 500)).await.unwrap();
    world.store.mark(receipt(ReceiptKind::Read, &at_once, 3, 600)).await.unwrap();
    let now = world.message(1, at_once.id).await;
    assert_eq!((now.versions.delivered, &now.delivered_by), (0, &None));
    assert_eq!(now.with_status_at(at_once.versions.sent), *at_once);
}

/// However close together they are, each receipt hands back what it has moved as it was then.
pub async fn receipts_at_once_each_hand_back_their_own_step(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    for _ in 0..20 {
        let message = world.say(room, 1, "text").await;
        let mark = |kind| world.store.mark(receipt(kind, &message, 2, 100));
        // The second waits in whatever queue the first waits in.
        let (delivered, read) =
            futures::join!(mark(ReceiptKind::Delivered), mark(ReceiptKind::Read));
        let (delivered, read) = (delivered.unwrap(), read.unwrap());
        let last = read.moved.first().expect("it is read");
        assert_eq!((last.status(), Some(last.versions.status)), (Status::Read, read.version));
        if let Some(first) = delivered.moved.first() {
            assert_eq!(first.status(), Status::Delivered);
            assert_eq!(Some(first.versions.status), delivered.version);
            assert_eq!(last.with_status_at(first.versions.status), **first);
        }
    }
}

/// Reading is receiving too: a message read by all without receipts of delivery gets both times.
pub async fn reading_implies_receiving(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    world.store.mark(receipt(ReceiptKind::Read, &message, 2, 100)).await.unwrap();
    let marked = world.store.mark(receipt(ReceiptKind::Delivered, &message, 3, 200)).await.unwrap();
    assert_eq!(marked.moved[0].status(), Status::Delivered);

    let both = world.say(room, 1, "text").await;
    world.store.mark(receipt(ReceiptKind::Read, &both, 3, 300)).await.unwrap();
    let marked = world.store.mark(receipt(ReceiptKind::Read, &both, 2, 400)).await.unwrap();
    let now = &marked.moved[0];
    assert_eq!((now.delivered_at, now.read_at), (Some(at(400)), Some(at(400))));
    assert_eq!(now.status_by, Some(user(2)));
}

/// "`read_at` is never before `delivered_at`: where a clock that is behind says so, it is the same."
pub async fn a_message_is_not_read_before_it_is_delivered(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let message = world.say(room, 1, "text").await;
    world.store.mark(receipt(ReceiptKind::Delivered, &message, 2, 500)).await.unwrap();
    let marked = world.store.mark(receipt(ReceiptKind::Read, &message, 2, 400)).await.unwrap();
    let now = &marked.moved[0];
    assert_eq!((now.delivered_at, now.read_at), (Some(at(500)), Some(at(500))));
    assert_eq!(*world.message(1, message.id).await, **now);
}

/// The time is that "of the receipt (or `created_at`, if later)".
pub async fn a_status_is_never_older_than_its_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let early = world.text(room, 1, "early");
    let early = world.send(NewMessage { at: at(50), ..early }).await;
    let late = world.text(room, 1, "late");
    let late = world.send(NewMessage { at: at(100), ..late }).await;
    let mark =
        Mark { room, by: caller(2), kind: ReceiptKind::Read, targets: Targets::All, at: at(70) };
    world.store.mark(mark).await.unwrap();
    assert_eq!(world.message(1, early.id).await.read_at, Some(at(70)));
    let now = world.message(1, late.id).await;
    assert_eq!((now.delivered_at, now.read_at), (Some(at(100)), Some(at(100))));
}

/// "All that moved take one version together", and come back by `seq`.
pub async fn all_that_moved_take_one_version_together(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    for by in [1, 2, 1, 1] {
        world.say(room, by, "text").await;
    }
    let marked = world.read_all(room, 2).await;
    assert_eq!((marked.newly, marked.version), (3, Some(6)));
    assert_eq!(seqs(&marked.moved), [1, 3, 4]);
    for moved in &marked.moved {
        assert_eq!(moved.versions.status, 6);
        assert_eq!(world.message(1, moved.id).await, *moved);
    }
    assert_eq!(world.version(room).await, 6);
}

/// Of 100 that moved all come back; where they are more, none, but all have moved.
pub async fn more_than_a_hundred_that_moved_are_not_handed_back(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    for extra in 0..2 {
        let before = world.version(room).await;
        let first = world.everything(room).await.room.last_seq + 1;
        let sent = Marked::MOST as u64 + extra;
        for _ in 0..sent {
            world.say(room, 1, "text").await;
        }
        let marked = world.read_all(room, 2).await;
        assert_eq!((marked.newly, marked.version), (sent, Some(before + sent + 1)));
        assert_eq!(marked.moved.len(), if extra == 0 { Marked::MOST } else { 0 });
        let now = world.everything(room).await;
        let moved = now.messages.iter().filter(|message| message.seq >= first);
        assert!(moved.clone().all(|message| Some(message.versions.status) == marked.version));
        assert_eq!(moved.count() as u64, sent);
    }
}

/// "Where more than `Marked::TOGETHER` move, a store may do it in several steps, in the order of the
/// messages": all move, and what is handed back is of all of them.
pub async fn very_many_that_moved_have_all_moved(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let all = 2 * Marked::TOGETHER as u64 + 50;
    for first in (1..=all).step_by(200) {
        let last = all.min(first + 199);
        join_all((first..=last).map(|_| world.say(room, 1, "text"))).await;
    }
    let before = world.version(room).await;
    let marked = world.read_all(room, 2).await;
    assert_eq!((marked.newly, marked.moved.len()), (all, 0));
    let now = world.everything(room).await;
    assert_eq!(marked.version, Some(now.room.version));
    assert_eq!(now.messages.len() as u64, all);
    let versions = now.messages.iter().map(|message| message.versions.status);
    assert!(versions.clone().is_sorted());
    assert!(versions.clone().all(|version| version > before));
    assert_eq!(versions.max(), marked.version);
    assert!(now.messages.iter().all(|message| message.status() == Status::Read));
    assert_eq!(world.unread(room, 2).await, 0);
    assert_eq!(world.read_all(room, 2).await.version, None);
}

/// Statuses move "never deleted ones", also where all are marked.
pub async fn a_deleted_message_moves_no_more(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let message = world.say(room, 1, "text").await;
    world.delete(room, 1, message.id).await.unwrap();
    let marked = world.read_all(room, 2).await;
    assert_eq!((marked.newly, marked.version, marked.moved.len()), (0, None, 0));
    assert_eq!(world.message(1, message.id).await.status(), Status::Sent);
    assert_eq!(world.version(room).await, 3);
}

/// Who joined later is not waited for: to them the message is read from the start.
pub async fn who_joined_later_is_not_waited_for(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.add(room, 1, [3]).await;
    let marked = world.read(room, 2, &message).await;
    assert_eq!(marked.moved[0].status(), Status::Read);
    assert_eq!(marked.version, Some(4));
}

/// Only present members are waited for, neither who left nor a sender who left.
pub async fn who_left_is_not_waited_for(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    world.leave(room, 3).await;
    world.leave(room, 1).await;
    let marked = world.read(room, 2, &message).await;
    assert_eq!(seqs(&marked.moved), [1]);
    assert_eq!(world.message(2, message.id).await.status(), Status::Read);
}

/// "Only messages that the receipt was new for move": what only a leaving would have moved waits
/// for a new receipt.
pub async fn a_receipt_moves_only_what_it_was_new_for(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    world.read(room, 2, &message).await;
    world.leave(room, 3).await;
    let again = world.read(room, 2, &message).await;
    assert_eq!((again.newly, again.version), (0, None));
    let later = world.say(room, 1, "later").await;
    let all = world.read_all(room, 2).await;
    assert_eq!(seqs(&all.moved), [later.seq]);
    assert_eq!(world.message(1, message.id).await.status(), Status::Sent);
}

/// A receipt of reading also completes the delivery, where only who left had not received it.
pub async fn a_reading_moves_to_delivered_what_all_have_received(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3, 4]).await;
    let message = world.say(room, 1, "text").await;
    world.receive(room, 2, &message).await;
    world.receive(room, 3, &message).await;
    world.leave(room, 4).await;
    let marked = world.read(room, 2, &message).await;
    assert_eq!((marked.newly, marked.version), (1, Some(4)));
    let now = world.message(1, message.id).await;
    assert_eq!((now.status(), now.read_at), (Status::Delivered, None));
    assert_eq!(now.status_by, Some(user(2)));
}

/// "Never backward": nothing after `read` changes times or name.
pub async fn a_status_never_goes_back(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.read(room, 2, &message).await;
    let read = world.message(1, message.id).await;
    world.add(room, 1, [3]).await;
    world.leave(room, 3).await;
    world.receive_all(room, 2).await;
    world.add(room, 1, [3]).await;
    world.read_all(room, 3).await;
    world.receive(room, 3, &message).await;
    assert_eq!(world.message(1, message.id).await, read);
}

/// With nobody else in the room a message stays sent.
pub async fn with_nobody_else_a_message_stays_sent(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    world.remove(room, 2).await;
    let message = world.say(room, 1, "text").await;
    assert_eq!(world.read_all(room, 1).await.version, None);
    assert_eq!(world.message(1, message.id).await.status(), Status::Sent);
}

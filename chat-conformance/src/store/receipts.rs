//! Receipts: what was received and read.

use std::sync::Arc;

use chat_core::model::{Message, SeqSet, Status};
use chat_core::rules::Denial;
use chat_core::store::{Mark, ReceiptKind, Store, Targets};

use super::world::{Refusal, World, at, caller, no_message, no_room, refusal, seqs};

/// "Adds the targets to the member's `delivered`, and to their `read` for `ReceiptKind::Read`."
pub async fn a_receipt_adds_its_targets_to_the_members_sets(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(world.say(room, 1, "text").await);
    }
    world.receive(room, 2, &sent[1]).await;
    let member = world.member(room, 2).await;
    assert_eq!((member.delivered, member.read), (SeqSet::from(2..=2), SeqSet::new()));

    world.read(room, 2, &sent[3]).await;
    let member = world.member(room, 2).await;
    assert_eq!((member.delivered, member.read), (SeqSet::from_iter([2, 4]), SeqSet::from(4..=4)));

    world.receive_all(room, 2).await;
    let member = world.member(room, 2).await;
    assert_eq!((member.delivered, member.read), (SeqSet::up_to(5), SeqSet::from(4..=4)));

    world.read_all(room, 2).await;
    let member = world.member(room, 2).await;
    assert_eq!((member.delivered, member.read), (SeqSet::up_to(5), SeqSet::up_to(5)));
    let untouched = world.member(room, 3).await;
    assert!(untouched.read.is_empty() && untouched.delivered.is_empty());
}

/// A single target is "this one and no other": those before it stay unread.
pub async fn reading_one_message_reads_no_other(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let one = world.say(room, 1, "one").await;
    let two = world.say(room, 1, "two").await;
    let marked = world.read(room, 2, &two).await;
    assert_eq!((marked.newly, seqs(&marked.moved)), (1, vec![2]));
    assert_eq!(world.unread(room, 2).await, 1);
    assert_eq!(world.message(1, one.id).await.status(), Status::Sent);
}

/// All targets are "all that the room has now", deleted and system's too, and none that come.
pub async fn reading_all_reads_all_that_there_is_now(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.say(room, 1, "one").await;
    world.note(room, 1, "note").await;
    let three = world.say(room, 1, "three").await;
    world.delete(room, 1, three.id).await.unwrap();
    world.read_all(room, 2).await;
    world.say(room, 1, "four").await;
    assert_eq!(world.member(room, 2).await.read, SeqSet::up_to(3));
    assert_eq!(world.unread(room, 2).await, 1);
}

/// "Nothing is ever taken out": a receipt of delivery after reading changes nothing.
pub async fn nothing_is_ever_taken_out(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.read(room, 2, &message).await;
    let before = world.everything(room).await;
    for marked in [
        world.receive(room, 2, &message).await,
        world.receive_all(room, 2).await,
        world.read(room, 2, &message).await,
        world.read_all(room, 2).await,
    ] {
        assert_eq!((marked.newly, marked.version, marked.moved.len()), (0, None, 0));
    }
    assert_eq!(world.everything(room).await, before);
}

/// "One's own messages are in both from the start, so a receipt for one changes nothing and
/// succeeds."
pub async fn a_receipt_for_ones_own_message_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let alone = world.group([1]).await;
    let shared = world.group([1, 2]).await;
    for room in [alone, shared] {
        let own = world.say(room, 1, "text").await;
        let before = world.everything(room).await;
        for marked in [world.read(room, 1, &own).await, world.read_all(room, 1).await] {
            assert_eq!((marked.newly, marked.version, marked.moved.len()), (0, None, 0));
        }
        assert_eq!(world.everything(room).await, before);
    }
}

/// `newly` counts "messages of others, deleted and system's left out, the receipt is new for".
pub async fn newly_counts_what_the_receipt_is_new_for(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    world.say(room, 1, "one").await;
    world.say(room, 2, "own").await;
    world.note(room, 1, "note").await;
    let deleted = world.say(room, 1, "deleted").await;
    world.delete(room, 1, deleted.id).await.unwrap();
    let five = world.say(room, 3, "five").await;

    assert_eq!(world.receive(room, 2, &five).await.newly, 1);
    assert_eq!(world.receive_all(room, 2).await.newly, 1);
    assert_eq!(world.receive_all(room, 2).await.newly, 0);
    assert_eq!(world.read(room, 2, &five).await.newly, 1, "reading is new for what was received");
    assert_eq!(world.read_all(room, 2).await.newly, 1);
    assert_eq!(world.read_all(room, 2).await.newly, 0);
}

/// A single receipt for a note of the host's succeeds and is not counted.
pub async fn a_receipt_for_a_system_message_is_not_counted(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let note = world.note(room, 1, "note").await;
    assert_eq!(world.read(room, 2, &note).await.newly, 0);
    assert_eq!(world.member(room, 2).await.read, SeqSet::up_to(1));
}

/// "A single target that is not in the room is `NotFound`, a deleted one `Denial::Deleted`."
pub async fn a_target_must_be_in_the_room_and_not_deleted(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    let elsewhere = world.say(other, 1, "elsewhere").await;
    let deleted = world.say(room, 1, "deleted").await;
    let before = world.everything(other).await;
    world.delete(room, 1, deleted.id).await.unwrap();
    for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
        for (id, why) in [
            (elsewhere.id, Refusal::NotFound),
            (no_message(), Refusal::NotFound),
            (deleted.id, Refusal::Denied(Denial::Deleted)),
        ] {
            let marked = world.mark(room, 2, kind, Targets::Message(id));
            assert_eq!(world.refuses(room, marked).await, why);
        }
        let marked = world.mark(no_room(), 2, kind, Targets::All).await;
        assert_eq!(refusal(marked), Refusal::NotFound);
    }
    assert_eq!(world.everything(other).await, before);
}

/// "`Targets::UpTo` a position that the room has not reached is all that it has now."
pub async fn everything_up_to_a_position_is_marked_and_nothing_after_it(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let sent = [world.say(room, 1, "a").await, world.say(room, 1, "b").await];
    world.say(room, 1, "c").await;
    let up_to = |last| world.mark(room, 2, ReceiptKind::Read, Targets::UpTo(last));
    assert_eq!(up_to(0).await.unwrap().version, None);
    let marked = up_to(2).await.unwrap();
    let moved: Vec<_> = marked.moved.iter().map(|message| message.id).collect();
    assert_eq!((marked.newly, moved), (2, sent.map(|message| message.id).to_vec()));
    assert_eq!(world.member(room, 2).await.read, SeqSet::up_to(2));
    assert_eq!(up_to(2).await.unwrap().version, None);
    assert_eq!(up_to(u64::MAX).await.unwrap().newly, 1);
    let later = world.say(room, 1, "d").await;
    assert!(!world.member(room, 2).await.read.contains(later.seq));
}

/// An empty room can be marked.
pub async fn marking_an_empty_room_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let marked = world.read_all(room, 2).await;
    assert_eq!((marked.newly, marked.version), (0, None));
    assert_eq!(world.member(room, 2).await.read, SeqSet::new());
}

pub(super) fn receipt(kind: ReceiptKind, message: &Message, by: u64, second: i64) -> Mark {
    let targets = Targets::Message(message.id);
    Mark { room: message.room, by: caller(by), kind, targets, at: at(second) }
}

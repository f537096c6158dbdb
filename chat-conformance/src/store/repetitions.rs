//! Sending again with the same key.

use std::sync::Arc;

use chat_core::rules::Denial;
use chat_core::store::{NewMessage, Sent, Store};

use super::world::{LIMIT, Refusal, World, caller, no_message, once};

/// "Where the caller has sent a message with the same `once.key` to this room before, nothing is
/// stored: with the same `once.content` it is returned with `repeated`", as it is now.
pub async fn a_second_send_with_the_same_key_returns_the_first(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
    let first = world.send(new.clone()).await;
    let edited = world.edit(room, 1, first.id, "edited").await.unwrap();
    let before = world.everything(room).await;

    let Sent { message, repeated } = world.store.send(new).await.unwrap();
    assert!(repeated);
    assert_eq!(message, edited);
    assert_eq!(world.everything(room).await, before, "nothing is stored");
}

/// Under a key that was used for other content the send is `KeyReused`.
pub async fn a_key_used_for_other_content_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
    world.send(new.clone()).await;
    let other = NewMessage { once: Some(once(1, 2)), ..new };
    assert_eq!(world.refuses(room, world.store.send(other)).await, Refusal::KeyReused);
}

/// A repetition whose message is deleted by now is `KeyReused`, for ever.
pub async fn a_key_whose_message_is_deleted_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
    let message = world.send(new.clone()).await;
    world.delete(room, 1, message.id).await.unwrap();
    for _ in 0..2 {
        let again = world.store.send(new.clone());
        assert_eq!(world.refuses(room, again).await, Refusal::KeyReused);
    }
}

/// A key is "unique for (room, sender, key)": elsewhere and for others it is another one.
pub async fn a_key_is_of_its_room_and_its_sender(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    for (room, by, key) in [(room, 1, 1), (room, 2, 1), (other, 1, 1), (room, 1, 2)] {
        let once = Some(once(key, 1));
        world.send(NewMessage { once, ..world.text(room, by, "hello") }).await;
    }
    assert_eq!(world.everything(room).await.messages.len(), 3);
    let unkeyed = world.say(room, 1, "hello").await;
    assert_eq!(unkeyed.seq, 4, "without a key every send is a new message");
}

/// A key outlives its sender's leaving and coming back.
pub async fn a_key_outlives_a_pause_of_the_membership(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2]).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 2, "hello") };
    let first = world.send(new.clone()).await;
    world.leave(room, 2).await;
    world.store.join_room(&caller(2), room, LIMIT, world.now()).await.unwrap();
    let again = world.store.send(new).await.unwrap();
    assert!(again.repeated && again.message.id == first.id);
}

/// A repetition "is found out after membership and before everything else, so that it succeeds
/// also in a room that has become inactive".
pub async fn a_repetition_succeeds_in_an_inactive_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let answered = world.say(room, 1, "answered").await;
    let new = NewMessage {
        once: Some(once(1, 1)),
        reply_to: Some(answered.id),
        ..world.text(room, 2, "hello")
    };
    let first = world.send(new.clone()).await;
    world.delete(room, 1, answered.id).await.unwrap();
    world.set_active(room, 1, false).await;

    let again = world.store.send(new.clone()).await.unwrap();
    assert!(again.repeated && again.message == first);
    let other = NewMessage { once: Some(once(1, 2)), ..new.clone() };
    assert_eq!(world.refuses(room, world.store.send(other)).await, Refusal::KeyReused);
    let fresh = NewMessage { once: Some(once(2, 1)), ..new.clone() };
    let refused = world.refuses(room, world.store.send(fresh)).await;
    assert_eq!(refused, Refusal::Denied(Denial::Inactive));

    world.leave(room, 2).await;
    let refused = world.refuses(room, world.store.send(new)).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotMember), "membership comes first");
}

/// A refused send does not use up its key.
pub async fn a_refused_send_does_not_use_up_its_key(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let new = NewMessage { once: Some(once(1, 1)), ..world.text(room, 1, "hello") };
    let bad = NewMessage { reply_to: Some(no_message()), ..new.clone() };
    assert_eq!(world.refuses(room, world.store.send(bad)).await, Refusal::BadReply);
    world.set_active(room, 1, false).await;
    let refused = world.refuses(room, world.store.send(new.clone())).await;
    assert_eq!(refused, Refusal::Denied(Denial::Inactive));
    world.set_active(room, 1, true).await;
    assert_eq!(world.send(new).await.seq, 1);
}

/// "The message that a user has sent to a room with this key and content, as it is now; `None`
/// where there is none or it is deleted."
pub async fn what_was_sent_before_is_found_as_it_is_now(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let other = world.direct(1, 3).await;
    let key = once(1, 1);
    let before = async |room, by: u64, key| {
        world.store.sent_before(room, &by.into(), key).await.expect("a store that works")
    };
    assert_eq!(before(room, 1, key).await, None);
    let first = world.send(NewMessage { once: Some(key), ..world.text(room, 1, "hello") }).await;
    let edited = world.edit(room, 1, first.id, "edited").await.unwrap();
    assert_eq!(before(room, 1, key).await, Some(edited));
    for (room, by, key) in [
        (room, 2, key),
        (other, 1, key),
        (room, 3, key),
        (room, 1, once(2, 1)),
        (room, 1, once(1, 2)),
    ] {
        assert_eq!(before(room, by, key).await, None, "{room} {by} {key:?}");
    }
    world.delete(room, 1, first.id).await.unwrap();
    assert_eq!(before(room, 1, key).await, None);
}

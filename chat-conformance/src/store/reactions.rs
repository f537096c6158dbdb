//! Reactions.

use std::sync::Arc;

use chat_core::model::{Message, UserId};
use chat_core::rules::Denial;
use chat_core::store::Store;

use super::world::{Refusal, World, users};

/// "One emoji of a user counts once"; "what changes nothing takes no version".
pub async fn one_emoji_of_a_user_counts_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    let (reacted, changed) = world.react(room, 2, message.id, "👍").await.unwrap();
    assert!(changed);
    assert_eq!(shown(&reacted), [("👍", users([2]))]);
    assert_eq!((reacted.versions.reacted, world.version(room).await), (3, 3));

    let before = world.everything(room).await;
    let (again, changed) = world.react(room, 2, message.id, "👍").await.unwrap();
    assert!(!changed);
    assert_eq!(again, reacted);
    assert!(!world.react(room, 1, message.id, "-👍").await.unwrap().1, "was never there");
    assert!(!world.react(room, 2, message.id, "-🎉").await.unwrap().1, "was never there");
    assert_eq!(world.everything(room).await, before);
}

/// "Emoji and users stay in the order they came; an emoji without users is gone."
pub async fn emoji_and_users_stay_in_the_order_they_came(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    let message = world.say(room, 1, "text").await;
    for (by, emoji) in [(3, "b"), (1, "a"), (1, "b"), (2, "c"), (2, "b")] {
        assert!(world.react(room, by, message.id, emoji).await.unwrap().1);
    }
    let now = world.message(1, message.id).await;
    let all = [("b", users([3, 1, 2])), ("a", users([1])), ("c", users([2]))];
    assert_eq!(shown(&now), all);

    let (now, _) = world.react(room, 3, message.id, "-b").await.unwrap();
    assert_eq!(shown(&now)[0], ("b", users([1, 2])), "the emoji keeps its place");
    let (now, _) = world.react(room, 3, message.id, "b").await.unwrap();
    assert_eq!(shown(&now)[0], ("b", users([1, 2, 3])), "the user comes last");
    let (now, changed) = world.react(room, 1, message.id, "-a").await.unwrap();
    assert!(changed);
    assert_eq!(shown(&now), [("b", users([1, 2, 3])), ("c", users([2]))]);
    let (now, _) = world.react(room, 2, message.id, "a").await.unwrap();
    assert_eq!(shown(&now).last(), Some(&("a", users([2]))), "it comes last again");
    assert_eq!(world.message(3, message.id).await, now);
    assert_eq!(now.versions.reacted, world.version(room).await);
}

/// Emoji are compared as they are written: what looks alike is not the same.
pub async fn emoji_are_compared_as_they_are_written(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let message = world.say(room, 1, "text").await;
    for emoji in ["👍", "👍🏽", "é", "e\u{301}", "A", "a", "a "] {
        assert!(world.react(room, 1, message.id, emoji).await.unwrap().1, "{emoji:?}");
    }
    assert_eq!(world.message(1, message.id).await.reactions.len(), 7);
}

/// "A message holds at most 50 different emoji", but any number of users.
pub async fn a_message_holds_at_most_fifty_different_emoji(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3, 4]).await;
    let message = world.say(room, 1, "text").await;
    for number in 0..50 {
        let by = 1 + number / 20;
        assert!(world.react(room, by, message.id, &format!("e{number}")).await.unwrap().1);
    }
    let more = world.react(room, 4, message.id, "e50");
    assert_eq!(world.refuses(room, more).await, Refusal::Limit);
    assert!(world.react(room, 4, message.id, "e0").await.unwrap().1, "no other emoji");

    world.react(room, 1, message.id, "-e1").await.unwrap();
    assert!(world.react(room, 4, message.id, "e50").await.unwrap().1, "there is room again");
    assert_eq!(world.message(1, message.id).await.reactions.len(), 50);
}

/// "One user at most 20 on it."
pub async fn a_user_has_at_most_twenty_emoji_on_a_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    let other = world.say(room, 1, "text").await;
    world.react(room, 1, message.id, "taken").await.unwrap();
    for number in 0..20 {
        assert!(world.react(room, 2, message.id, &format!("e{number}")).await.unwrap().1);
    }
    for emoji in ["taken", "new"] {
        let more = world.react(room, 2, message.id, emoji);
        assert_eq!(world.refuses(room, more).await, Refusal::Limit);
    }
    assert!(!world.react(room, 2, message.id, "e0").await.unwrap().1, "changes nothing");
    assert!(world.react(room, 1, message.id, "new").await.unwrap().1, "for each user");
    assert!(world.react(room, 2, other.id, "new").await.unwrap().1, "on each message");
    world.react(room, 2, message.id, "-e0").await.unwrap();
    assert!(world.react(room, 2, message.id, "taken").await.unwrap().1);
}

/// A deleted message takes no reaction; another's message does.
pub async fn a_deleted_message_takes_no_reaction(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.react(room, 2, message.id, "👍").await.unwrap();
    world.delete(room, 1, message.id).await.unwrap();
    for emoji in ["👍", "-👍", "🎉"] {
        let refused = world.refuses(room, world.react(room, 2, message.id, emoji)).await;
        assert_eq!(refused, Refusal::Denied(Denial::Deleted));
    }
}

/// The reactions of who left stay.
pub async fn reactions_of_who_left_stay(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.react(room, 2, message.id, "👍").await.unwrap();
    world.leave(room, 2).await;
    let refused = world.refuses(room, world.react(room, 2, message.id, "-👍")).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotMember));
    assert_eq!(shown(&*world.message(1, message.id).await), [("👍", users([2]))]);
}

fn shown(message: &Message) -> Vec<(&str, Vec<UserId>)> {
    let reactions = message.reactions.iter();
    reactions.map(|reaction| (reaction.emoji.as_str(), reaction.users.clone())).collect()
}

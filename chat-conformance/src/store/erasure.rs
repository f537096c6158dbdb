//! Erasing a user: what of them goes, and what stays.

use std::sync::Arc;

use chat_core::model::{Kinds, NodeId, Presence, Reaction, Timestamp, UserId};
use chat_core::rules::{Caller, Emoji};
use chat_core::store::{Erase, Erased, ManageRoom, NewMessage, React, Store};

use super::world::{
    LIMIT, Refusal, World, at, attachment, caller, no_room, once, refusal, seqs, session, user,
    users,
};

fn reactions<const N: usize>(pairs: [(&str, &[u64]); N]) -> Vec<Reaction> {
    let reaction = |(emoji, users): (&str, &[u64])| Reaction {
        emoji: emoji.to_owned(),
        users: users.iter().copied().map(user).collect(),
    };
    pairs.map(reaction).into()
}

/// "Where the user is a member, ends the membership and does nothing else".
pub async fn who_is_erased_is_put_out_first(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.direct(1, 2).await;
    world.say(room, 1, "hello").await;
    let erase = Erase { room, user: user(1), after: 0, at: world.now() };
    let erased = store.erase(erase.clone()).await.unwrap();
    assert_eq!((erased.left, erased.more), (Some(3), Some(0)));
    assert!(erased.deleted.is_empty() && erased.reacted.is_empty());
    assert_eq!(world.summary(room, 2).await.members, users([2]));
    assert_eq!(world.summary(room, 2).await.last_message.unwrap().content, "hello");

    let erased = store.erase(erase).await.unwrap();
    assert_eq!((erased.left, erased.more, seqs(&erased.deleted)), (None, None, vec![1]));
}

/// "Deletes the user's messages as [`MessageStore::delete`] does [...] at most
/// [`Erased::TOGETHER`] in a step": in order, each step with one version.
///
/// [`MessageStore::delete`]: chat_core::store::MessageStore::delete
pub async fn what_the_erased_wrote_is_deleted_in_steps(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([1, 2, 3]).await;
    for _ in 0..120 {
        world.say(room, 1, "mine").await;
        world.say(room, 2, "hers").await;
    }
    world.read_all(room, 2).await;
    assert_eq!(world.unread(room, 3).await, 240);
    world.leave(room, 1).await;
    let before = world.version(room).await;

    let steps = world.erase(room, 1).await;
    let mut deleted = Vec::new();
    for (step, version) in steps.iter().filter(|step| !step.deleted.is_empty()).zip(before + 1..) {
        assert!(step.deleted.len() <= Erased::TOGETHER);
        assert!(step.deleted.iter().all(|message| message.versions.deleted == version));
        deleted.extend(seqs(&step.deleted));
    }
    assert_eq!(deleted, (0..120).map(|pair| 2 * pair + 1).collect::<Vec<_>>());
    let everything = world.everything(room).await;
    for message in &everything.messages {
        let is_own = message.sender == user(1);
        assert_eq!((message.is_deleted(), message.content.is_empty()), (is_own, is_own));
    }
    assert_eq!(everything.room.deleted, deleted.iter().copied().collect());
    assert_eq!(everything.room.uncounted, everything.room.deleted);
    assert_eq!((world.unread(room, 2).await, world.unread(room, 3).await), (0, 120));
}

/// "Takes their reactions from the messages of others", and no others.
pub async fn reactions_of_the_erased_are_taken_away(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([1, 2, 11]).await;
    let both = world.say(room, 2, "look").await;
    let others = world.say(room, 2, "look").await;
    let own = world.say(room, 1, "look").await;
    for (by, message, emoji) in [
        (1, &both, "👍"),
        (2, &both, "👍"),
        (1, &both, "e"),
        (11, &others, "👍"),
        (2, &others, "1"),
        (2, &own, "👍"),
    ] {
        world.react(room, by, message.id, emoji).await.unwrap();
    }
    let steps = world.erase(room, 1).await;
    let step = steps.last().unwrap();
    assert_eq!((seqs(&step.deleted), seqs(&step.reacted)), (vec![3], vec![1]));
    assert_eq!(step.reacted[0].versions.reacted, step.deleted[0].versions.deleted + 1);
    assert_eq!(step.reacted[0].reactions, reactions([("👍", &[2])]));
    assert_eq!(world.message(2, both.id).await, step.reacted[0]);
    let left = world.message(2, others.id).await;
    assert_eq!(left.reactions, reactions([("👍", &[11]), ("1", &[2])]));
}

/// Whatever their id is.
pub async fn users_of_strange_ids_are_erased(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    for id in ["a\"b", "a\\b", "é 😀/%_'", "[]"] {
        let strange = Caller { user: UserId::new(id).unwrap(), kinds: Kinds::ALL };
        let room = world.group([1]).await;
        let add = vec![strange.user.clone()];
        store.manage_room(ManageRoom { add, ..world.manage(room, 1) }).await.unwrap();
        let message = world.say(room, 1, "look").await.id;
        let emoji = Emoji::parse("👍").unwrap();
        let react = React { room, message, by: strange.clone(), emoji, add: true };
        store.react(react).await.unwrap();
        let said = NewMessage { by: strange.clone().into(), ..world.text(room, 1, "mine") };
        world.send(said).await;
        world.erase_user(room, &strange.user).await;
        let left = world.everything(room).await.messages;
        assert!(left[0].reactions.is_empty() && left[1].is_deleted(), "{id}");
    }
}

/// The rooms "of which a user is a member, or was one without having been erased from them since".
pub async fn rooms_to_erase_are_all_that_the_user_ever_was_in(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let to_erase = async |after| store.rooms_to_erase(&user(1), after, 10).await.unwrap();
    assert_eq!(to_erase(None).await, []);
    let (group, pair) = (world.group([2, 1]).await, world.direct(1, 2).await);
    let (public, left) = (world.public([1]).await, world.group([2, 1]).await);
    world.public([2]).await;
    world.leave(left, 1).await;
    world.set_active(group, 2, false).await;
    world.remove(pair, 1).await;
    assert_eq!(to_erase(None).await, [group, pair, public, left]);
    assert_eq!(to_erase(Some(pair)).await, [public, left]);
    assert_eq!(store.rooms_to_erase(&user(1), None, 3).await.unwrap(), [group, pair, public]);

    world.erase(pair, 1).await;
    world.erase(public, 1).await;
    assert_eq!(to_erase(None).await, [group, left]);
    world.erase(group, 1).await;
    world.erase(left, 1).await;
    assert_eq!(to_erase(None).await, []);
    world.add(left, 2, [1]).await;
    assert_eq!(to_erase(None).await, [left]);
    assert_eq!(store.rooms_to_erase(&user(2), None, 10).await.unwrap().len(), 4);
}

/// "Of the membership all but that it ended with its version; no version is taken for that."
pub async fn of_a_membership_only_that_it_ended_is_kept(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([2]).await;
    world.say(room, 2, "before").await;
    world.add(room, 2, [1]).await;
    world.say(room, 2, "after").await;
    world.read_all(room, 1).await;
    let left = world.leave(room, 1).await;
    world.erase(room, 1).await;
    assert_eq!(world.version(room).await, left);
    let row = world.membership(room, 1).await;
    assert_eq!((row.version, row.left), (left, true));
    assert_eq!((row.joined_at, row.joined_seq), (Timestamp::EPOCH, 0));

    world.add(room, 2, [1]).await;
    assert_eq!(world.unread(room, 1).await, 0, "who joins again has read everything before");
}

/// "The keys of the user's sends are forgotten"; files are noted as of any deletion.
pub async fn keys_and_files_of_the_erased_are_gone(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.public([2]).await;
    store.join_room(&caller(1), room, LIMIT, world.now()).await.unwrap();
    let keyed = |text| NewMessage {
        once: Some(once(1, 1)),
        attachment: Some(attachment("notes")),
        ..world.text(room, 1, text)
    };
    world.send(keyed("first")).await;
    let early = NewMessage { once: Some(once(2, 2)), ..world.text(room, 1, "deleted before") };
    let early = world.send(early).await;
    world.delete(room, 1, early.id).await.unwrap();
    world.erase(room, 1).await;
    let files = store.take_gone_files(world.now(), 10).await.unwrap();
    assert_eq!(files, [attachment("notes").key]);

    store.join_room(&caller(1), room, LIMIT, world.now()).await.unwrap();
    let again = store.send(keyed("second")).await.unwrap();
    assert!(!again.repeated && again.message.seq == 3);
    let again = NewMessage { once: Some(once(2, 2)), ..world.text(room, 1, "deleted before") };
    assert_eq!(world.send(again).await.seq, 4);
}

/// "What messages of others say of the user stays".
pub async fn messages_of_others_stay_as_they_are(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.direct(1, 2).await;
    let question = world.say(room, 1, "?").await;
    let answer = NewMessage { reply_to: Some(question.id), ..world.text(room, 2, "!") };
    let answer = world.send(answer).await;
    world.read_all(room, 1).await;
    let before = world.message(2, answer.id).await;
    assert_eq!(before.status_by, Some(user(1)));
    world.erase(room, 1).await;
    assert_eq!(world.message(2, answer.id).await, before);
    assert_eq!(world.direct(2, 1).await, room, "there is one room for the pair");
    assert_eq!(world.summary(room, 2).await.room.created_by, Some(user(1)));
}

/// "Where the user never was a member, nothing is done"; nor where all is done.
pub async fn who_left_nothing_is_erased_without_a_change(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([1, 2]).await;
    world.say(room, 2, "hello").await;
    let nowhere = Erase { room: no_room(), user: user(1), after: 0, at: world.now() };
    assert_eq!(refusal(store.erase(nowhere).await), Refusal::NotFound);
    for (by, steps) in [(3, 1), (1, 2), (1, 1)] {
        let before = world.everything(room).await;
        assert_eq!(world.erase(room, by).await.len(), steps);
        if steps == 1 {
            assert_eq!(world.everything(room).await, before);
        }
    }
}

/// "Ends the sessions of a user that are not closed, forgets their sessions".
pub async fn the_sessions_of_the_erased_end_and_are_forgotten(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let (room, node) = (world.group([1, 2]).await, NodeId::random());
    let (first, second) = (session(1, room, node, 1), session(1, room, node, 2));
    for session in [&first, &second, &session(2, room, node, 3)] {
        store.open_session(session.clone()).await.unwrap();
    }
    store.close_session(first.id, at(5)).await.unwrap();
    let forgotten = store.forget_user(&user(1), at(9), 10).await.unwrap();
    let [ended] = &forgotten.ended[..] else { panic!("{forgotten:?}") };
    assert_eq!((&ended.user, ended.room), (&user(1), room));
    assert!(ended.of_user && ended.in_room && !ended.presence.online && !forgotten.more);

    let presence = store.presence(&users([1, 2]), at(9)).await.unwrap();
    assert_eq!(presence[0], Presence::default());
    assert_eq!((presence[1].online, presence[1].last_seen), (true, Some(at(3))));
    assert!(store.sessions(&user(1), None, 10).await.unwrap().is_empty());
    assert_eq!(store.close_session(second.id, at(10)).await.unwrap(), None);
    let vouched = store.renew_sessions(node, &[(second.id, at(10))], at(10), at(90)).await;
    assert!(vouched.unwrap().is_empty(), "nobody is to open it again");
    assert!(store.expire_sessions(at(11)).await.unwrap().is_empty());
    let again = store.forget_user(&user(1), at(12), 10).await.unwrap();
    assert!(again.ended.is_empty() && !again.more);

    let came = store.open_session(session(1, room, node, 20)).await.unwrap();
    assert!(came.of_user && came.in_room);
}

/// "At most `limit` of them, and with the last when the user was seen".
pub async fn sessions_of_the_erased_are_forgotten_in_steps(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let (room, node) = (world.group([1]).await, NodeId::random());
    for second in 1..=5 {
        store.open_session(session(1, room, node, second)).await.unwrap();
    }
    let (mut ended, mut of_user) = (0, 0);
    for left in [3, 1] {
        let step = store.forget_user(&user(1), at(9), 2).await.unwrap();
        ended += step.ended.len();
        of_user += step.ended.iter().filter(|ended| ended.of_user).count();
        assert!(step.more);
        assert_eq!(store.sessions(&user(1), None, 10).await.unwrap().len(), left);
    }
    assert_eq!((ended, of_user), (5, 1));
    assert!(!store.forget_user(&user(1), at(9), 2).await.unwrap().more);
    assert_eq!(store.presence(&[user(1)], at(9)).await.unwrap(), [Presence::default()]);
}

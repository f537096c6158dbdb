//! Searching messages.

use std::sync::Arc;

use chat_core::model::{Kinds, MessageId, MessageKind, RoomKind};
use chat_core::rules::{Action, Caller, Content, Term};
use chat_core::store::{MessageSearch, NewMessage, Once, Store};

use super::world::{World, at, attachment, caller, caller_of, once};

/// "A message is found where each word of the term begins a word of its text".
pub async fn every_word_of_a_term_begins_a_word_of_the_text(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let hello = world.say(room, 1, "Hello, World! 100%_sure").await.id;
    let cafe = world.say(room, 2, "Ein CAFÉ in der Straße, wörtlich").await.id;
    let wave = world.say(room, 2, "world 日本 👋 a\\b 'quoted'").await.id;
    for (term, wanted) in [
        ("hello", vec![hello]),
        ("WORLD", vec![wave, hello]),
        ("wor", vec![wave, cafe, hello]),
        ("wor hel", vec![hello]),
        ("world, world w", vec![wave, hello]),
        ("cafe strasse", vec![cafe]),
        ("日", vec![wave]),
        ("a b", vec![wave]),
        ("100", vec![hello]),
        ("quote", vec![wave]),
        ("orld", vec![]),
        ("hello cafe", vec![]),
        ("worlds", vec![]),
        ("Helloworld", vec![]),
    ] {
        assert_eq!(found(&world, caller(2), term, 50).await, wanted, "{term}");
    }
}

/// "Only words are compared": nothing in a term is a pattern, and one "without words finds
/// nothing".
pub async fn a_term_without_words_finds_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    for text in ["%", "100%", "a_b", "\\", "a' OR 'a'='a", "a:* & b", "😀"] {
        world.say(room, 1, text).await;
    }
    for term in ["%", "_", "\\", "%%%", "'", ":*", "&", "!", "()", "😀", "*", "\u{301}"] {
        assert_eq!(found(&world, caller(1), term, 50).await, [], "{term}");
    }
    for term in ["b_a", "ab", "1_0", ".", "a:* | zzz", "zzz | a", "!zzz"] {
        assert_eq!(found(&world, caller(1), term, 50).await, [], "{term}");
    }
}

/// "The beginning stands for" a longer word than 40 characters, and a text has up to 2,000 words;
/// whatever it says, it is kept and found by them.
pub async fn long_words_and_long_texts_are_found(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let long = world.say(room, 1, &"x".repeat(10_000)).await.id;
    let wide = world.say(room, 1, &"𝔘".repeat(2_500)).await.id;
    let many: Vec<_> = (10_000..11_600).map(|number| number.to_string()).collect();
    let many = world.say(room, 1, &many.join(" ")).await.id;
    assert_eq!(found(&world, caller(1), &"x".repeat(9_000), 50).await, [long]);
    assert_eq!(found(&world, caller(1), &"x".repeat(40), 50).await, [long]);
    assert_eq!(found(&world, caller(1), "uuu", 50).await, [wide]);
    assert_eq!(found(&world, caller(1), "10000 11599", 50).await, [many]);
    assert_eq!(found(&world, caller(1), "11600", 50).await, []);
}

/// "Neither names of files nor of senders are searched."
pub async fn only_the_text_is_searched(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([7]).await;
    let caption = Content::parse_caption("", 10).unwrap();
    let new = world.text(room, 7, "caption");
    let file = Some(attachment("holiday.png"));
    let with_text = NewMessage { attachment: file.clone(), kind: MessageKind::Image, ..new };
    let with_text = world.send(with_text).await.id;
    let new = world.text(room, 7, "caption");
    world.send(NewMessage { content: caption, attachment: file, ..new }).await;
    assert_eq!(found(&world, caller(7), "holiday", 50).await, []);
    assert_eq!(found(&world, caller(7), "7", 50).await, []);
    assert_eq!(found(&world, caller(7), "caption", 50).await, [with_text]);
}

/// "Of its text as it is now"; "deleted messages are never found, system messages like all
/// others".
pub async fn messages_are_found_by_what_they_say_now(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let edited = world.say(room, 1, "first draft").await.id;
    let other = world.say(room, 1, "draft too").await.id;
    let note = world.note(room, 1, "Ada drafted a note").await.id;
    assert_eq!(found(&world, caller(2), "draft", 50).await, [note, other, edited]);

    world.edit(room, 1, edited, "final version").await.unwrap();
    assert_eq!(found(&world, caller(2), "draft", 50).await, [note, other]);
    assert_eq!(found(&world, caller(2), "first", 50).await, []);
    assert_eq!(found(&world, caller(2), "version final", 50).await, [edited]);

    world.edit(room, 1, edited, "draft, final").await.unwrap();
    assert_eq!(found(&world, caller(2), "draft", 50).await, [note, other, edited]);
    assert_eq!(found(&world, caller(2), "version", 50).await, []);

    for deleted in [other, note, edited] {
        world.delete(room, 1, deleted).await.unwrap();
    }
    for term in ["draft", "final", "note", "too"] {
        assert_eq!(found(&world, caller(2), term, 50).await, [], "{term}");
    }
}

/// What is refused or repeated changes nothing in what is found.
pub async fn a_refused_edit_and_a_repeated_send_leave_the_words(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let key: Once = once(1, 1);
    let new = world.text(room, 1, "kept");
    let kept = world.send(NewMessage { once: Some(key), ..new.clone() }).await.id;
    let again = world.store.send(NewMessage { once: Some(key), ..new }).await.unwrap();
    assert!(again.repeated);
    world.edit(room, 2, kept, "changed").await.unwrap_err();
    world.delete(room, 2, kept).await.unwrap_err();
    assert_eq!(found(&world, caller(2), "kept", 50).await, [kept]);
    assert_eq!(found(&world, caller(2), "changed", 50).await, []);
}

/// "Only in rooms of the caller's kinds that the caller is a member of now, active or not: all of
/// such a room, also what was said before they joined."
pub async fn only_rooms_of_the_member_are_searched(store: Arc<dyn Store>) {
    let world = World::new(store);
    let group = world.group([1, 2]).await;
    let public = world.public([1, 2]).await;
    let direct = world.direct(1, 2).await;
    let a = world.say(group, 1, "word").await.id;
    let b = world.say(public, 1, "word").await.id;
    let c = world.say(direct, 1, "word").await.id;
    assert_eq!(found(&world, caller(1), "word", 50).await, [c, b, a]);
    assert_eq!(found(&world, caller_of(1, Kinds::DIRECT), "word", 50).await, [c]);
    let shared = Kinds::of(RoomKind::Group).or(Kinds::of(RoomKind::Public));
    assert_eq!(found(&world, caller_of(1, shared), "word", 50).await, [b, a]);
    assert_eq!(found(&world, caller_of(1, Kinds::NONE), "word", 50).await, []);

    assert_eq!(found(&world, caller(3), "word", 50).await, [], "may read it, but is no member");
    world.add(group, 1, [3]).await;
    assert_eq!(found(&world, caller(3), "word", 50).await, [a], "said before they joined");

    world.set_active(group, 1, false).await;
    assert_eq!(found(&world, caller(3), "word", 50).await, [a]);
    world.leave(group, 3).await;
    assert_eq!(found(&world, caller(3), "word", 50).await, []);
    world.remove(direct, 2).await;
    world.leave(public, 2).await;
    assert_eq!(found(&world, caller(2), "word", 50).await, [a]);
    assert_eq!(found(&world, caller(9), "word", 50).await, []);
}

/// "Newest first: by `created_at`, then by id, whatever the rooms. At most `limit`."
pub async fn what_is_found_is_newest_first_whatever_the_rooms(store: Arc<dyn Store>) {
    let world = World::new(store);
    let rooms = [world.group([1]).await, world.direct(1, 2).await, world.public([1]).await];
    let mut all = Vec::new();
    for (place, second) in [10, 30, 20, 20, 20, 25, 40, 5, 40, 31].into_iter().enumerate() {
        let new = world.text(rooms[place % 3], 1, "word");
        let message = world.send(NewMessage { at: at(1_000 + second), ..new }).await;
        world.send(NewMessage { at: at(9_000), ..world.text(rooms[2], 1, "other") }).await;
        all.push((message.created_at, message.id));
    }
    all.sort_unstable();
    all.reverse();
    let all: Vec<_> = all.into_iter().map(|(_, id)| id).collect();
    for limit in [0, 1, 2, 3, 5, 9, 10, 11, usize::MAX >> 1] {
        let wanted: Vec<_> = all.iter().copied().take(limit).collect();
        assert_eq!(found(&world, caller(1), "word", limit).await, wanted, "{limit}");
    }
}

/// What is found is the message "as it is now", behind the facts by which its room is decided.
pub async fn what_is_found_comes_behind_its_check(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "word").await;
    world.react(room, 2, message.id, "👍").await.unwrap();
    world.read(room, 2, &message).await;
    let search = MessageSearch { by: caller(2), term: term("word"), limit: 5 };
    let mut guarded = world.store.search_messages(search).await.unwrap();
    let guarded = guarded.pop().unwrap();
    let access = world.store.access(&caller(2), room).await.unwrap().unwrap();
    assert_eq!(*guarded.access(), access);
    let now = world.message(2, message.id).await;
    assert_eq!(guarded.permit(Action::Search).unwrap(), now);
}

fn term(term: &str) -> Term {
    Term::parse(term).unwrap()
}

/// The ids of what a user finds.
async fn found(world: &World, by: Caller, text: &str, limit: usize) -> Vec<MessageId> {
    let search = MessageSearch { by, term: term(text), limit };
    let found = world.store.search_messages(search).await.unwrap().into_iter();
    found.map(|guarded| guarded.permit(Action::Search).unwrap().id).collect()
}

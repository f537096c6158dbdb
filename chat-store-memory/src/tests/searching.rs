//! What a search costs, counted in looks into the indexes and in messages touched.

use chat_core::rules::Term;
use chat_core::store::{EditMessage, MessageSearch, SearchStore};

use super::*;

/// Far from any walk over 20,000 messages.
const FEW: u64 = 400;

/// Sends texts, all at one moment.
async fn say(store: &MemoryStore, room: RoomId, by: u64, texts: impl IntoIterator<Item = String>) {
    for said in texts {
        let content = Content::parse(said, 1_000).unwrap();
        store.send(NewMessage { content, ..text(room, by, AT) }).await.unwrap();
    }
}

/// How often the index and the messages of a room were looked at so far.
fn looked(store: &MemoryStore, room: RoomId) -> u64 {
    let room = store.state.room(room).unwrap();
    let state = lock(&room);
    state.index.looked() + state.messages.touched()
}

/// How many messages are found, and what that cost in a room.
async fn search(store: &MemoryStore, room: RoomId, by: u64, term: &str) -> (usize, u64) {
    let before = looked(store, room);
    let search = MessageSearch { by: caller(by), term: Term::parse(term).unwrap(), limit: 50 };
    let found = store.search_messages(search).await.unwrap().len();
    (found, looked(store, room) - before)
}

#[tokio::test]
async fn a_search_costs_what_it_finds_and_not_what_the_room_holds() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let texts = |number: u64| {
        let rare = if number.is_multiple_of(10_000) { "rare" } else { "usual" };
        format!("every message {rare} {}", number % 7)
    };
    say(&store, room, 1, (0..20_000).map(texts)).await;
    for (term, count) in [
        ("every", 50),
        ("every message", 50),
        ("ev mes us", 50),
        ("rare", 2),
        ("every rare", 2),
        ("none", 0),
        ("every none", 0),
    ] {
        let (found, cost) = search(&store, room, 2, term).await;
        assert_eq!(found, count, "{term}");
        assert!(cost <= FEW, "{term}: {cost}");
    }
}

#[tokio::test]
async fn rooms_of_others_and_older_rooms_are_not_looked_into() {
    let store = MemoryStore::new();
    let old = room_of(&store, &[1]).await;
    say(&store, old, 1, (0..100).map(|_| "word".to_owned())).await;
    let of_others = room_of(&store, &[2]).await;
    say(&store, of_others, 2, ["word".to_owned()]).await;
    let new = room_of(&store, &[1]).await;
    for _ in 0..50 {
        let content = Content::parse("word", 10).unwrap();
        let later = Timestamp::from_seconds(10);
        store.send(NewMessage { content, ..text(new, 1, later) }).await.unwrap();
    }
    assert_eq!(search(&store, old, 1, "word").await, (50, 0));
    assert_eq!(search(&store, of_others, 1, "word").await, (50, 0));
}

#[tokio::test]
async fn words_that_no_message_has_any_more_are_gone() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1]).await;
    let size = || lock(&store.state.room(room).unwrap()).index.size();
    say(&store, room, 1, ["a secret word".to_owned(), "another word".to_owned()]).await;
    assert_eq!(size(), (4, 5));
    // First: another, plain, word. Then: plain, word.
    for (number, after) in [(1, (3, 4)), (2, (2, 4))] {
        let message = MessageId::new(number).unwrap();
        let content = Content::parse("plain word", 100).unwrap();
        store.edit(EditMessage { room, message, by: caller(1), content, at: AT }).await.unwrap();
        assert_eq!(size(), after);
    }
    for number in [1, 2] {
        delete(&store, room, 1, MessageId::new(number).unwrap()).await;
    }
    assert_eq!(size(), (0, 0));
    say(&store, room, 1, ["a new word".to_owned()]).await;
    assert_eq!(search(&store, room, 1, "new wor").await.0, 1);
    assert_eq!(search(&store, room, 1, "secret").await.0, 0);
}

//! How many calls of the store and the directory an answer takes.

mod common;

use chat_core::Chat;
use chat_core::dialect::{self, Dialect};
use chat_core::host::JwtAuthenticator;
use chat_core::http::dispatch;
use common::{Answer, Counted, Flaky, SECRET, Time, headers, now, request};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

struct World {
    chat: Chat,
    store: Flaky,
    directory: Counted,
    time: Time,
}

impl World {
    /// User 1 has so many rooms, each with somebody else and two messages.
    fn new(rooms: u64) -> Self {
        let (store, directory, time) = (Flaky::default(), Counted::default(), Time::new());
        let sign_in = JwtAuthenticator::hs256(SECRET).with_clock(time.clone());
        let chat = Chat::builder(store.clone(), directory.clone(), sign_in)
            .with_clock(time.clone())
            .build();
        for other in 2..2 + rooms {
            let room = now(chat.acting_as(1).direct_room(other)).unwrap().id;
            now(chat.acting_as(1).send(room, "hello")).unwrap();
            now(chat.acting_as(other).send(room, "hello to you")).unwrap();
        }
        Self { chat, store, directory, time }
    }

    /// The calls of the store and of the directory that a request of user 1 takes.
    fn calls(&self, dialect: &'static Dialect, path: &str) -> (usize, usize) {
        let claims = json!({ "sub": "1", "exp": self.time.seconds() + 60 });
        let key = EncodingKey::from_secret(SECRET);
        let token = encode(&Header::default(), &claims, &key).unwrap();
        let headers = headers(&[("authorization", &format!("Bearer {token}"))]);
        self.store.take_calls();
        self.directory.take();
        let request = request("GET", path, headers, Vec::new());
        let answered = now(dispatch(&self.chat, dialect, request, self.time.instant()));
        let answer = Answer::new(answered.response);
        assert_eq!(answer.status, 200, "{}", answer.body);
        (self.store.take_calls(), self.directory.take())
    }
}

#[test]
fn a_page_of_100_rooms_takes_as_many_calls_as_a_page_of_two() {
    let (few, many) = (World::new(2), World::new(100));
    let lists = [
        (dialect::MESSENGER, "/api/v1.0/chat/rooms/?page_size=100", (2, 2)),
        (dialect::TEAM, "/api/chat/rooms/?page_size=100", (1, 2)),
        (dialect::ROOMS, "/api/chat/rooms/?limit=100", (1, 2)),
    ];
    for (dialect, path, calls) in lists {
        assert_eq!(few.calls(dialect, path), calls, "{}", dialect.name);
        assert_eq!(many.calls(dialect, path), calls, "{}", dialect.name);
    }
    // Whole arrays are read in pages, so there is a call more for each of these.
    for (dialect, path) in [(dialect::CAMPUS, "/chat/chats/"), (dialect::DIRECT, "/api/chats/")] {
        assert_eq!(few.calls(dialect, path), (1, 2), "{}", dialect.name);
        assert_eq!(many.calls(dialect, path), (3, 2), "{}", dialect.name);
    }
}

#[test]
fn the_rooms_that_a_search_finds_are_read_at_once() {
    let (few, many) = (World::new(2), World::new(100));
    let path = "/api/chat/search/rooms/?q=user1";
    assert_eq!(few.calls(dialect::TEAM, path), (3, 3), "own rooms, public ones, those found");
    assert_eq!(many.calls(dialect::TEAM, path), (2, 3), "as many are found as are shown");
}

#[test]
fn a_page_of_100_messages_takes_as_many_calls_as_a_page_of_two() {
    let world = World::new(1);
    let room = now(world.chat.acting_as(1).direct_room(2)).unwrap().id;
    let paths = [
        (dialect::MESSENGER, format!("/api/v1.0/chat/rooms/{room}/messages/?page_size=100")),
        (
            dialect::TEAM,
            format!(
                "/api/chat/rooms/00000000-0000-8000-8000-{:012x}/messages/?page_size=100",
                room.get()
            ),
        ),
        (dialect::ROOMS, format!("/api/chat/rooms/{room}/messages/")),
        (dialect::CAMPUS, format!("/chat/chats/{room}/messages/?limit=100")),
    ];
    let count = || paths.each_ref().map(|(dialect, path)| world.calls(dialect, path));
    let few = count();
    for number in 0..100 {
        now(world.chat.acting_as(2).send(room, format!("{number}"))).unwrap();
    }
    assert_eq!(count(), few);
    assert!(few.iter().all(|(store, directory)| *store <= 3 && *directory <= 2), "{few:?}");
}

#[test]
fn a_send_of_the_host_asks_the_directory_once() {
    let world = World::new(1);
    let john = world.chat.acting_as(1);
    let room = now(john.direct_room(2)).unwrap().id;
    world.directory.take();
    now(john.send(room, "hello")).unwrap();
    assert_eq!(world.directory.take(), 1);
}

//! Searching messages and rooms through the service.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chat_core::host::{Directory, DirectoryError, JwtAuthenticator};
use chat_core::model::{Kinds, RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::service::{Actor, Chat, Error, Problem};
use chat_store_memory::MemoryStore;
use futures::FutureExt;

/// Users whose name tells their number, how often and for how many at once they were asked for, and
/// what happens while they are asked for the next time.
#[derive(Default)]
struct Asked {
    calls: AtomicUsize,
    most: AtomicUsize,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[derive(Clone, Default)]
struct Names(Arc<Asked>);

#[async_trait]
impl Directory for Names {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.0.most.fetch_max(ids.len(), Ordering::Relaxed);
        let meanwhile = self.0.meanwhile.lock().unwrap().take();
        if let Some(act) = meanwhile {
            act();
        }
        let known = ids.iter().filter(|id| id.as_str() != "unknown");
        let user = |id: &UserId| {
            let user = User::new(id.clone(), format!("user{id}"))
                .with_display_name(format!("Zoë-{id} Ångström"))
                .with_names("Given", format!("Family{id}"))
                .with_email(format!("mail{id}@example.com"));
            (id.clone(), Arc::new(user))
        };
        Ok(known.map(user).collect())
    }
}

struct World {
    chat: Chat,
    names: Names,
}

impl World {
    fn new() -> Self {
        let names = Names::default();
        let authenticator = JwtAuthenticator::hs256(&[7; 32]);
        Self { chat: Chat::new(MemoryStore::new(), names.clone(), authenticator), names }
    }

    fn actor(&self, user: u64) -> Actor {
        self.chat.acting_as(user)
    }

    fn room(&self, kind: RoomKind, name: &str, members: &[u64]) -> RoomId {
        let name = RoomName::parse(name).unwrap();
        let others = members[1..].iter().copied().map(UserId::from).collect();
        now(self.actor(members[0]).create_room(kind, name, others)).unwrap()
    }

    fn say(&self, room: RoomId, by: u64, text: &str) {
        now(self.actor(by).send(room, text)).unwrap();
    }

    fn messages(&self, by: u64, term: &str, limit: usize) -> Vec<String> {
        let found = now(self.actor(by).search_messages(term, limit)).unwrap();
        found.iter().map(|message| message.content.clone()).collect()
    }

    fn rooms(&self, by: u64, term: &str) -> Vec<RoomId> {
        let found = now(self.actor(by).search_rooms(term, 50)).unwrap();
        found.iter().map(|summary| summary.room.id).collect()
    }
}

#[track_caller]
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here has to be waited for")
}

#[test]
fn a_blank_term_is_none_and_one_without_a_word_finds_nothing() {
    let world = World::new();
    let room = world.room(RoomKind::Group, "?", &[1]);
    world.say(room, 1, "?");
    for blank in ["", "  ", "\n"] {
        let actor = world.actor(1);
        let refused =
            [now(actor.search_messages(blank, 5)).err(), now(actor.search_rooms(blank, 5)).err()];
        for error in refused {
            let Some(Error::Invalid(fields)) = error else { panic!("{error:?}") };
            assert_eq!((&*fields[0].field, &fields[0].problem), ("term", &Problem::Blank));
        }
    }
    assert_eq!(world.messages(1, "?", 50), [""; 0]);
    assert_eq!(world.rooms(1, "?"), []);
}

#[test]
fn messages_are_found_newest_first_and_at_most_fifty() {
    let world = World::new();
    let rooms = [1, 2].map(|other| world.room(RoomKind::Group, "room", &[1, other + 1]));
    for number in 0..60 {
        world.say(rooms[number % 2], 1, &format!("Word {number}"));
    }
    let newest = |count: usize| (60 - count..60).rev().map(|number| format!("Word {number}"));
    assert_eq!(world.messages(1, "wor", 3), newest(3).collect::<Vec<_>>());
    assert_eq!(world.messages(1, "wor", 1_000), newest(50).collect::<Vec<_>>());
    assert_eq!(world.messages(1, "word 17", 50), ["Word 17"]);
    assert_eq!(world.messages(2, "word 17", 50), [""; 0], "in the other room");
    assert_eq!(world.messages(9, "word", 50), [""; 0]);
}

#[test]
fn a_room_is_found_by_words_spread_over_its_name_and_its_members_names() {
    let world = World::new();
    let group = world.room(RoomKind::Group, "Project Apollo", &[1, 22]);
    let other = world.room(RoomKind::Group, "Project Gemini", &[1, 33]);
    let direct = now(world.actor(1).direct_room(22)).unwrap().id;
    for (term, wanted) in [
        ("proj", vec![other, group]),
        ("APOLLO", vec![group]),
        ("user22", vec![direct, group]),
        ("zoe-22 angstr", vec![direct, group]),
        ("family22 given", vec![direct, group]),
        ("project family33", vec![other]),
        ("gemini user22", vec![]),
        ("mail22", vec![]),
        ("ect", vec![]),
    ] {
        let mut found = world.rooms(1, term);
        found.sort_unstable();
        let mut wanted = wanted;
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{term}");
    }
    assert_eq!(world.rooms(22, "apollo"), [group]);
    assert_eq!(world.rooms(33, "apollo"), []);
}

#[test]
fn ones_own_rooms_come_first_and_then_public_ones_that_are_active() {
    let world = World::new();
    let public = world.room(RoomKind::Public, "open room", &[1]);
    let inactive = world.room(RoomKind::Public, "open and closed", &[1]);
    let own = world.room(RoomKind::Public, "open too", &[2]);
    let closed = world.room(RoomKind::Group, "open to few", &[1]);
    let newer = world.room(RoomKind::Public, "open house", &[1]);
    let left = world.room(RoomKind::Group, "opening", &[1, 2]);
    now(world.actor(2).leave(left)).unwrap();
    now(world.actor(1).set_active(inactive, false)).unwrap();
    assert_eq!(world.rooms(2, "open"), [own, newer, public]);
    assert!(!world.rooms(2, "few").contains(&closed));

    let user = User::new(2.into(), "user2");
    let narrow = Actor::recognised(&world.chat, user.into(), Kinds::DIRECT, false);
    assert!(now(narrow.search_rooms("open", 50)).unwrap().is_empty());
}

#[test]
fn names_are_asked_for_in_batches_and_each_once() {
    let world = World::new();
    let members: Vec<u64> = (1..=150).collect();
    for number in 0..120 {
        world.room(RoomKind::Group, &format!("room {number}"), &members);
    }
    world.names.0.calls.store(0, Ordering::Relaxed);
    world.names.0.most.store(0, Ordering::Relaxed);
    let found = now(world.actor(1).search_rooms("user100", 1_000)).unwrap();
    assert_eq!(found.len(), 50);
    assert_eq!(world.names.0.calls.load(Ordering::Relaxed), 1);
    assert_eq!(world.names.0.most.load(Ordering::Relaxed), 100, "the first members of a room");
    assert_eq!(now(world.actor(1).search_rooms("user101", 50)).unwrap().len(), 0);
}

#[test]
fn rooms_that_change_while_names_are_asked_for_come_as_they_are_by_then_or_not_at_all() {
    let world = World::new();
    let room = |kind, members: &[u64]| world.room(kind, "needle", members);
    let moves = room(RoomKind::Group, &[1, 2]);
    let left = room(RoomKind::Group, &[1, 2]);
    let public = room(RoomKind::Public, &[1, 2]);
    let renamed = room(RoomKind::Group, &[1, 2]);
    let closed = room(RoomKind::Group, &[1, 2]);
    let stays = room(RoomKind::Group, &[1, 2]);
    let other = room(RoomKind::Public, &[2]);
    assert_eq!(world.rooms(1, "needle"), [stays, closed, renamed, public, left, moves, other]);

    let chat = world.chat.clone();
    let act = move || {
        let actor = chat.acting_as(1);
        now(actor.send(moves, "hello")).unwrap();
        now(actor.leave(left)).unwrap();
        now(actor.leave(public)).unwrap();
        now(actor.rename_room(renamed, "another")).unwrap();
        now(actor.set_active(closed, false)).unwrap();
    };
    *world.names.0.meanwhile.lock().unwrap() = Some(Box::new(act));
    let found = now(world.actor(1).search_rooms("needle user2", 50)).unwrap();
    let ids: Vec<_> = found.iter().map(|summary| summary.room.id).collect();
    assert_eq!(ids, [moves, stays, other, public]);
    assert_eq!(found[0].last_message.as_ref().unwrap().content, "hello");
    assert_eq!(found[3].members, [UserId::from(2)]);
}

#[test]
fn so_many_rooms_are_looked_at_and_no_more() {
    let world = World::new();
    let rooms: Vec<_> = (0..1_001).map(|_| world.room(RoomKind::Public, "needle", &[1])).collect();
    for limit in [0, 1, 50, 51] {
        let found = now(world.actor(1).search_rooms("needle", limit)).unwrap();
        assert_eq!(found.len(), limit.min(50));
    }
    let oldest = RoomName::parse("oldest").unwrap();
    now(world.actor(1).rename_room(rooms[0], oldest)).unwrap();
    let second = RoomName::parse("second").unwrap();
    now(world.actor(1).rename_room(rooms[1], second)).unwrap();
    assert_eq!(world.rooms(2, "oldest"), []);
    assert_eq!(world.rooms(2, "second"), [rooms[1]]);
}

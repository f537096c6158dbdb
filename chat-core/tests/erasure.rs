//! Users who are erased.

mod common;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_core::dialect::TEAM;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{
    Change, Event, Message, Presence, RoomId, RoomKind, Slice, User, UserId, Version,
};
use chat_core::rules::RoomName;
use chat_core::service::{Error, Listener};
use chat_core::store::Anchor;
use chat_core::{Chat, Config, Outgoing};
use common::{Flaky, SECRET, Shelf, Time, World, now, open_team, sent, team};
use futures::stream::{self, StreamExt};

/// What was told of rooms, and with which versions.
#[derive(Default)]
struct Told(Mutex<Vec<(RoomId, Version, String)>>);

impl Listener for Told {
    fn on_event(&self, event: &Event) {
        let Event::Room(event) = event else { return };
        let words = event.changes.iter().map(|change| match change {
            Change::Deleted { message, sender, .. } => {
                format!("{} of {} is deleted", message.seq, sender.username)
            }
            Change::Reacted { message } => {
                format!("{} has {} emoji", message.seq, message.reactions.len())
            }
            Change::Left { user } => format!("{user} left"),
            other => format!("{other:?}"),
        });
        let words: Vec<_> = words.collect();
        self.0.lock().unwrap().push((event.room, event.reached.version, words.join(", ")));
    }
}

struct Scene {
    chat: Chat,
    store: Flaky,
    shelf: Shelf,
}

impl Scene {
    fn open() -> Self {
        let users = [1, 2, 3].map(|id: u64| User::new(id.into(), format!("user{id}")));
        let (store, shelf) = (Flaky::default(), Shelf::default());
        let sign_in = JwtAuthenticator::hs256(SECRET);
        let chat = Chat::builder(store.clone(), StaticDirectory::from_iter(users), sign_in)
            .with_files(shelf.clone())
            .with_clock(Time::new())
            .build();
        Self { chat, store, shelf }
    }

    /// What Jane finds in a room, the oldest first.
    fn found(&self, room: RoomId) -> Vec<Arc<Message>> {
        let jane = self.chat.acting_as(2);
        let all = jane.history_with_deleted(room, Anchor::AfterSeq(0), Slice::first(999));
        now(all).unwrap().items
    }

    fn texts(&self, room: RoomId) -> Vec<String> {
        self.found(room).iter().map(|message| message.content.clone()).collect()
    }

    /// John says something, Jane answers, and John reacts to it.
    fn talk(&self, room: RoomId) {
        let (john, jane) = (self.chat.acting_as(1), self.chat.acting_as(2));
        now(john.send(room, "mine")).unwrap();
        let answer = now(jane.send(room, "hers")).unwrap().message;
        now(john.react(room, answer.id, "👍")).unwrap();
        now(jane.react(room, answer.id, "e")).unwrap();
    }

    fn group(&self) -> RoomId {
        let name = RoomName::parse("a group").unwrap();
        now(self.chat.acting_as(2).create_room(RoomKind::Group, name, vec![1.into()])).unwrap()
    }
}

#[test]
fn of_who_is_erased_nothing_is_left_in_any_room_they_ever_were_in() {
    let scene = Scene::open();
    let (john, jane, id) = (scene.chat.acting_as(1), scene.chat.acting_as(2), UserId::from(1));
    let pair = now(john.direct_room(2)).unwrap().id;
    let (group, left) = (scene.group(), scene.group());
    for room in [pair, group, left] {
        scene.talk(room);
    }
    let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
    let upload = now(john.upload(left, "notes.txt", pieces)).unwrap();
    now(john.send(left, Outgoing::new("look").with_file(upload))).unwrap();
    now(john.leave(left)).unwrap();
    let session = now(john.open_session(pair, Some("browser"), None)).unwrap();
    now(john.close_session(&session)).unwrap();
    let told = Arc::new(Told::default());
    scene.chat.add_listener(told.clone());

    now(scene.chat.erase_user(&id)).unwrap();
    let line = |room, version, words: &str| (room, version, words.to_owned());
    let wanted = [
        line(pair, 6, "1 left"),
        line(pair, 7, "1 of user1 is deleted"),
        line(pair, 8, "2 has 1 emoji"),
        line(group, 6, "1 left"),
        line(group, 7, "1 of user1 is deleted"),
        line(group, 8, "2 has 1 emoji"),
        line(left, 8, "1 of user1 is deleted, 3 of user1 is deleted"),
        line(left, 9, "2 has 1 emoji"),
    ];
    assert_eq!(*told.0.lock().unwrap(), wanted);
    assert_eq!(
        (scene.texts(pair), scene.texts(left)),
        (vec_of(["", "hers"]), vec_of(["", "hers", ""]))
    );
    assert_eq!(now(jane.room(group)).unwrap().unread, 0);
    assert!(scene.shelf.contents().is_empty());
    assert_eq!(now(scene.chat.rooms_of(&id, None, 10)).unwrap(), []);
    assert_eq!(now(scene.chat.presence(std::slice::from_ref(&id))).unwrap(), [Presence::default()]);
    assert_eq!(now(jane.direct_room(1)).unwrap().id, pair, "that they talked stays");

    now(scene.chat.erase_user(&id)).unwrap();
    assert_eq!(told.0.lock().unwrap().len(), wanted.len(), "there was nothing left to tell");
}

fn vec_of<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn an_erasure_that_broke_off_goes_on_when_it_is_called_again() {
    let scene = Scene::open();
    let (rooms, id) = ([scene.group(), scene.group()], UserId::from(1));
    for room in rooms {
        scene.talk(room);
        for _ in 0..250 {
            now(scene.chat.acting_as(1).send(room, "more")).unwrap();
        }
    }
    // Each step is done, and its answer lost.
    let mut calls = 0;
    scene.store.set_mute(true);
    while rooms.iter().any(|room| scene.found(*room).iter().any(|it| is_standing(it))) {
        let lost = now(scene.chat.erase_user(&id));
        assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
        calls += 1;
        assert!(calls <= 20, "it goes on");
    }
    scene.store.set_mute(false);
    let before = rooms.map(|room| scene.found(room));
    now(scene.chat.erase_user(&id)).unwrap();
    for (room, before) in rooms.into_iter().zip(before) {
        let after = scene.found(room);
        let deleted = |messages: &[Arc<Message>]| {
            messages.iter().map(|message| message.versions.deleted).collect::<Vec<_>>()
        };
        assert_eq!(deleted(&after), deleted(&before), "nothing is deleted twice");
        assert_eq!(after.iter().map(|message| message.reactions.len()).sum::<usize>(), 1);
    }
}

/// Whether it is John's and says something.
fn is_standing(message: &Message) -> bool {
    message.sender == UserId::from(1) && !message.is_deleted()
}

#[test]
fn open_sockets_see_the_erased_go_and_what_they_said() {
    let mut world = team();
    let room = world.room;
    let mine = sent(&world, 1, room, "mine");
    let (john, jane) = (open_team(&mut world, 1, room), open_team(&mut world, 2, room));
    world.frames(jane);
    now(world.chat.erase_user(&1.into())).unwrap();
    world.settle();
    assert_eq!(world.closed(john), Some(4401));
    let frames = world.frames(jane);
    let of = |kind: &str| frames.iter().filter(|frame| frame["type"] == kind).collect::<Vec<_>>();
    let deleted = of("message_deleted");
    assert_eq!(deleted.len(), 1, "{frames:?}");
    assert_eq!(deleted[0]["message"]["id"], mine["id"]);
    assert_eq!(of("user_left").len(), 1, "{frames:?}");
}

#[test]
fn who_is_erased_is_told_to_have_gone_once_wherever_their_sockets_are() {
    let mut world = World::among(TEAM, Config::default(), Vec::new());
    let room = world.room;
    let jane = open_team(&mut world, 2, room);
    // Another node's, which does not hear of it.
    let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let sign_in = JwtAuthenticator::hs256(SECRET);
    let other = Chat::builder(world.store.clone(), StaticDirectory::from_iter(users), sign_in)
        .with_clock(world.time.clone())
        .build();
    let session = now(other.acting_as(1).open_session(room, None, None)).unwrap();
    world.frames(jane);
    now(world.chat.erase_user(&1.into())).unwrap();
    world.settle();
    let gone = |frames: &[serde_json::Value]| {
        frames.iter().filter(|frame| frame["type"] == "user_left").count()
    };
    assert_eq!(gone(&world.frames(jane)), 1);
    now(other.renew_sessions()).unwrap();
    now(other.acting_as(1).close_session(&session)).unwrap();
    let presence = now(other.presence(&[1.into()])).unwrap();
    assert_eq!(presence, [Presence::default()], "nothing of it is kept");
}

//! Files that no message bears are deleted, if not at once then later.

mod common;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::host::{Draft, Hooks, JwtAuthenticator, Refusal, StaticDirectory};
use chat_core::model::{MessageId, RoomId, User};
use chat_core::rules::Denial;
use chat_core::service::{Error, Upload};
use chat_core::store::{FIRST_FILE_PAUSE, MessageStore};
use chat_core::{Actor, Chat, ChatBuilder, Outgoing};
use common::{Flaky, SECRET, Shelf, Time, now};
use futures::FutureExt;
use futures::stream::{self, StreamExt};

struct Scene {
    chat: Chat,
    store: Flaky,
    shelf: Shelf,
    time: Time,
    room: RoomId,
}

impl Scene {
    fn open() -> Self {
        Self::with(|chat| chat)
    }

    fn with(more: impl FnOnce(ChatBuilder) -> ChatBuilder) -> Self {
        let users = [1, 2].map(|id: u64| User::new(id.into(), format!("user{id}")));
        let (store, shelf, time) = (Flaky::default(), Shelf::default(), Time::new());
        let sign_in = JwtAuthenticator::hs256(SECRET);
        let chat = Chat::builder(store.clone(), StaticDirectory::from_iter(users), sign_in);
        let chat = more(chat.with_files(shelf.clone()).with_clock(time.clone())).build();
        let room = now(chat.acting_as(1).direct_room(2)).unwrap().id;
        Self { chat, store, shelf, time, room }
    }

    fn john(&self) -> Actor {
        self.chat.acting_as(1)
    }

    fn upload(&self) -> Upload {
        let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
        now(self.john().upload(self.room, "notes.txt", pieces)).unwrap()
    }

    fn with_file(&self, text: &str) -> Outgoing {
        Outgoing::new(text).with_file(self.upload())
    }

    fn sent(&self) -> MessageId {
        now(self.john().send(self.room, self.with_file("look"))).unwrap().message.id
    }

    fn files(&self) -> usize {
        self.shelf.contents().len()
    }

    /// Tries to delete what is left.
    fn sweep(&self) {
        while now(self.chat.delete_gone_files()).unwrap() {}
    }
}

#[test]
fn a_file_that_cannot_be_deleted_with_its_message_is_deleted_later() {
    let scene = Scene::open();
    let message = scene.sent();
    scene.shelf.set_down(true);
    now(scene.john().delete(scene.room, message)).unwrap();
    for _ in 0..4 {
        scene.sweep();
        scene.time.advance(Duration::from_hours(1));
    }
    assert_eq!(scene.files(), 1);
    scene.shelf.set_down(false);
    scene.sweep();
    assert_eq!(scene.files(), 0);
}

#[test]
fn a_file_that_cannot_be_deleted_is_not_tried_again_at_once() {
    let scene = Scene::open();
    let message = scene.sent();
    scene.shelf.set_down(true);
    now(scene.chat.delete_message(scene.room, message)).unwrap();
    scene.sweep();
    scene.shelf.set_down(false);
    scene.sweep();
    assert_eq!(scene.files(), 1);
    scene.time.advance(FIRST_FILE_PAUSE);
    scene.sweep();
    assert_eq!(scene.files(), 0);
}

#[test]
fn the_file_of_a_deletion_that_nobody_heard_of_is_deleted() {
    let scene = Scene::open();
    let message = scene.sent();
    scene.store.set_mute(true);
    let lost = now(scene.john().delete(scene.room, message));
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    scene.store.set_mute(false);
    let again = now(scene.john().delete(scene.room, message));
    assert!(matches!(again, Err(Error::Denied(Denial::Deleted))), "{again:?}");
    assert_eq!(scene.files(), 1);
    scene.sweep();
    assert_eq!(scene.files(), 0);
}

#[test]
fn a_file_of_a_message_that_stands_is_left_alone() {
    let scene = Scene::open();
    scene.sent();
    scene.time.advance(Duration::from_hours(24));
    scene.sweep();
    assert_eq!(scene.files(), 1);
}

#[test]
fn an_upload_that_is_given_back_is_deleted_if_not_at_once_then_later() {
    let scene = Scene::open();
    let upload = scene.upload();
    scene.shelf.set_down(true);
    now(scene.john().discard(upload));
    assert_eq!(scene.files(), 1);
    scene.shelf.set_down(false);
    scene.sweep();
    assert_eq!(scene.files(), 0);
}

/// Refuses a word and fails over another.
struct Strict;

#[async_trait]
impl Hooks for Strict {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        match draft.content.as_str() {
            "no" => Err("no".into()),
            "fail" => panic!("the host fails"),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_message_that_cannot_be_composed_leaves_no_file() {
    let scene = Scene::with(|chat| chat.with_hooks(Strict));
    let john = scene.john();
    let refused = now(john.compose(scene.room, scene.with_file("no")));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let too_long = now(john.compose(scene.room, scene.with_file("long").with_limit(2)));
    assert!(matches!(too_long, Err(Error::Invalid(_))), "{too_long:?}");
    let failing = john.compose(scene.room, scene.with_file("fail"));
    now(std::panic::AssertUnwindSafe(failing).catch_unwind()).expect_err("the host fails");
    assert_eq!(scene.files(), 0);
}

#[test]
fn a_composed_message_that_is_not_stored_is_discarded_with_its_file() {
    let scene = Scene::open();
    let john = scene.john();
    let rolled_back = now(john.compose(scene.room, scene.with_file("an order"))).unwrap();
    assert_eq!(scene.files(), 1);
    now(scene.chat.discard(rolled_back));
    assert_eq!(scene.files(), 0);

    let compose = || now(john.compose(scene.room, scene.with_file("an order").with_key("17")));
    let first = now(scene.store.send(compose().unwrap())).unwrap();
    let second = compose().unwrap();
    assert!(now(scene.store.send(second.clone())).unwrap().repeated);
    now(scene.chat.discard(second));
    assert_eq!(scene.files(), 1);
    let download = now(scene.chat.acting_as(2).download(first.message.id)).unwrap();
    assert!(now(download.read()).is_ok());

    let plain = now(john.compose(scene.room, "no file")).unwrap();
    now(scene.chat.discard(plain));
}

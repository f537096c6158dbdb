//! What nodes tell each other of who types.

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_core::Chat;
use chat_core::host::{Bus, Hint, JwtAuthenticator, NoBus};
use chat_core::model::RoomId;
use common::{Counted, Flaky, SECRET, now};
use futures::stream::BoxStream;

/// Writes down what is to be told to other nodes of who types.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<bool>>>);

impl Told {
    fn take(&self) -> Vec<bool> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Bus for Told {
    fn publish(&self, hint: Hint) {
        if let Hint::Typing(.., is_typing) = hint {
            self.0.lock().unwrap().push(is_typing);
        }
    }

    fn subscribe(&self) -> BoxStream<'static, Hint> {
        NoBus.subscribe()
    }

    fn is_available(&self) -> bool {
        true
    }
}

struct Node {
    chat: Chat,
    room: RoomId,
    directory: Counted,
    told: Told,
}

impl Node {
    fn new() -> Self {
        let (directory, told) = (Counted::default(), Told::default());
        let sign_in = JwtAuthenticator::hs256(SECRET);
        let chat = Chat::builder(Flaky::default(), directory.clone(), sign_in)
            .with_bus(told.clone())
            .build();
        let room = now(chat.acting_as(1).direct_room(2)).unwrap().id;
        Self { chat, room, directory, told }
    }

    fn hear(&self, is_typing: bool, at: Instant) {
        now(self.chat.handle_hint(Hint::Typing(self.room, 1.into(), is_typing), at)).unwrap();
    }

    /// Whether 1 is shown to type.
    fn shows(&self, at: Instant) -> bool {
        !now(self.chat.acting_as(2).typing_users(self.room, at)).unwrap().is_empty()
    }
}

#[test]
fn that_typing_goes_on_is_told_to_other_nodes_at_most_each_quarter_of_its_limit() {
    let (node, start) = (Node::new(), Instant::now());
    let quarter = node.chat.config().typing_limit / 4;
    let user = node.chat.acting_as(1);
    for frame in 0..100 {
        now(user.start_typing(node.room, start + quarter * frame / 50)).unwrap();
    }
    assert_eq!(node.told.take(), [true, true]);
    now(user.stop_typing(node.room)).unwrap();
    now(user.start_typing(node.room, start + quarter * 2)).unwrap();
    assert_eq!(node.told.take(), [false, true], "changes are told at once");
}

#[test]
fn who_is_known_to_type_is_not_looked_up_to_go_on_or_to_stop() {
    let (node, start) = (Node::new(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    node.hear(true, start);
    let asked = || node.directory.take();
    asked();
    for seconds in 1..=20 {
        node.hear(true, at(seconds));
    }
    node.chat.handle_typing_timeout(at(49));
    assert!(node.shows(at(49)));
    node.hear(false, at(49));
    assert!(!node.shows(at(49)));
    node.hear(false, at(49));
    assert_eq!(asked(), 0);
    node.hear(true, at(50));
    assert_eq!(asked(), 1);
}

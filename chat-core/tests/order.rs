//! What passes is told in the order in which it happened, whoever is quick or slow to tell.

mod common;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use chat_core::Chat;
use chat_core::host::{Hint, Hooks, JwtAuthenticator, NoHooks, StaticDirectory};
use chat_core::model::{Event, RoomId, RoomKind, Signal, User, UserId};
use chat_core::rules::RoomName;
use chat_core::service::{Listener, OpenSession};
use common::{Flaky, SECRET, Time, now};

/// Long enough for another thread to get in between, if it can.
const PAUSE: Duration = Duration::from_millis(200);

fn chat(store: &Flaky, hooks: impl Hooks, time: &Time) -> Chat {
    let directory =
        StaticDirectory::from_iter([1, 2].map(|id: u64| User::new(id.into(), "somebody")));
    Chat::builder(store.clone(), directory, JwtAuthenticator::hs256(SECRET))
        .with_hooks(hooks)
        .with_clock(time.clone())
        .build()
}

/// Writes down what is told: "online", "there", "gone" and the like.
#[derive(Default)]
struct Told(Mutex<Vec<&'static str>>);

impl Told {
    fn of(chat: &Chat) -> Arc<Self> {
        let told = Arc::new(Self::default());
        chat.add_listener(told.clone());
        told
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Told {
    fn on_event(&self, event: &Event) {
        let word = match event {
            Event::Signal(Signal::Presence { presence, .. }) if presence.online => "online",
            Event::Signal(Signal::Presence { .. }) => "offline",
            Event::Signal(Signal::Attendance { present: true, .. }) => "came",
            Event::Signal(Signal::Attendance { present: false, .. }) => "left",
            Event::Signal(Signal::Typing { is_typing: true, .. }) => "types",
            Event::Signal(Signal::Typing { is_typing: false, .. }) => "stops",
            _ => "something else",
        };
        self.0.lock().unwrap().push(word);
    }
}

fn is_waiting<T>(mut future: Pin<&mut impl Future<Output = T>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Lets somebody else begin whenever somebody stops typing, and is slow itself.
struct Slow {
    stops: Sender<()>,
    began: Mutex<Receiver<()>>,
}

impl Hooks for Slow {
    fn on_event(&self, event: &Event) {
        if matches!(event, Event::Signal(Signal::Typing { is_typing: false, .. })) {
            self.stops.send(()).unwrap();
            let _ = self.began.lock().unwrap().recv_timeout(PAUSE);
        }
    }
}

#[test]
fn who_types_again_while_their_end_is_told_is_told_last_to_type() {
    let (stops, stopped) = channel();
    let (begins, began) = channel();
    let chat = chat(&Flaky::default(), Slow { stops, began: Mutex::new(began) }, &Time::new());
    let room = now(chat.acting_as(1).direct_room(2)).unwrap().id;
    let told = Told::of(&chat);
    let start = Instant::now();
    now(chat.acting_as(1).start_typing(room, start)).unwrap();
    let later = start + chat.config().typing_limit;
    let (chat, told) = (&chat, &told);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            stopped.recv().unwrap();
            now(chat.acting_as(1).start_typing(room, later)).unwrap();
            let _ = begins.send(());
        });
        chat.handle_typing_timeout(later);
    });
    assert_eq!(told.take(), ["types", "stops", "types"]);
}

/// User 1 with an open socket in their room with 2, on one of two nodes.
struct Stage {
    here: Chat,
    there: Chat,
    time: Time,
    room: RoomId,
    first: OpenSession,
}

impl Stage {
    fn on(store: &Flaky) -> Self {
        let time = Time::new();
        let [here, there] = [(); 2].map(|()| chat(store, NoHooks, &time));
        let room = now(here.acting_as(1).direct_room(2)).unwrap().id;
        let first = now(here.acting_as(1).open_session(room, None, None)).unwrap();
        Self { here, there, time, room, first }
    }

    fn pass_the_lease(&self) {
        self.time.advance(self.here.config().session_lease + Duration::from_secs(1));
    }
}

#[test]
fn who_comes_again_before_their_going_is_told_is_not_told_to_have_gone() {
    let store = Flaky::default();
    let Stage { here: chat, room, first, .. } = Stage::on(&store);
    let told = Told::of(&chat);
    let user = chat.acting_as(1);

    store.set_late(true);
    let mut closing = pin!(user.close_session(&first));
    assert!(is_waiting(closing.as_mut()));
    store.set_late(false);
    let second = now(user.open_session(room, None, None)).unwrap();
    now(closing).unwrap();
    assert_eq!(told.take(), ["came", "online"]);

    now(user.close_session(&second)).unwrap();
    assert_eq!(told.take(), ["left", "offline"]);
}

#[test]
fn who_comes_into_another_room_before_their_going_is_told_has_left_only_the_first() {
    let store = Flaky::default();
    let Stage { here: chat, first, .. } = Stage::on(&store);
    let user = chat.acting_as(1);
    let other =
        now(user.create_room(RoomKind::Group, RoomName::parse("another").unwrap(), Vec::new()))
            .unwrap();
    let told = Told::of(&chat);

    store.set_late(true);
    let mut closing = pin!(user.close_session(&first));
    assert!(is_waiting(closing.as_mut()));
    store.set_late(false);
    let _second = now(user.open_session(other, None, None)).unwrap();
    now(closing).unwrap();
    assert_eq!(told.take(), ["came", "online", "left"]);
}

#[test]
fn a_coming_that_the_store_has_not_answered_hides_no_going() {
    let store = Flaky::default();
    let Stage { here: chat, room, first, .. } = Stage::on(&store);
    let told = Told::of(&chat);
    let user = chat.acting_as(1);

    store.set_down(true);
    assert!(now(user.open_session(room, None, None)).is_err());
    store.set_down(false);
    now(user.close_session(&first)).unwrap();
    assert_eq!(told.take(), ["left", "offline"]);
}

#[test]
fn a_look_that_is_answered_late_is_taken_again() {
    let store = Flaky::default();
    let Stage { here: chat, room, first, .. } = Stage::on(&store);
    let user = chat.acting_as(1);
    let told = Told::of(&chat);
    let hint = || Hint::Presence(UserId::from(1));

    store.set_late(true);
    let mut look = pin!(chat.handle_hint(hint(), Instant::now()));
    assert!(is_waiting(look.as_mut()));
    store.set_late(false);
    now(user.close_session(&first)).unwrap();
    now(look).unwrap();
    assert_eq!(told.take(), ["left", "offline", "offline"]);

    store.set_late(true);
    let mut look = pin!(chat.handle_hint(hint(), Instant::now()));
    assert!(is_waiting(look.as_mut()));
    store.set_late(false);
    let _second = now(user.open_session(room, None, None)).unwrap();
    now(look).unwrap();
    assert_eq!(told.take(), ["came", "online", "online"]);
}

#[test]
fn another_node_that_did_not_hear_of_a_return_takes_nobody_away() {
    let Stage { here: chat, room, first: _first, .. } = Stage::on(&Flaky::default());
    let told = Told::of(&chat);
    let gone = Hint::Attendance(room, UserId::from(1), false);
    now(chat.handle_hint(gone, Instant::now())).unwrap();
    assert_eq!(told.take(), Vec::<&str>::new());

    let gone = Hint::Attendance(room, UserId::from(2), false);
    now(chat.handle_hint(gone, Instant::now())).unwrap();
    assert_eq!(told.take(), ["left"]);
}

#[test]
fn who_comes_again_on_another_node_before_their_going_is_told_is_not_told_to_have_gone() {
    let store = Flaky::default();
    let Stage { here, there, room, first, .. } = Stage::on(&store);
    let told = Told::of(&here);
    let user = here.acting_as(1);

    store.set_late(true);
    let mut closing = pin!(user.close_session(&first));
    assert!(is_waiting(closing.as_mut()));
    store.set_late(false);
    let _second = now(there.acting_as(1).open_session(room, None, None)).unwrap();
    for hint in [Hint::Attendance(room, 1.into(), true), Hint::Presence(1.into())] {
        now(here.handle_hint(hint, Instant::now())).unwrap();
    }
    now(closing).unwrap();
    assert_eq!(told.take(), ["came", "online"]);
}

#[test]
fn whose_session_another_node_has_ended_is_told_to_have_gone_once() {
    let store = Flaky::default();
    let stage = Stage::on(&store);
    let Stage { here, there, room, first, .. } = &stage;
    let told = Told::of(here);

    // This node did not get to vouch for it.
    stage.pass_the_lease();
    now(there.expire_sessions()).unwrap();
    for hint in [Hint::Attendance(*room, 1.into(), false), Hint::Presence(1.into())] {
        now(here.handle_hint(hint, Instant::now())).unwrap();
    }
    // Here they are known to be there.
    assert_eq!(told.take(), ["online"]);
    now(here.acting_as(1).close_session(first)).unwrap();
    assert_eq!(told.take(), ["left", "offline"]);
}

#[test]
fn who_stays_through_an_outage_is_told_to_be_there_after_it() {
    let store = Flaky::default();
    let stage = Stage::on(&store);
    let Stage { here, there, .. } = &stage;
    let (told_here, told_there) = (Told::of(here), Told::of(there));

    store.set_down(true);
    stage.pass_the_lease();
    assert!(now(here.renew_sessions()).is_err());
    store.set_down(false);
    let presence = Hint::Presence(1.into());
    for node in [here, there] {
        now(node.handle_hint(presence.clone(), Instant::now())).unwrap();
    }
    assert_eq!((told_here.take(), told_there.take()), (vec!["online"], vec!["offline"]));
    now(here.renew_sessions()).unwrap();
    assert_eq!(told_here.take(), ["came", "online"]);
    now(there.handle_hint(presence, Instant::now())).unwrap();
    assert_eq!(told_there.take(), ["online"]);
}

#[test]
fn who_leaves_while_the_store_is_away_is_told_to_have_gone_after_it() {
    let store = Flaky::default();
    let stage = Stage::on(&store);
    let Stage { here, there, first, .. } = &stage;
    let told = Told::of(here);

    // The other node tells it to nobody but this one, where the user is known to be there.
    stage.pass_the_lease();
    now(there.expire_sessions()).unwrap();
    store.set_down(true);
    assert!(now(here.acting_as(1).close_session(first)).is_err());
    assert!(now(here.expire_sessions()).is_err());
    assert_eq!(told.take(), Vec::<&str>::new());
    store.set_down(false);
    now(here.expire_sessions()).unwrap();
    assert_eq!(told.take(), ["left", "offline"]);
}

#[test]
fn goings_whose_answer_was_lost_are_to_be_looked_for() {
    let store = Flaky::default();
    let Stage { there, time, .. } = &Stage::on(&store);
    time.advance(there.config().session_lease + Duration::from_secs(1));
    assert!(now(there.expire_sessions()).is_ok() && !there.take_missed());
    store.set_mute(true);
    assert!(now(there.expire_sessions()).is_err());
    store.set_mute(false);
    now(there.expire_sessions()).unwrap();
    assert!(there.take_missed());
    assert!(!there.take_missed(), "it is said once");
}

#[test]
fn comings_whose_answer_was_lost_are_to_be_looked_for() {
    let store = Flaky::default();
    let stage = Stage::on(&store);
    let Stage { here, there, .. } = &stage;
    stage.pass_the_lease();
    now(there.expire_sessions()).unwrap();
    store.set_mute(true);
    assert!(now(here.renew_sessions()).is_err());
    store.set_mute(false);
    now(here.renew_sessions()).unwrap();
    assert!(here.take_missed() && !there.take_missed());
}

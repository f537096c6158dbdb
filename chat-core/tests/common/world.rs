//! Four users, their rooms and their sockets.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_core::dialect::{Dialect, MESSENGER};
use chat_core::host::{Clock, JwtAuthenticator, StaticDirectory};
use chat_core::http::{Body, Request, dispatch, match_path};
use chat_core::model::{Change, Cursor, Event, RoomEvent, RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::socket::{Close, Delivery, Input, Opening, Socket};
use chat_core::store::{NewDirectRoom, RoomStore};
use chat_core::{Chat, Config, Error};
use futures::FutureExt;
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderName};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::hub::Hub;
use super::peer::Driven;
use super::{Answer, Flaky, Peer, Shelf, Time, request};

/// The secret of the world's tokens.
pub(crate) const SECRET: &[u8] = b"a secret of at least 32 bytes, for tests";

/// How often the node vouches for its sockets.
const RENEWAL: Duration = Duration::from_secs(10);

/// What a future comes to that has nothing to wait for.
#[track_caller]
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here has to be waited for")
}

/// What a future comes to that waits for nobody but itself: it is polled as long as it asks for it.
#[track_caller]
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> T {
    #[derive(Default)]
    struct Asked(AtomicBool);
    impl Wake for Asked {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let asked = Arc::new(Asked::default());
    let waker = asked.clone().into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(asked.0.swap(false, Ordering::Relaxed), "nothing here has to be waited for");
    }
}

/// Headers of these names and values.
pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// Four users, of whom 1 shares a room with each other one; a chat on virtual time, and its sockets.
pub(crate) struct World {
    pub(crate) chat: Chat,
    pub(crate) store: Flaky,
    pub(crate) files: Shelf,
    pub(crate) time: Time,
    /// The room of 1 and 2.
    pub(crate) room: RoomId,
    /// The room of 1 and 3.
    pub(crate) other_room: RoomId,
    dialect: &'static Dialect,
    hub: Arc<Hub>,
    sockets: Vec<Driven>,
    next_renewal: Instant,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_config(Config::default())
    }

    pub(crate) fn with_config(config: Config) -> Self {
        Self::speaking_with(MESSENGER, config)
    }

    /// A world whose sockets and requests are of another dialect.
    pub(crate) fn speaking(dialect: &'static Dialect) -> Self {
        Self::speaking_with(dialect, Config::default())
    }

    pub(crate) fn speaking_with(dialect: &'static Dialect, config: Config) -> Self {
        Self::among(dialect, config, Vec::new())
    }

    /// A world with more users than the four.
    pub(crate) fn among(dialect: &'static Dialect, config: Config, more: Vec<User>) -> Self {
        let (store, time, hub) = (Flaky::default(), Time::new(), Arc::new(Hub::default()));
        let authenticator = JwtAuthenticator::hs256(SECRET).with_clock(time.clone());
        let files = Shelf::default();
        let chat = Chat::builder(store.clone(), directory(more), authenticator)
            .with_files(files.clone())
            .with_clock(time.clone())
            .with_config(config)
            .build();
        chat.add_listener(hub.clone());
        let room = direct_room(&store, &time, 1, 2, &json!({ "match": 123 }));
        let other_room = direct_room(&store, &time, 1, 3, &json!({}));
        let next_renewal = time.instant() + RENEWAL;
        let sockets = Vec::new();
        Self { chat, store, files, time, room, other_room, dialect, hub, sockets, next_renewal }
    }

    /// Makes the room of two users, with `first` as its creator.
    pub(crate) fn direct_room(&self, first: u64, second: u64) -> RoomId {
        direct_room(&self.store, &self.time, first, second, &json!({}))
    }

    /// A token of a user, good for a day.
    pub(crate) fn token(&self, user: u64) -> String {
        self.token_until(user, 86_400)
    }

    /// A token of a user that expires in some seconds.
    pub(crate) fn token_until(&self, user: u64, seconds: i64) -> String {
        let claims = json!({ "sub": user, "exp": self.time.seconds() + seconds });
        encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    /// Opens a socket of a user in the room of 1 and 2 and takes its first frame.
    #[track_caller]
    pub(crate) fn open(&mut self, user: u64) -> Peer {
        self.open_in(user, self.room)
    }

    /// Opens a socket of a user in a room and takes its first frame.
    #[track_caller]
    pub(crate) fn open_in(&mut self, user: u64, room: RoomId) -> Peer {
        let token = self.token(user);
        let peer = self.open_at(&format!("/ws/chat/{room}/"), &token).unwrap();
        if self.dialect.name == "messenger" {
            assert_eq!(self.frame(peer)["type"], "connection_established");
        }
        peer
    }

    /// Opens a socket at a path with a token in the query.
    pub(crate) fn open_at(&mut self, path: &str, token: &str) -> Result<Peer, Close> {
        self.open_with(path, &HeaderMap::new(), Some(&format!("token={token}")))
    }

    /// Opens a socket at a path.
    pub(crate) fn open_with(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Peer, Close> {
        let peer = self.open_held(path, headers, query)?;
        self.sockets[peer.0].holds_history = false;
        self.sockets[peer.0].read_history(&self.time);
        self.settle();
        Ok(peer)
    }

    /// The same, but the pages of history wait until they are let go.
    pub(crate) fn open_held(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Peer, Close> {
        let mut routes = self.dialect.sockets.iter();
        let (route, params) = routes
            .find_map(|route| Some((route, match_path(route.path, path)?)))
            .expect("a path of a socket");
        let opening =
            now(Opening::recognise(&self.chat, self.dialect, route, params, headers, query))?;
        let (socket, watched) = now(opening.enter(headers, None, self.time.instant()))?;
        self.sockets.push(Driven::new(socket, watched));
        let peer = Peer(self.sockets.len() - 1);
        self.sockets[peer.0].holds_history = true;
        self.settle();
        Ok(peer)
    }

    /// Reads the page of history that waits and hands it back; whether there was one.
    pub(crate) fn release_history(&mut self, peer: Peer) -> bool {
        let waits = self.sockets[peer.0].page.is_some();
        self.sockets[peer.0].read_history(&self.time);
        self.settle();
        waits
    }

    /// Whether a socket waits for a page of history.
    pub(crate) fn reads_history(&self, peer: Peer) -> bool {
        self.sockets[peer.0].page.is_some()
    }

    /// From now on the client takes nothing, or everything again.
    pub(crate) fn set_stalled(&mut self, peer: Peer, stalled: bool) {
        self.sockets[peer.0].is_stalled = stalled;
        if !stalled {
            self.sockets[peer.0].flush(&self.time);
            self.settle();
        }
    }

    /// Takes the one frame that a socket was sent, as text.
    #[track_caller]
    pub(crate) fn text(&mut self, peer: Peer) -> String {
        let mut texts = std::mem::take(&mut self.sockets[peer.0].texts);
        self.frames(peer);
        assert_eq!(texts.len(), 1, "{texts:#?}");
        texts.remove(0)
    }

    /// How many pings of the protocol a socket was sent.
    pub(crate) fn pings(&self, peer: Peer) -> usize {
        self.sockets[peer.0].pings
    }

    /// Sends a client's frame.
    pub(crate) fn send(&mut self, peer: Peer, frame: &Value) {
        self.send_text(peer, &frame.to_string());
    }

    /// Sends a client's text, whatever it is.
    pub(crate) fn send_text(&mut self, peer: Peer, text: &str) {
        self.input(peer, Input::Text(text));
    }

    /// Feeds a machine.
    pub(crate) fn input(&mut self, peer: Peer, input: Input<'_>) {
        self.sockets[peer.0].handle(input, &self.time);
        self.settle();
    }

    /// Takes what a socket was sent.
    pub(crate) fn frames(&mut self, peer: Peer) -> Vec<Value> {
        self.sockets[peer.0].texts.clear();
        std::mem::take(&mut self.sockets[peer.0].frames)
    }

    /// Takes the one frame that a socket was sent.
    #[track_caller]
    pub(crate) fn frame(&mut self, peer: Peer) -> Value {
        let mut frames = self.frames(peer);
        assert_eq!(frames.len(), 1, "{frames:#?}");
        frames.remove(0)
    }

    /// Checks that a socket was sent nothing.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self, peer: Peer) {
        assert_eq!(self.frames(peer), Vec::<Value>::new());
    }

    /// The code with which a socket was closed.
    pub(crate) fn closed(&self, peer: Peer) -> Option<u16> {
        self.sockets[peer.0].close.map(|close| close.code)
    }

    /// Closes a socket from the client's side.
    pub(crate) fn leave(&mut self, peer: Peer) {
        now(self.sockets[peer.0].socket.take().unwrap().leave());
        self.settle();
    }

    /// From now on a socket's commands wait.
    pub(crate) fn hold_commands(&mut self, peer: Peer) {
        self.sockets[peer.0].holds_commands = true;
    }

    /// Carries out the command that waits, and hands back what came of it.
    pub(crate) fn release_command(&mut self, peer: Peer) {
        self.release_command_after(peer, |_| {});
    }

    /// Carries out the command that waits, and hands back what came of it after something else
    /// has happened.
    pub(crate) fn release_command_after(&mut self, peer: Peer, then: impl FnOnce(&mut Self)) {
        let performed = self.sockets[peer.0].perform(&self.time).unwrap();
        then(self);
        self.input(peer, Input::Performed(performed));
    }

    /// Whether a command waits.
    pub(crate) fn is_performing(&self, peer: Peer) -> bool {
        self.sockets[peer.0].command.is_some()
    }

    /// Whether the machine wants more frames of its client now.
    pub(crate) fn wants_frames(&self, peer: Peer) -> bool {
        self.sockets[peer.0].socket.as_ref().is_some_and(Socket::wants_frames)
    }

    /// Whether the machine wants deliveries now.
    pub(crate) fn wants_deliveries(&self, peer: Peer) -> bool {
        self.sockets[peer.0].socket.as_ref().is_some_and(Socket::wants_deliveries)
    }

    /// From now on deliveries to a socket are lost, or no more.
    pub(crate) fn set_deaf(&mut self, peer: Peer, deaf: bool) {
        self.settle();
        self.sockets[peer.0].is_deaf = deaf;
    }

    /// Catches a socket up from the store as the drivers do, so many rows at once.
    pub(crate) fn catch_up(&mut self, peer: Peer, limit: usize) {
        while self.wants_deliveries(peer)
            && let Some(socket) = &self.sockets[peer.0].socket
        {
            let (room, after) = (socket.room(), socket.cursor());
            let batch = now(self.chat.changes(room, after, limit)).unwrap();
            for event in batch.events {
                let delivery = Delivery::new(Event::Room(event));
                self.sockets[peer.0].handle(Input::Delivery(&delivery), &self.time);
            }
            let Some(socket) = &mut self.sockets[peer.0].socket else { return };
            socket.catch_up_to(batch.reached);
            if !batch.more {
                return self.settle();
            }
        }
    }

    /// Ends a membership as a host does.
    pub(crate) fn remove_member(&mut self, room: RoomId, user: u64) {
        assert!(now(self.chat.remove_member(room, &user.into())).unwrap());
        self.settle();
    }

    /// Hands a delivery to every socket that it concerns.
    pub(crate) fn deliver(&mut self, delivery: &Delivery) {
        self.sockets.iter_mut().for_each(|socket| socket.deliver(delivery, &self.time));
        self.settle();
    }

    /// Lets time pass, and whatever is due on the way happen when it is due.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.time.instant() + by;
        while let Some(due) = self.next_deadline().filter(|due| *due <= end) {
            self.time.move_to(due);
            self.timeout();
        }
        self.time.move_to(end);
    }

    /// Lets some seconds pass.
    pub(crate) fn advance_secs(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass without anybody being woken, as when the machine was asleep.
    pub(crate) fn sleep(&mut self, by: Duration) {
        self.time.advance(by);
        self.timeout();
    }

    /// When something is due next.
    fn next_deadline(&self) -> Option<Instant> {
        let sockets = self.sockets.iter().filter_map(|socket| socket.deadline);
        sockets.chain(self.chat.poll_typing_timeout()).chain([self.next_renewal]).min()
    }

    /// Wakes everybody whose deadline has come.
    fn timeout(&mut self) {
        let at = self.time.instant();
        self.chat.handle_typing_timeout(at);
        if self.next_renewal <= at {
            self.next_renewal = at + RENEWAL;
            now(self.chat.renew_sessions()).unwrap();
        }
        for socket in &mut self.sockets {
            if socket.deadline.is_some_and(|due| due <= at) {
                socket.handle(Input::Timeout, &self.time);
                assert!(socket.deadline.is_none_or(|due| due > at), "woken again at once");
            }
        }
        self.settle();
    }

    /// Whether anything was told that was not handed out yet; it is lost.
    pub(crate) fn take_told(&self) -> bool {
        std::iter::from_fn(|| self.hub.take()).count() > 0
    }

    /// Hands out what was told, until nothing is.
    pub(crate) fn settle(&mut self) {
        loop {
            self.sockets.iter_mut().for_each(|socket| socket.drive(&self.time));
            let Some(delivery) = self.hub.take() else { return };
            for socket in &mut self.sockets {
                socket.deliver(&delivery, &self.time);
            }
        }
    }

    /// Sends a request of a user without a body.
    pub(crate) fn get(&self, user: u64, uri: &str) -> Answer {
        self.ask(user, "GET", uri, &[], "")
    }

    /// Sends a request of a user with a JSON body.
    pub(crate) fn post(&self, user: u64, uri: &str, body: &Value) -> Answer {
        self.ask(user, "POST", uri, &[], &body.to_string())
    }

    /// Sends a request of a user.
    pub(crate) fn ask(
        &self,
        user: u64,
        method: &str,
        uri: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token(user));
        let mut all = headers(&[("authorization", &bearer), ("host", "example.com")]);
        if !body.is_empty() {
            all.extend(headers(&[("content-type", "application/json")]));
        }
        all.extend(headers(more));
        self.dispatch(request(method, uri, all, vec![Bytes::copy_from_slice(body.as_bytes())]))
    }

    /// Sends a request of a user and hands over the pieces of the body, which are taken one by one.
    pub(crate) fn stream(&self, user: u64, uri: &str) -> BoxStream<'static, Result<Bytes, Error>> {
        let all = headers(&[("authorization", &format!("Bearer {}", self.token(user)))]);
        let request = request("GET", uri, all, Vec::new());
        let response = now(dispatch(&self.chat, self.dialect, request, self.time.instant()));
        match response.into_body() {
            Body::Stream(pieces) => pieces,
            Body::Full(_) => panic!("{uri} is streamed"),
        }
    }

    /// Sends a message as from in-process, and returns its id.
    pub(crate) fn say(&mut self, user: u64, room: RoomId, text: &str) -> u64 {
        let sent = now(self.chat.acting_as(user.to_string()).send(room, text)).unwrap();
        self.settle();
        sent.message.id.get()
    }

    /// Makes a group of users, the first of whom is its creator.
    pub(crate) fn group(&self, name: &str, users: &[u64]) -> RoomId {
        let members = users[1..].iter().map(|user| UserId::from(*user)).collect();
        let creator = self.chat.acting_as(users[0].to_string());
        now(creator.create_room(RoomKind::Group, RoomName::parse(name).unwrap(), members)).unwrap()
    }

    /// Sends a request.
    pub(crate) fn dispatch(&self, request: Request) -> Answer {
        Answer::new(soon(dispatch(&self.chat, self.dialect, request, self.time.instant())))
    }
}

fn directory(more: Vec<User>) -> StaticDirectory {
    let user = |id: u64, username: &str, name: &str| {
        let (first, last) = name.split_once(' ').unwrap();
        User::new(id.into(), username)
            .with_names(first, last)
            .with_role("Student")
            .with_display_name(name)
            .with_email(format!("{username}@example.com"))
            .with_image_urls(vec![format!("https://example.com/avatar{id}.jpg")])
    };
    let four = [
        user(1, "john_doe", "John Doe"),
        user(2, "jane_smith", "Jane Smith").with_picture("https://example.com/jane.jpg"),
        user(3, "alex_brown", "Alex Brown"),
        user(4, "mary_jones", "Mary Jones"),
    ];
    four.into_iter().chain(more).collect()
}

fn direct_room(store: &Flaky, time: &Time, first: u64, second: u64, metadata: &Value) -> RoomId {
    let metadata = metadata.as_object().unwrap().clone();
    let (first, second) = (first.into(), second.into());
    let new = NewDirectRoom { first, second, metadata, at: time.now() };
    now(store.direct_room(new)).unwrap().0
}

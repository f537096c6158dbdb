//! Four users, their rooms and their sockets.

mod passing;
mod sockets;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_core::dialect::{Dialect, MESSENGER};
use chat_core::host::{Clock, JwtAuthenticator, StaticDirectory};
use chat_core::http::{Body, Request, dispatch};
use chat_core::model::{RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::store::{NewDirectRoom, RoomStore};
use chat_core::{Chat, Config, Error};
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderName};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

pub(crate) use self::waiting::now;
use self::waiting::soon;
use super::hub::Hub;
use super::peer::Driven;
use super::{Answer, Flaky, Shelf, Time, request};

/// The secret of the world's tokens.
pub(crate) const SECRET: &[u8] = b"a secret of at least 32 bytes, for tests";

/// How often the node vouches for its sockets.
const RENEWAL: Duration = Duration::from_secs(10);

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

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.dialect
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

    /// Ends a membership as a host does.
    pub(crate) fn remove_member(&mut self, room: RoomId, user: u64) {
        assert!(now(self.chat.remove_member(room, &user.into())).unwrap());
        self.settle();
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
        let response =
            now(dispatch(&self.chat, self.dialect, request, self.time.instant())).response;
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
        let answered = dispatch(&self.chat, self.dialect, request, self.time.instant());
        Answer::new(soon(answered).response)
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

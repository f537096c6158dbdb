//! The chat that a case meets: users, rooms and their tokens.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::store::{NewDirectRoom, NewRoom, Store};
use chat_core::{Actor, Chat};
use chat_runtime::{ObjectFiles, Server};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::case::Settings;
use super::pattern::Names;

const SECRET: &[u8] = b"a secret of the conformance suite's own";

/// The chat that a case meets.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) store: Arc<dyn Store>,
    /// The rooms by their names in the file, and a token for each user.
    pub(super) names: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    users: Vec<UserRow>,
    rooms: Vec<RoomRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRow {
    id: Value,
    username: String,
    display_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    role: String,
    picture: Option<String>,
    image_urls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomRow {
    name: String,
    kind: String,
    members: Vec<Value>,
    created_by: Option<Value>,
    metadata: Map<String, Value>,
}

impl World {
    /// Puts users and rooms into a store and starts a server on it.
    pub(super) async fn build<S: Store + Clone>(store: S, settings: &Settings) -> Self {
        let data: Data =
            serde_json::from_str(include_str!("../../cases/world.json")).expect("world.json");
        let directory: StaticDirectory = data.users.iter().map(UserRow::user).collect();
        let authenticator = JwtAuthenticator::hs256(SECRET);
        let chat = Chat::builder(store.clone(), directory, authenticator)
            .with_config(settings.config())
            .with_files(ObjectFiles::in_memory())
            .build();
        let mut names = Names::default();
        for row in &data.users {
            let id = plain(&row.id);
            let token = token(&id).expect("a user's token");
            names.set(format!("token_{id}"), token);
        }
        for who in ["expired", "forged", "unknown"] {
            names.set(format!("token_{who}"), token(who));
        }
        for row in &data.rooms {
            names.set(&row.name, row.make(&chat, &store).await);
        }
        Self { server: Server::start(chat), store: Arc::new(store), names }
    }

    /// A user who acts in the process.
    pub(super) fn actor(&self, who: &str) -> Actor {
        self.server.chat().acting_as(who)
    }
}

impl UserRow {
    fn user(&self) -> User {
        let user = User::new(user_id(&self.id), &self.username)
            .with_display_name(&self.display_name)
            .with_email(&self.email)
            .with_names(&self.first_name, &self.last_name)
            .with_role(&self.role)
            .with_image_urls(self.image_urls.clone());
        match &self.picture {
            Some(url) => user.with_picture(url),
            None => user,
        }
    }
}

impl RoomRow {
    async fn make(&self, chat: &Chat, store: &impl Store) -> u64 {
        let at = chat.clock().now();
        let metadata = self.metadata.clone();
        let kind = RoomKind::parse(&self.kind).expect("a kind of room");
        let members: Vec<UserId> = self.members.iter().map(user_id).collect();
        let id = if kind == RoomKind::Direct {
            let [first, second] = members.try_into().expect("two members");
            let new = NewDirectRoom { first, second, metadata, at };
            store.direct_room(new).await.expect("a direct room").0
        } else {
            let name = Some(RoomName::parse(&self.name).expect("a name"));
            let creator = self.created_by.as_ref().map(user_id);
            let member_limit = members.len() + 1;
            let new = NewRoom { kind, name, creator, members, member_limit, metadata, at };
            store.create_room(new).await.expect("a room")
        };
        id.get()
    }
}

fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn user_id(id: &Value) -> UserId {
    UserId::new(plain(id)).expect("a user id")
}

/// The token of a user, or one that is something special; none for `none`.
pub(super) fn token(who: &str) -> Option<String> {
    const HOUR: i64 = 3_600;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let now = i64::try_from(now).expect("a time before the year 292 billion");
    let good = now + HOUR;
    Some(match who {
        "none" => return None,
        "nonsense" => "nonsense".to_owned(),
        "expired" => sign(&json!({ "sub": "1", "exp": now - HOUR }), SECRET),
        // Within the leeway, but not for long.
        "fading" => sign(&json!({ "sub": "1", "exp": now - 28 }), SECRET),
        "just expired" => sign(&json!({ "sub": "1", "exp": now - 1 }), SECRET),
        "forged" => sign(&json!({ "sub": "1", "exp": good }), b"another secret, of somebody else"),
        "early" => sign(&json!({ "sub": "1", "exp": good, "nbf": now + HOUR / 2 }), SECRET),
        "endless" => sign(&json!({ "sub": "1" }), SECRET),
        "nobody" => sign(&json!({ "exp": good }), SECRET),
        "unknown" => sign(&json!({ "sub": "999", "exp": good }), SECRET),
        "integer 1" => sign(&json!({ "sub": 1, "exp": good }), SECRET),
        "user_id 1" => sign(&json!({ "user_id": 1, "exp": good }), SECRET),
        "sub 1 user_id 2" => sign(&json!({ "sub": "1", "user_id": "2", "exp": good }), SECRET),
        user => sign(&json!({ "sub": user, "exp": good }), SECRET),
    })
}

fn sign(claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    encode(&Header::default(), claims, &key).expect("a token")
}

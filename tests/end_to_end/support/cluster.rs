//! Nodes on one store, each with a listener of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chat_core::dialect;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomId, RoomKind, User, UserId};
use chat_core::rules::RoomName;
use chat_core::store::Store;
use chat_core::{Actor, Chat, Config};
use chat_runtime::{LocalBus, Server};
use chat_store_memory::MemoryStore;
use chat_store_postgres::PgStore;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tokio::net::TcpListener;

/// The secret of the tokens.
pub(crate) const SECRET: &str = "a secret of the end-to-end tests' own";

/// How many users there are: `1` to this.
const USERS: u64 = 400;

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// What the nodes share.
    pub(crate) kept: Kept,
    /// How many nodes share the store.
    pub(crate) nodes: usize,
    /// Whether the nodes hear each other's hints, or find out by themselves.
    pub(crate) bus: bool,
    /// The figures.
    pub(crate) config: Config,
}

/// Where chats are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Memory,
    Postgres,
}

impl Kept {
    pub(crate) const ALL: [Self; 2] = [Self::Memory, Self::Postgres];
}

impl Default for Setup {
    fn default() -> Self {
        Self { kept: Kept::Memory, nodes: 1, bus: true, config: Config::default() }
    }
}

/// Nodes on one store. Every dialect is mounted under its name.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) store: Arc<dyn Store>,
}

pub(crate) struct Node {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Cluster {
    pub(crate) async fn start(setup: Setup) -> Self {
        match setup.kept {
            Kept::Memory => Self::on(MemoryStore::new(), setup).await,
            Kept::Postgres => {
                let schema = chat_test_postgres::fresh_schema();
                let store = PgStore::connect_in(&chat_test_postgres::url(), &schema).await;
                let store = store.expect("a database");
                store.migrate().await.expect("migrations");
                Self::on(store, setup).await
            }
        }
    }

    async fn on(store: impl Store + Clone, setup: Setup) -> Self {
        let bus = LocalBus::new();
        let mut nodes = Vec::new();
        for _ in 0..setup.nodes {
            let users: StaticDirectory =
                (1..=USERS).map(|id| User::new(id.into(), format!("user{id}"))).collect();
            let sign_in = JwtAuthenticator::hs256(SECRET.as_bytes());
            let mut chat =
                Chat::builder(store.clone(), users, sign_in).with_config(setup.config.clone());
            if setup.bus {
                chat = chat.with_bus(bus.join());
            }
            nodes.push(Node::start(chat.build()).await);
        }
        Self { nodes, store: Arc::new(store) }
    }

    /// The only node's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.nodes[0].address
    }

    /// Acts on the first node, in its process.
    pub(crate) fn actor(&self, user: u64) -> Actor {
        self.nodes[0].server.chat().acting_as(user)
    }

    pub(crate) async fn direct_room(&self, first: u64, second: u64) -> RoomId {
        self.actor(first).direct_room(second).await.expect("a direct room").id
    }

    /// A group of the users `1` to `members`.
    pub(crate) async fn group(&self, members: u64) -> RoomId {
        let others: Vec<UserId> = (2..=members).map(UserId::from).collect();
        let name = RoomName::parse("everybody").expect("a name");
        self.actor(1).create_room(RoomKind::Group, name, others).await.expect("a room")
    }
}

impl Node {
    async fn start(chat: Chat) -> Self {
        let server = Server::start(chat);
        let mut app = axum::Router::new();
        for dialect in dialect::all() {
            app = app.nest(&format!("/{}", dialect.name), chat_axum::router(&server, dialect));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { server, address }
    }
}

/// A user's token, good for so many seconds.
pub(crate) fn token(user: u64, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let expires = i64::try_from(now).expect("a near time") + seconds;
    let claims = json!({ "sub": user.to_string(), "exp": expires });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
        .expect("a token")
}

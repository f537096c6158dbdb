//! Nodes on one store, each with a listener of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_core::dialect::{self, Dialect};
use chat_core::host::{Bus, JwtAuthenticator, StaticDirectory};
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
use warp::Filter;

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
    /// What mounts the dialects.
    pub(crate) adapter: Adapter,
    /// How the nodes hear of each other.
    pub(crate) link: Link,
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

/// How nodes hear of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// By the bus that goes with the store.
    Bus,
    /// Not at all: they find out by themselves.
    Cut,
}

/// What mounts the dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adapter {
    Axum,
    Warp,
}

impl Adapter {
    pub(crate) const ALL: [Self; 2] = [Self::Axum, Self::Warp];
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            kept: Kept::Memory,
            nodes: 1,
            adapter: Adapter::Axum,
            link: Link::Bus,
            config: Config::default(),
        }
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
        let mut nodes = Vec::new();
        let store: Arc<dyn Store> = match setup.kept {
            Kept::Memory => {
                let (store, bus) = (MemoryStore::new(), LocalBus::new());
                for _ in 0..setup.nodes {
                    nodes.push(Node::start(&setup, store.clone(), bus.join()).await);
                }
                Arc::new(store)
            }
            Kept::Postgres => {
                let schema = chat_test_postgres::fresh_schema();
                let url = chat_test_postgres::url();
                let store = PgStore::connect_in(&url, &schema).await.expect("a database");
                store.migrate().await.expect("migrations");
                for _ in 0..setup.nodes {
                    // Each node has connections of its own.
                    let own = PgStore::connect_in(&url, &schema).await.expect("a database");
                    let bus = own.bus();
                    nodes.push(Node::start(&setup, own, bus).await);
                }
                Arc::new(store)
            }
        };
        Self { nodes, store }
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
    pub(crate) async fn start(setup: &Setup, store: impl Store, bus: impl Bus) -> Self {
        let users: StaticDirectory =
            (1..=USERS).map(|id| User::new(id.into(), format!("user{id}"))).collect();
        let sign_in = JwtAuthenticator::hs256(SECRET.as_bytes());
        let mut chat = Chat::builder(store, users, sign_in).with_config(setup.config.clone());
        if setup.link == Link::Bus {
            chat = chat.with_bus(bus);
        }
        let server = Server::start(chat.build());
        while !server.chat().bus().is_available() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        match setup.adapter {
            Adapter::Axum => {
                let mut app = axum::Router::new();
                for dialect in dialect::all() {
                    let router = chat_axum::router(&server, dialect);
                    app = app.nest(&format!("/{}", dialect.name), router);
                }
                tokio::spawn(async move { axum::serve(listener, app).await });
            }
            Adapter::Warp => {
                let nested = |dialect: &'static Dialect| {
                    warp::path(dialect.name).and(chat_warp::filter(&server, dialect)).boxed()
                };
                let app =
                    dialect::all().map(nested).reduce(|one, other| one.or(other).unify().boxed());
                tokio::spawn(warp::serve(app.expect("dialects")).incoming(listener).run());
            }
        }
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

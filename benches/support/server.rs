//! The server: the memory store, `messenger` through chat-axum, on a loopback port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_core::Chat;
use chat_core::dialect::MESSENGER;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{Event, RoomId, User, UserId};
use chat_core::service::{Delivered, Listener};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tokio::net::TcpListener;

use super::Error;

const SECRET: &[u8] = b"thirty-two bytes for the benches";

/// A running server.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) address: String,
}

/// A chat on a new memory store, with users of the ids from 1.
pub(crate) fn chat(users: u64) -> Chat {
    let user = |id: u64| User::new(UserId::from(id), format!("user_{id}"));
    let directory: StaticDirectory = (1..=users).map(user).collect();
    let mut config = chat_core::Config::default();
    // Heartbeats would be counted with what is measured.
    config.ping_interval = Duration::from_hours(1);
    Chat::builder(MemoryStore::new(), directory, authenticator()).with_config(config).build()
}

/// Takes the tokens of [`token`].
pub(crate) fn authenticator() -> JwtAuthenticator {
    JwtAuthenticator::hs256(SECRET)
}

/// What listeners are told of a send.
///
/// # Errors
/// Where it fails.
pub(crate) async fn told(
    chat: &Chat,
    send: impl Future<Output = Result<Delivered, chat_core::Error>>,
) -> Result<Event, Error> {
    let last = Arc::new(Last::default());
    let listener: Arc<dyn Listener> = last.clone();
    chat.add_listener(listener.clone());
    send.await?;
    chat.remove_listener(&listener);
    let event = last.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(event.ok_or("the message was not told")?)
}

/// Keeps the last event.
#[derive(Default)]
struct Last(Mutex<Option<Event>>);

impl Listener for Last {
    fn on_event(&self, event: &Event) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
    }
}

/// A token for a user.
///
/// # Errors
/// Where it cannot be signed.
pub(crate) fn token(user: u64) -> Result<String, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({ "sub": user.to_string(), "exp": now + 3_600 });
    Ok(encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET))?)
}

/// The path at which a user opens a socket in a room.
///
/// # Errors
/// Where no token can be signed.
pub(crate) fn path(room: RoomId, user: u64) -> Result<String, Error> {
    Ok(format!("/ws/chat/{room}/?token={}", token(user)?))
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// Where no port can be had.
    pub(crate) async fn start(chat: Chat) -> Result<Self, Error> {
        let server = Server::start(chat);
        let app: axum::Router = chat_axum::router(&server, MESSENGER);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { server, address })
    }
}

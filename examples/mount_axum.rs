//! Chat in an axum app that was there before: with its own state, users, sign-in by a session
//! cookie, middleware and fallback.
//!
//! ```sh
//! cargo run --example mount_axum
//! curl -H 'Cookie: session=of-john' http://127.0.0.1:8080/chat/api/chat/rooms/
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::AppendHeaders;
use axum::routing::get;
use chat_core::host::{AuthError, Authenticator, Credentials, Directory, DirectoryError, Identity};
use chat_core::model::{User, UserId};
use chat_core::{Chat, dialect};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;

/// What the service had before: its accounts and who is signed in. Imagine a database.
#[derive(Clone, Default)]
pub(crate) struct Service(Arc<Tables>);

#[derive(Default)]
struct Tables {
    accounts: HashMap<String, String>,
    sessions: HashMap<String, String>,
}

impl Service {
    /// A service with two accounts, both signed in.
    pub(crate) fn with_two_accounts() -> Self {
        let table = |rows: [(&str, &str); 2]| {
            rows.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        };
        Self(Arc::new(Tables {
            accounts: table([("u-1", "john"), ("u-2", "jane")]),
            sessions: table([("of-john", "u-1"), ("of-jane", "u-2")]),
        }))
    }
}

/// Users come from the service's own table.
#[async_trait]
impl Directory for Service {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        // select id, name from accounts where id = any($1)
        let row = |id: &UserId| {
            let name = self.0.accounts.get(id.as_str())?;
            Some((id.clone(), Arc::new(User::new(id.clone(), name))))
        };
        Ok(ids.iter().filter_map(row).collect())
    }
}

/// Sign-in is the service's own session cookie. Browsers send cookies along from any page, so only
/// pages of this host may open sockets, which is the default (`Config::allowed_origins`).
#[async_trait]
impl Authenticator for Service {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let cookies = credentials.headers.get("cookie").ok_or(AuthError::Missing)?;
        let cookies = cookies.to_str().map_err(|_| AuthError::Invalid)?;
        let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        let (_, session) = pairs.find(|(name, _)| *name == "session").ok_or(AuthError::Missing)?;
        // select account, expires from sessions where id = $1
        let account = self.0.sessions.get(session).ok_or(AuthError::Invalid)?;
        let user = UserId::new(account).map_err(|_| AuthError::Invalid)?;
        Ok(Identity::new(user))
    }
}

/// The app: what was there, and chat under `/chat`.
pub(crate) fn app(service: Service) -> (axum::Router, Server) {
    let chat = Chat::new(MemoryStore::new(), service.clone(), service.clone());
    let server = Server::start(chat);
    let app = axum::Router::new()
        .route(
            "/",
            get(|State(service): State<Service>| async move {
                format!("{} accounts", service.0.accounts.len())
            }),
        )
        .nest("/chat", chat_axum::router(&server, dialect::TEAM))
        .fallback(async || (StatusCode::NOT_FOUND, "nothing of ours"))
        .layer(map_response(async |answer| (AppendHeaders([("x-service", "ours")]), answer)))
        .with_state(service);
    (app, server)
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file for the rest")]
async fn main() -> std::io::Result<()> {
    let (app, _server) = app(Service::with_two_accounts());
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, app).await
}

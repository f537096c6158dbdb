//! Two servers behind one database: whoever is connected to one talks to whoever is connected to
//! the other.
//!
//! ```sh
//! DATABASE_URL=postgres://localhost/app cargo run --example two_nodes
//! ```

use std::net::SocketAddr;

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::User;
use chat_core::{Chat, dialect};
use chat_runtime::Server;
use chat_store_postgres::PgStore;
use futures::StreamExt;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The key of the tokens, the same on both; yours comes from a vault.
const KEY: &[u8] = b"at least 32 random bytes, kept safe";

/// One server. In earnest each is a process, on a machine of its own.
async fn node(database: &str) -> Result<(Server, SocketAddr), Error> {
    let users = [User::new(1.into(), "john"), User::new(2.into(), "jane")];
    let users: StaticDirectory = users.into_iter().collect();
    let store = PgStore::connect(database).await?;
    store.migrate().await?;
    let bus = store.bus();
    let chat = Chat::builder(store, users, JwtAuthenticator::hs256(KEY)).with_bus(bus).build();
    let server = Server::start(chat);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = axum::Router::new().merge(chat_axum::router(&server, dialect::CAMPUS));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((server, address))
}

/// John speaks on the first server; returns what Jane hears on the second.
pub(crate) async fn converse(database: &str) -> Result<String, Error> {
    let (first, _) = node(database).await?;
    let (_second, address) = node(database).await?;
    let john = first.chat().acting_as("1");
    let room = john.direct_room("2").await?.id;

    let claims = json!({ "sub": "2", "exp": get_current_timestamp() + 60 });
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY))?;
    let url = format!("ws://{address}/ws/chat/{room}/?token={token}");
    let stream = TcpStream::connect(address).await?;
    let (mut jane, _) = tokio_tungstenite::client_async(url, stream).await?;

    john.send(room, "Can you hear me over there?").await?;
    let heard = jane.next().await.ok_or("Jane's socket was closed")??;
    Ok(heard.into_text()?.to_string())
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file for the rest")]
async fn main() -> Result<(), Error> {
    let database = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    println!("{}", converse(&database).await?);
    Ok(())
}

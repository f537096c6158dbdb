//! Chat in a warp app that was there before.
//!
//! ```sh
//! cargo run --example mount_warp
//! ```

use std::convert::Infallible;

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::User;
use chat_core::{Chat, dialect};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use warp::http::StatusCode;
use warp::{Filter, Rejection, Reply};

/// The key of the tokens; yours comes from a vault.
pub(crate) const KEY: &[u8] = b"at least 32 random bytes, kept safe";

/// The app: a page of its own, chat beside it, and its own way to say that there is nothing.
pub(crate) fn app(
    server: &Server,
) -> impl Filter<Extract = (impl Reply + use<>,), Error = Infallible> + Clone + Send + Sync + use<>
{
    let home = warp::path::end().map(|| "home");
    home.or(chat_warp::filter(server, dialect::MESSENGER)).recover(nothing)
}

async fn nothing(_: Rejection) -> Result<impl Reply, Infallible> {
    Ok(warp::reply::with_status("nothing of ours", StatusCode::NOT_FOUND))
}

/// The running chat.
pub(crate) fn server() -> Server {
    let users = [User::new(1.into(), "john"), User::new(2.into(), "jane")];
    let users: StaticDirectory = users.into_iter().collect();
    Server::start(Chat::new(MemoryStore::new(), users, JwtAuthenticator::hs256(KEY)))
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file for the rest")]
async fn main() {
    warp::serve(app(&server())).run(([127, 0, 0, 1], 8080)).await;
}

//! The documented APIs. Each is a [`Dialect`]: a value that says what its paths, bodies, frames and
//! errors look like. They share the service, and so users, rooms and messages.

mod campus;
mod direct;
mod errors;
mod messenger;
mod rooms;
mod team;
mod wire;

use std::borrow::Cow;

use crate::config::Config;
use crate::http::{Endpoint, Rejection, Response, Shape};
use crate::model::Kinds;
use crate::socket::{Codec, SocketRoute};

/// A documented API.
#[derive(Debug)]
pub struct Dialect {
    /// Its name, as in a path.
    pub name: &'static str,
    /// Under which path its HTTP endpoints lie, with slashes at both ends.
    pub base: &'static str,
    /// The rooms it shows.
    pub kinds: Kinds,
    /// Whether it shows public rooms to who is no member (wire.md, "Who may see a room").
    pub visitors: bool,
    /// The schemes it takes in the `Authorization` header.
    pub schemes: &'static [&'static str],
    /// Its HTTP endpoints.
    pub endpoints: &'static [Endpoint],
    /// Where its sockets open.
    pub sockets: &'static [SocketRoute],
    /// Its frames.
    pub codec: Codec,
    /// The most characters of a message.
    pub message_limit: fn(&Config) -> usize,
    /// Its answer to a request that is refused, at an endpoint where it got that far.
    pub refuse: fn(&Rejection, Option<&Endpoint>) -> Response,
    /// What that looks like where the input is at fault.
    pub(crate) bad_request: Shape,
    /// Its place among the frames of a [`Delivery`](crate::socket::Delivery).
    pub(crate) index: usize,
}

impl Dialect {
    /// How many dialects there are.
    pub(crate) const COUNT: usize = 5;

    /// Where its OpenAPI document is served: `openapi.json` under [`Dialect::base`].
    pub fn openapi_path(&self) -> String {
        format!("{}openapi.json", self.base)
    }

    /// Where its AsyncAPI document is served: `asyncapi.json` under [`Dialect::base`].
    pub fn asyncapi_path(&self) -> String {
        format!("{}asyncapi.json", self.base)
    }

    /// The templates of all paths that it answers over HTTP, each once, in no order. They end in a
    /// slash where they work with and without it.
    pub fn http_paths(&self) -> Vec<Cow<'static, str>> {
        let mut paths: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.path).collect();
        paths.sort_unstable();
        paths.dedup();
        let documents = [self.openapi_path().into(), self.asyncapi_path().into()];
        paths.into_iter().map(Cow::Borrowed).chain(documents).collect()
    }

    /// The dialect of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        all().find(|dialect| dialect.name == name)
    }
}

/// The dialect of api/campus.md: chats of students and supervisors, in whole arrays.
pub static CAMPUS: &Dialect = &campus::DIALECT;

/// The dialect of api/direct.md: direct rooms, whose sockets begin with everything so far.
pub static DIRECT: &Dialect = &direct::DIALECT;

/// The dialect of api/messenger.md: direct rooms with statuses, typing and presence.
pub static MESSENGER: &Dialect = &messenger::DIALECT;

/// The dialect of api/team.md: rooms of every kind, reactions, replies, search, sessions.
pub static TEAM: &Dialect = &team::DIALECT;

/// The dialect of api/rooms.md: rooms and messages over HTTP alone.
pub static ROOMS: &Dialect = &rooms::DIALECT;

/// All dialects.
pub fn all() -> impl Iterator<Item = &'static Dialect> {
    [CAMPUS, DIRECT, MESSENGER, TEAM, ROOMS].into_iter()
}

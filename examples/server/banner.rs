//! What is said at the start: where the server is, and how each user signs in.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;

use chat_core::dialect::Dialect;
use chat_core::model::RoomId;

use crate::args::Adapter;
use crate::data::Data;
use crate::tokens::Tokens;

/// What is said at the start.
pub(crate) struct Banner<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) dialect: &'static Dialect,
    pub(crate) tokens: &'a Tokens,
    pub(crate) data: &'a Data,
    /// What mounts it.
    pub(crate) adapter: Adapter,
    /// Where chats are kept.
    pub(crate) store: &'static str,
    /// How it reaches other servers on the same store.
    pub(crate) bus: &'static str,
    /// Each user's first direct room, in the order of the users.
    pub(crate) rooms: Vec<Option<RoomId>>,
}

/// ANSI styles; empty where nobody would see them.
struct Style {
    bold: &'static str,
    dim: &'static str,
    accent: &'static str,
    end: &'static str,
}

impl Style {
    fn of(terminal: bool) -> Self {
        if terminal && std::env::var_os("NO_COLOR").is_none() {
            Self { bold: "\x1b[1m", dim: "\x1b[2m", accent: "\x1b[36m", end: "\x1b[0m" }
        } else {
            Self { bold: "", dim: "", accent: "", end: "" }
        }
    }
}

impl Banner<'_> {
    /// Prints it to standard output.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let Style { bold, dim, accent, end } = Style::of(out.is_terminal());
        let Self { address, dialect, .. } = self;
        writeln!(
            out,
            "{bold}chat{end}  {dim}dialect{end} {}  {dim}adapter{end} {}  {dim}store{end} {}  {dim}bus{end} {}",
            dialect.name,
            self.adapter.name(),
            self.store,
            self.bus
        )?;
        if let Some(secret) = self.tokens.random_secret() {
            writeln!(out, "{dim}HS256 secret of this run: {secret}{end}")?;
        }
        for (user, room) in self.data.users.iter().zip(&self.rooms) {
            let id = user.id.to_string();
            let token = self.tokens.sign(&id).map_err(io::Error::other)?;
            let name = user.display_name.as_deref().unwrap_or(&user.username);
            let list = list_path(dialect);
            writeln!(out, "\n{bold}{name}{end} {dim}(user {id}){end}")?;
            writeln!(out, "  {dim}token{end}  {token}")?;
            writeln!(
                out,
                "  {dim}rooms{end}  {accent}curl -H 'Authorization: Bearer {token}' http://{address}{list}{end}"
            )?;
            if let Some(room) = room {
                writeln!(
                    out,
                    "  {dim}talk{end}   {accent}cargo run -q --example talk -- 'ws://{address}/messenger/ws/chat/{room}/?token={token}'{end}"
                )?;
            }
        }
        writeln!(out, "\n{bold}listening on http://{address}{end}")?;
        out.flush()
    }
}

/// The path of the dialect's list of rooms.
fn list_path(dialect: &Dialect) -> &'static str {
    dialect.endpoints.first().map_or("/", |endpoint| endpoint.path)
}

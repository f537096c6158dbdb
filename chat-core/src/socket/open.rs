//! From a handshake to an open socket, and why one may not stay.

use std::net::IpAddr;
use std::time::Instant;

use futures::future::BoxFuture;
use http::HeaderMap;
use http::header::{HOST, ORIGIN, USER_AGENT};
use http::request::Parts;
use http::uri::Authority;

use super::Socket;
use crate::Config;
use crate::dialect::Dialect;
use crate::host::{Credentials, Identity, Transport};
use crate::http::Params;
use crate::model::{RoomId, UserId};
use crate::rules::Action;
use crate::service::{Actor, Chat, Error};

/// Why a socket is closed: a status code (RFC 6455, section 7.4, and wire.md) and a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The status code.
    pub code: u16,
    /// A few words, at most 123 bytes.
    pub reason: &'static str,
}

impl Close {
    /// Not signed in, or no longer.
    pub const UNAUTHENTICATED: Self = Self { code: 4401, reason: "authentication failed" };
    /// No such room, or not a member, or no longer. The same for all, so that ids can't be probed.
    pub const FORBIDDEN: Self = Self { code: 4403, reason: "no access to this room" };
    /// Pings were not answered.
    pub const PING_TIMEOUT: Self = Self { code: 4408, reason: "ping timeout" };
    /// Open for as long as a socket may be.
    pub const LIFETIME: Self = Self { code: 4410, reason: "connection lifetime is over" };
    /// A binary frame came.
    pub const BINARY: Self = Self { code: 1003, reason: "binary frames are not supported" };
    /// The bytes of a text frame are not UTF-8.
    pub const NOT_TEXT: Self = Self { code: 1007, reason: "text frames are UTF-8" };
    /// The other side broke the WebSocket protocol.
    pub const PROTOCOL: Self = Self { code: 1002, reason: "protocol error" };
    /// Too many bad frames.
    pub const BAD_FRAMES: Self = Self { code: 1008, reason: "too many bad frames" };
    /// A frame over the size limit.
    pub const TOO_LARGE: Self = Self { code: 1009, reason: "frame too large" };
    /// A fault of ours.
    pub const FAULT: Self = Self { code: 1011, reason: "internal error" };
    /// The server drains.
    pub const DRAIN: Self = Self { code: 1012, reason: "server restart" };
    /// Too slow to keep up, or too many sockets: try again later.
    pub const TOO_SLOW: Self = Self { code: 1013, reason: "too slow to keep up" };
    /// Too many sockets of one user.
    pub const TOO_MANY: Self = Self { code: 1013, reason: "too many connections" };
    /// The database or another dependency does not answer: try again later.
    pub const UNAVAILABLE: Self = Self { code: 1013, reason: "temporarily unavailable" };
}

impl From<&Error> for Close {
    fn from(error: &Error) -> Self {
        match error {
            Error::Unauthenticated => Self::UNAUTHENTICATED,
            Error::Limited { .. } => Self::TOO_MANY,
            Error::Unavailable(_) => Self::UNAVAILABLE,
            Error::Internal(_) => Self::FAULT,
            Error::NotFound
            | Error::Denied(_)
            | Error::Invalid(_)
            | Error::Conflict(_)
            | Error::TooLarge => Self::FORBIDDEN,
        }
    }
}

/// A path at which a dialect's sockets open.
#[derive(Debug, Clone, Copy)]
pub struct SocketRoute {
    /// The path, with `{names}` for what varies and a trailing slash.
    pub path: &'static str,
    /// Finds the room that a path names. Whether the actor may be there is asked afterwards.
    pub room: fn(Actor, Params) -> BoxFuture<'static, Result<RoomId, Error>>,
}

/// A socket that is about to open: its user and room are known.
///
/// The driver subscribes to the room first and calls [`Opening::enter`] then, so that nothing
/// falls between what is in the store and what is told.
#[derive(Debug)]
pub struct Opening {
    dialect: &'static Dialect,
    actor: Actor,
    identity: Identity,
    room: RoomId,
}

impl Opening {
    /// Recognises the user of a handshake, counts it as a request of theirs
    /// ([`Config::rate_limit`]), and finds the room.
    ///
    /// # Errors
    /// The [`Close`] with which the socket is to be closed after the handshake.
    pub async fn recognise(
        chat: &Chat,
        dialect: &'static Dialect,
        route: &SocketRoute,
        params: Params,
        handshake: &Parts,
        now: Instant,
    ) -> Result<Self, Close> {
        let close = |error: Error| Close::from(&error);
        let credentials = Credentials::new(Transport::WebSocket, handshake, dialect.schemes);
        let (user, identity) = chat.authenticate(credentials).await.map_err(close)?;
        // To find the room may be to make it.
        chat.admit(&user.id, now).and_then(|()| chat.may_open(&user.id)).map_err(close)?;
        let actor = Actor::recognised(chat, user, dialect.kinds, dialect.visitors);
        let room = (route.room)(actor.clone(), params).await.map_err(close)?;
        Ok(Self { dialect, actor, identity, room })
    }

    /// The room to subscribe to.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Whose socket it is.
    pub fn user(&self) -> &UserId {
        &self.identity.user
    }

    /// Checks that the user may be in the room, notes the session, and makes the machine. Links in
    /// its frames begin with `base` ([`Links::base`](crate::http::Links::base) of the handshake).
    ///
    /// The second part is whose presence the socket wants to be told.
    ///
    /// # Errors
    /// The [`Close`] with which the socket is to be closed.
    pub async fn enter(
        self,
        headers: &HeaderMap,
        ip_address: Option<IpAddr>,
        base: &str,
        now: Instant,
    ) -> Result<(Socket, Vec<UserId>), Close> {
        let close = |error: Error| Close::from(&error);
        let access = self.actor.may(Action::Connect, self.room).await.map_err(close)?;
        let watched = self.watched().await.map_err(close)?;
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let session = self.actor.open_session(self.room, agent, ip_address).await.map_err(close)?;
        let user = self.actor.user().await.map_err(close)?;
        let base = self.dialect.codec.personal.map(|_| base.into());
        let mut socket = Socket::new(
            self.dialect,
            self.actor,
            user,
            access,
            session,
            self.identity.expires_at,
            now,
        );
        socket.base = base;
        Ok((socket, watched))
    }

    async fn watched(&self) -> Result<Vec<UserId>, Error> {
        if !self.dialect.codec.presence {
            return Ok(Vec::new());
        }
        let mut members = self.actor.room(self.room).await?.members;
        members.retain(|user| user != self.user());
        Ok(members)
    }
}

/// Whether a handshake with these headers may open a socket (wire.md, "Origin"): one without an
/// `Origin` does not come from a browser; any other must be on the list, or where there is none
/// have the request's own host and port.
pub fn origin_allowed(headers: &HeaderMap, config: &Config) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if !config.allowed_origins.is_empty() {
        return config.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        _ => return false,
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let place = |text: &str| {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
        Some((authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port)))
    };
    let (origin, host) = (place(authority), host.and_then(place));
    origin.is_some() && origin == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &str, host: &str, list: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        let allowed_origins = list.iter().map(|&origin| origin.to_owned()).collect();
        let config = Config { allowed_origins, ..Config::default() };
        origin_allowed(&headers, &config)
    }

    #[test]
    fn without_a_list_only_the_own_host_may() {
        for (origin, host) in [
            ("http://h:8080", "h:8080"),
            ("https://h", "h"),
            ("https://h:443", "h"),
            ("http://h", "h:80"),
            ("HTTPS://H", "h"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(allowed(origin, host, &[]), "{origin} at {host}");
        }
        for (origin, host) in [
            ("null", "h"),
            ("http://evil", "h"),
            ("http://h.evil", "h"),
            ("http://h:81", "h"),
            ("http://user@h", "h"),
            ("http://h@evil", "h"),
            ("file://h", "h"),
            ("h", "h"),
            ("http://", "h"),
            ("http://h/path", "h"),
        ] {
            assert!(!allowed(origin, host, &[]), "{origin} at {host}");
        }
    }

    #[test]
    fn with_a_list_only_what_is_on_it_may() {
        let list = ["https://app.example"];
        assert!(allowed("https://app.example", "api.example", &list));
        assert!(allowed("https://APP.example", "api.example", &list));
        assert!(!allowed("https://api.example", "api.example", &list));
        assert!(!allowed("https://app.example.evil", "app.example.evil", &list));
    }

    #[test]
    fn who_sends_no_origin_is_no_browser() {
        assert!(origin_allowed(&HeaderMap::new(), &Config::default()));
    }
}

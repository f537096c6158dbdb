//! Who asks.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{Extensions, HeaderMap};

use crate::model::{Timestamp, UserId};

/// The name of the cookie that a WebSocket's token may come in.
const COOKIE_NAME: &str = "sessionid";

/// The way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// An HTTP request.
    Http,
    /// The handshake of a WebSocket.
    WebSocket,
}

/// What a request brought to be recognised by.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Credentials<'a> {
    /// The way it came.
    pub transport: Transport,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its query string, without the question mark; may hold a token, so keep it out of logs.
    pub query: Option<&'a str>,
    /// The schemes that the dialect takes in the `Authorization` header, such as `Bearer`.
    pub schemes: &'a [&'a str],
    /// What layers of the host's have put into the request's extensions; on warp an [`Identity`]
    /// alone, as warp hands out no others.
    pub extensions: &'a Extensions,
}

impl<'a> Credentials<'a> {
    /// What the head of a request brings.
    pub fn new(transport: Transport, parts: &'a Parts, schemes: &'a [&'a str]) -> Self {
        let Parts { headers, uri, extensions, .. } = parts;
        Self { transport, headers, query: uri.query(), schemes, extensions }
    }

    /// The token of the request, whatever it is made of; none where there is none (wire.md,
    /// "Credentials").
    ///
    /// It comes in the `Authorization` header; on a WebSocket's handshake also as `?token=`, as the
    /// subprotocols `bearer, <token>` or in the cookie `sessionid`. The first of these that is
    /// there counts.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] where the header has a scheme that the dialect does not take.
    pub fn token(&self) -> Result<Option<Cow<'a, str>>, AuthError> {
        if let Some(value) = self.headers.get(AUTHORIZATION) {
            let value = value.to_str().map_err(|_| AuthError::Invalid)?;
            let (scheme, token) = value.split_once(' ').ok_or(AuthError::Invalid)?;
            let known = self.schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme));
            return if known { Ok(Some(token.trim().into())) } else { Err(AuthError::Invalid) };
        }
        if self.transport == Transport::Http {
            return Ok(None);
        }
        if let Some(token) = from_query(self.query) {
            return Ok(Some(token));
        }
        let headers = self.headers;
        Ok(from_subprotocols(headers).or_else(|| from_cookie(headers)).map(Cow::Borrowed))
    }
}

fn from_query(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == "token").map(|(_, value)| value)
}

fn from_subprotocols(headers: &HeaderMap) -> Option<&str> {
    let values =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut protocols = values.flat_map(|value| value.split(',')).map(str::trim);
    protocols.find(|protocol| protocol.eq_ignore_ascii_case("bearer"))?;
    protocols.next()
}

fn from_cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.trim_matches('"'))
}

/// Without headers, query and extensions, which hold secrets.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Who somebody is, and for how long that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When an open socket has to be closed because this is no longer known; none for never.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// A user who is known until [`Chat::sign_out`](crate::Chat::sign_out) says otherwise.
    pub fn new(user: impl Into<UserId>) -> Self {
        Self { user: user.into(), expires_at: None }
    }

    /// The same until then, when open sockets are closed.
    #[must_use]
    pub fn until(self, expires_at: Timestamp) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }
}

/// Why nobody was recognised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There were no credentials.
    #[error("authentication credentials were not provided")]
    Missing,
    /// The credentials are wrong, expired or not yet valid. Which of these stays unsaid.
    #[error("the given token is not valid")]
    Invalid,
    /// Whoever could tell does not answer.
    #[error("authentication is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Recognises users. `JwtAuthenticator` is the default; a host with its own sessions writes its
/// own.
///
/// ```
/// use chat_core::host::{AuthError, Authenticator, Credentials, Identity};
///
/// struct Sessions; // with the host's session table
///
/// #[async_trait::async_trait]
/// impl Authenticator for Sessions {
///     async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
///         let cookie = credentials.headers.get("cookie").ok_or(AuthError::Missing)?;
///         let cookie = cookie.to_str().map_err(|_| AuthError::Invalid)?;
///         match cookie.strip_prefix("session=") {
///             Some("s3cret") => Ok(Identity::new(1)),
///             _ => Err(AuthError::Invalid),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Says who sent these credentials. Whether the directory knows them is asked afterwards.
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError>;
}

/// Recognises whomever a layer of the host's has recognised already: the [`Identity`] in the
/// request's extensions, and nobody where there is none.
///
/// The layer has to be around the chat's routes, and nothing that a client sends may become an
/// [`Identity`] without being checked. Where the sign-in is a cookie, over HTTP the cookie has to
/// keep other sites out (`SameSite`).
///
/// ```
/// use chat_core::host::{Authenticator, Credentials, Identity, PreAuthenticated, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut request = http::Request::get("/api/chat/rooms/").body(()).unwrap();
/// request.extensions_mut().insert(Identity::new(1));
/// let (parts, ()) = request.into_parts();
/// let credentials = Credentials::new(Transport::Http, &parts, &["Bearer"]);
/// assert_eq!(PreAuthenticated.authenticate(credentials).await.unwrap().user, 1.into());
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PreAuthenticated;

#[async_trait]
impl Authenticator for PreAuthenticated {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        credentials.extensions.get().cloned().ok_or(AuthError::Missing)
    }
}

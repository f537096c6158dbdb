//! Who asks.

use std::fmt;

use async_trait::async_trait;
use http::HeaderMap;

use crate::model::{Timestamp, UserId};

/// The way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// An HTTP request. Only its headers carry credentials, never a query or a cookie.
    Http,
    /// The handshake of a WebSocket.
    WebSocket,
}

/// What a request brought to be recognised by.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The way it came.
    pub transport: Transport,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its query string, without the question mark; may hold a token, so keep it out of logs.
    pub query: Option<&'a str>,
    /// The schemes that the dialect takes in the `Authorization` header, such as `Bearer`.
    pub schemes: &'a [&'a str],
}

/// Without headers and query, which hold secrets.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Who somebody is, and for how long that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When an open socket has to be closed because this is no longer known; none for never.
    pub expires_at: Option<Timestamp>,
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
///             Some("s3cret") => Ok(Identity { user: 1.into(), expires_at: None }),
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

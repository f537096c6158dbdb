//! What the host app supplies: users and sign-in; and, each with a default, hooks, the bus and the
//! clock, and files, of which there are none without.

mod authenticator;
mod bus;
mod clock;
mod directory;
mod files;
mod hooks;
#[cfg(any(feature = "jwt-aws-lc", feature = "jwt-rust-crypto"))]
mod jwt;
mod packet;
mod shared;

pub use authenticator::{
    AuthError, Authenticator, Credentials, Identity, PreAuthenticated, Transport,
};
pub use bus::{Bus, Hint, NoBus};
pub use clock::{Clock, SystemClock};
pub use directory::{Directory, DirectoryError, StaticDirectory};
pub use files::{FileError, FileStore, Pieces, StoredFile};
pub use hooks::{Draft, Hooks, Invitation, NoHooks, Refusal, RoomDraft};
/// The crate of which [`JwtAuthenticator::new`] takes keys.
#[cfg(any(feature = "jwt-aws-lc", feature = "jwt-rust-crypto"))]
pub use jsonwebtoken;
#[cfg(any(feature = "jwt-aws-lc", feature = "jwt-rust-crypto"))]
pub use jwt::{InvalidKey, JwtAuthenticator};
pub use packet::{Outbox, Packet};

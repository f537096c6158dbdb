//! Why a use case was not carried out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use crate::host::{AuthError, DirectoryError, Refusal};
use crate::rules::{ContentError, Denial, RoomFull};
use crate::store::StoreError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a use case was not carried out, by meaning. Each dialect has one function from this to its
/// status codes and bodies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody is signed in, or the directory does not know who is.
    #[error("authentication credentials were not provided or are not valid")]
    Unauthenticated,
    /// There is no such room, message or user.
    #[error("not found")]
    NotFound,
    /// The access rules refuse it; [`Denial`] says why.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// What was given is wrong.
    #[error("invalid input: {}", listed(.0))]
    Invalid(Vec<FieldError>),
    /// It contradicts what was done before.
    #[error(transparent)]
    Conflict(Conflict),
    /// The file is larger than [`UploadPolicy::max_bytes`](crate::rules::UploadPolicy::max_bytes).
    #[error("the file is too large")]
    TooLarge,
    /// Too much at once; it may be tried again after this time.
    #[error("too many requests")]
    Limited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store, the directory or the authenticator does not answer now.
    #[error("temporarily unavailable")]
    Unavailable(#[source] Source),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Source),
}

impl Error {
    /// One field that is wrong.
    pub fn invalid(field: impl Into<Cow<'static, str>>, problem: Problem) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), problem }])
    }

    /// What the host refuses about a field.
    pub(super) fn refused(field: &'static str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(sentence) => Self::invalid(field, Problem::Refused(sentence)),
            Refusal::Limited { retry_after } => Self::Limited { retry_after },
            Refusal::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

/// What contradicts what was done before. [`Display`](fmt::Display) writes the sentence that clients
/// are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The idempotency key was used before, for another message or for one that is deleted by now.
    #[error("The key was used before for another message.")]
    KeyReused,
}

/// A field of the input, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name, in the service's words: `content`, `reply_to`, `members`, …; empty for
    /// the input as a whole.
    pub field: Cow<'static, str>,
    /// What is wrong.
    pub problem: Problem,
}

/// The field and the problem: `content: This field may not be blank.`
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        self.problem.fmt(f)
    }
}

fn listed(fields: &[FieldError]) -> String {
    let fields: Vec<_> = fields.iter().map(FieldError::to_string).collect();
    fields.join(" ")
}

/// What can be wrong with a field. [`Display`](fmt::Display) writes the sentence that
/// clients are shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It has to be there.
    #[error("This field is required.")]
    Required,
    /// It may not be null.
    #[error("This field may not be null.")]
    Null,
    /// It has to say something.
    #[error("This field may not be blank.")]
    Blank,
    /// It has too many characters.
    #[error("Ensure this field has no more than {limit} characters.")]
    TooLong {
        /// The most that is allowed.
        limit: usize,
    },
    /// It has a NUL character.
    #[error("Null characters are not allowed.")]
    Nul,
    /// It has to be text.
    #[error("Not a valid string.")]
    NotText,
    /// It has to be an integer.
    #[error("A valid integer is required.")]
    NotInteger,
    /// The body has to be JSON.
    #[error("JSON parse error - {0}")]
    NotJson(String),
    /// The body has to be a JSON object.
    #[error("Invalid data. Expected a dictionary.")]
    NotObject,
    /// It names nobody known.
    #[error("Invalid pk \"{0}\" - object does not exist.")]
    UnknownUser(String),
    /// It is no message of the room.
    #[error("The message to reply to is not in this room.")]
    BadReply,
    /// The room would have too many members.
    #[error("A room has at most {limit} members.")]
    TooManyMembers {
        /// The most that it may have.
        limit: usize,
    },
    /// It is oneself, who cannot be meant.
    #[error("This cannot be done with oneself.")]
    Oneself,
    /// It is no emoji.
    #[error("An emoji has 1 to 32 bytes and no control characters.")]
    NotEmoji,
    /// The host, or a bound, refuses it in these words.
    #[error("{0}")]
    Refused(Cow<'static, str>),
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Blank => Self::Blank,
            ContentError::TooLong { limit } => Self::TooLong { limit },
            ContentError::Nul => Self::Nul,
            ContentError::Emoji => Self::NotEmoji,
        }
    }
}

/// What is parsed already has nothing wrong with it.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Denied(denial) => denial.into(),
            StoreError::KeyReused => Self::Conflict(Conflict::KeyReused),
            StoreError::BadReply => Self::invalid("reply_to", Problem::BadReply),
            StoreError::Full(RoomFull { limit }) => {
                Self::invalid("members", Problem::TooManyMembers { limit })
            }
            StoreError::Limit(sentence) => Self::invalid("", Problem::Refused(sentence.into())),
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::Internal(source) => Self::Internal(source),
        }
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        Self::Unavailable(error.0)
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing | AuthError::Invalid => Self::Unauthenticated,
            AuthError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_field_by_field() {
        let field = |field: &'static str, problem| FieldError { field: field.into(), problem };
        let two = [field("content", Problem::Blank), field("", Problem::NotObject)];
        assert_eq!(
            Error::Invalid(two.into()).to_string(),
            "invalid input: content: This field may not be blank. \
             Invalid data. Expected a dictionary."
        );
    }
}

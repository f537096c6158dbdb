//! What goes wrong with a database.

use chat_core::store::StoreError;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why a store could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name of the schema is not a plain one.
    #[error(
        "a schema's name has 1 to 63 of a-z, 0-9 and _, and begins with a letter and not with pg_"
    )]
    Schema,
    /// The URL is none of a Postgres database.
    #[error("this is no URL of a PostgreSQL database")]
    Url(#[source] sqlx::Error),
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Database(#[source] sqlx::Error),
    /// The database is encoded otherwise than in UTF8, and so has no place for some texts.
    #[error("the database is encoded in {0}: it has to be UTF8")]
    Encoding(String),
    /// The tables could not be brought up to date.
    #[error("the tables could not be brought up to date")]
    Migrate(#[source] MigrateError),
}

/// What a call answers where the store cannot take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the database did not answer in time")]
    Late,
    #[error("too many writes are waiting")]
    Full,
    #[error("the writer has ended")]
    Ended,
    #[error("the database does not let this server in")]
    Shut(#[source] sqlx::Error),
    #[error("the server is a standby")]
    Standby,
    #[error("this connection is in no transaction")]
    Outside,
    #[error("a row holds what no row can: {0}")]
    Corrupt(&'static str),
}

/// Why a step of a write did not work: for a reason of the store's meaning or of the database's.
#[derive(Debug)]
pub(crate) enum Failure {
    Meaning(StoreError),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Meaning(error)
    }
}

impl From<chat_core::rules::Denial> for Failure {
    fn from(denial: chat_core::rules::Denial) -> Self {
        Self::Meaning(denial.into())
    }
}

impl From<chat_core::rules::ReactionLimit> for Failure {
    fn from(limit: chat_core::rules::ReactionLimit) -> Self {
        Self::Meaning(limit.into())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Meaning(error) => error,
            Failure::Database(error) => meaning(error),
        }
    }
}

/// The code of a write on a server that is a replica.
const READ_ONLY: &str = "25006";

/// Whether the database is away or busy, so that trying again may help.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Connection, too few resources, intervention of an operator (a statement that was
            // too slow among them), the server's system, a rollback for the sake of others, a
            // lock that did not come, a transaction that was ended for its age, and a server that
            // is a replica now.
            ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class))
                || ["55P03", "25P03", "25P04", READ_ONLY].contains(&&*code)
        }),
        _ => false,
    }
}

/// Whether it is the connection that does not work, or what it leads to, and not a statement.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        error => is_fatal(error) || code_is(error, READ_ONLY),
    }
}

/// Whether a statement took too long.
pub(crate) fn is_slow(error: &sqlx::Error) -> bool {
    code_is(error, "57014")
}

/// Whether it is for what was asked, so that something else would have gone well.
pub(crate) fn is_particular(error: &sqlx::Error) -> bool {
    let is_shut = matches!(error, sqlx::Error::Configuration(_));
    is_slow(error) || !is_passing(error) && !is_shut
}

/// Whether the connection ended with the error, so that it does not say what became of a commit.
pub(crate) fn is_fatal(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref());
    error.is_some_and(|error: &PgDatabaseError| {
        matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
    })
}

/// Whether somebody else holds what was to be taken.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    code_is(error, "55P03")
}

fn code_is(error: &sqlx::Error, code: &str) -> bool {
    let error = error.as_database_error();
    error.and_then(DatabaseError::code).is_some_and(|found| found == code)
}

/// A failure to connect: nothing is wrong with what was asked for, whatever the reason is. One that
/// does not pass by itself, such as a wrong password, is not tried again for the same call.
pub(crate) fn shut(error: sqlx::Error) -> sqlx::Error {
    if is_passing(&error) { error } else { sqlx::Error::Configuration(Refused::Shut(error).into()) }
}

/// A failure of the database in the store's terms.
pub(crate) fn meaning(error: sqlx::Error) -> StoreError {
    if is_passing(&error) || matches!(error, sqlx::Error::Configuration(_)) {
        unavailable(error)
    } else {
        StoreError::Internal(error.into())
    }
}

pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// The error for a row that the store cannot have written.
pub(crate) fn corrupt(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(Refused::Corrupt(what)))
}

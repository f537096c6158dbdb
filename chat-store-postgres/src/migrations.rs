//! The tables, brought up to date.

use sqlx::Connection;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::connection::Database;
use crate::error::ConnectError;
use crate::sql;

/// All migrations, in their order. One that was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "chat", include_str!("../migrations/0001_chat.sql")),
    (2, "one statement", include_str!("../migrations/0002_one_statement.sql")),
    (3, "fence and leases", include_str!("../migrations/0003_fence_and_leases.sql")),
    (4, "forgetting", include_str!("../migrations/0004_forgetting.sql")),
];

/// How many have not been run yet.
pub(crate) async fn pending(database: &Database) -> Result<usize, ConnectError> {
    let ask = async {
        let mut connection = database.unhurried().await?;
        let known: bool =
            sqlx::query_scalar(sql::HAS_MIGRATIONS).fetch_one(&mut connection).await?;
        let done: i64 = if known {
            sqlx::query_scalar(sql::MIGRATED).fetch_one(&mut connection).await?
        } else {
            0
        };
        let _ = connection.close().await;
        Ok(usize::try_from(done).unwrap_or_default())
    };
    let done = ask.await.map_err(ConnectError::Database)?;
    Ok(MIGRATIONS.len().saturating_sub(done))
}

/// Runs what has not been run yet.
///
/// The migrator takes an advisory lock on the session and keeps it where it fails, so it gets a
/// connection of its own that is closed afterwards.
pub(crate) async fn run(database: &Database) -> Result<(), ConnectError> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.to_vec());
    let schema = database.schema().to_owned();
    migrator.dangerous_set_table_name(format!("{schema}._migrations"));
    migrator.create_schema(schema);
    let mut connection = database.unhurried().await.map_err(ConnectError::Database)?;
    let done = migrator.run_direct(None, &mut connection, false).await;
    // The lock ends with the connection, also where the goodbye does not arrive.
    let _ = connection.close().await;
    done.map_err(ConnectError::Migrate)
}

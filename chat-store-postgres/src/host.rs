//! Messages inside the host's own transactions.

use std::mem::ManuallyDrop;

use chat_core::store::{NewMessage, Sent, StoreError, StoreResult};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use crate::batch::Locking;
use crate::error::{Refused, meaning};
use crate::lane::{Outcome, Write};
use crate::{PgStore, batch, sql};

impl PgStore {
    /// Stores a message inside a transaction of the host's, so that it commits together with what
    /// else the host writes there, or not at all.
    ///
    /// The room is held until the transaction ends, and other messages to it wait for so long, up
    /// to five seconds: be short. Other rooms wait for a tenth of a second, once.
    ///
    /// In a transaction that sqlx has begun, as [`PgPool::begin`](sqlx::PgPool::begin) does, nothing
    /// is left of a message that is refused or given up, whether by the store, the database or
    /// whoever drops the future: the transaction is as it was and may go on. Only a future that is
    /// dropped with its very last step under way may leave a transaction whose next statement fails.
    /// In one that was begun by a statement of the host's own, `BEGIN` say, an error of the database
    /// breaks the transaction as any failed statement does, and after a future that was dropped it
    /// has to be rolled back: there may be half a message in it, and the search path may be the
    /// store's.
    ///
    /// With the isolation levels `REPEATABLE READ` and `SERIALIZABLE` a message is refused with
    /// [`StoreError::Unavailable`] where the room has moved on since the transaction's first
    /// statement, as every write there is that meets a newer one: the whole transaction is to be
    /// tried again. `READ COMMITTED`, which is what there is unless asked for, knows no such thing.
    ///
    /// ```no_run
    /// # use chat_core::Chat;
    /// # use chat_core::model::RoomId;
    /// # use chat_store_postgres::PgStore;
    /// # async fn buy(chat: &Chat, store: &PgStore, pool: &sqlx::PgPool, room: RoomId) -> Result<(), Box<dyn std::error::Error>> {
    /// let shop = chat.acting_as("shop");
    /// let message = shop.compose(room, "Your order is on its way.").await?;
    /// let mut transaction = pool.begin().await?;
    /// sqlx::query("insert into orders (item) values (42)").execute(&mut *transaction).await?;
    /// let sent = store.send_in(&mut transaction, message).await?;
    /// transaction.commit().await?;
    /// chat.announce_sent(&sent).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`MessageStore::send`](chat_core::store::MessageStore::send), and
    /// [`StoreError::Internal`] outside a transaction.
    pub async fn send_in(&self, on: &mut PgConnection, new: NewMessage) -> StoreResult<Sent> {
        // In a transaction that has failed this fails too, before sqlx could end that for a
        // savepoint that it does not get.
        let path = sqlx::query_scalar(sql::SEARCH_PATH).fetch_one(&mut *on).await;
        let path: String = path.map_err(meaning)?;
        if !on.is_in_transaction() {
            return self.send_within(on, &path, new).await;
        }
        let mut savepoint = savepoint(on).await.map_err(meaning)?;
        let sent = self.send_within(&mut savepoint, &path, new).await;
        if sent.is_ok() { savepoint.commit().await } else { savepoint.rollback().await }
            .map_err(meaning)?;
        sent
    }

    /// The same in a transaction that is broken, or other than it was, where this is not finished.
    async fn send_within(
        &self,
        on: &mut PgConnection,
        path: &str,
        new: NewMessage,
    ) -> StoreResult<Sent> {
        let enter = sqlx::query(sql::ENTER_SCHEMA).bind(self.database.schema());
        enter.execute(&mut *on).await.map_err(meaning)?;
        let within = sqlx::query_scalar(sql::HAS_ENTERED).fetch_one(&mut *on).await;
        if !within.map_err(meaning)? {
            return Err(StoreError::Internal(Refused::Outside.into()));
        }
        let written = batch::write(on, None, &[Write::Send(new)], Locking::Wait, &|_| true).await;
        let mut written = written.map_err(meaning)?;
        let leave = sqlx::query(sql::LEAVE_SCHEMA).bind(path);
        leave.execute(on).await.map_err(meaning)?;
        match written.outcomes.pop().flatten() {
            Some(Ok(Outcome::Sent(sent))) => Ok(sent),
            Some(Err(error)) => Err(error),
            Some(Ok(Outcome::Marked { .. })) | None => Err(StoreError::NotFound),
        }
    }
}

/// A savepoint, to which the transaction goes back where it is dropped.
///
/// A future of sqlx's that is dropped before it has begun one ends the transaction around it
/// instead, of which nobody would learn. So that one is never dropped: a savepoint more does no
/// harm.
async fn savepoint(on: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut beginning = ManuallyDrop::new(Box::pin(on.begin()));
    let begun = beginning.as_mut().await;
    drop(ManuallyDrop::into_inner(beginning));
    begun
}

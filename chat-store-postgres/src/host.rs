//! Messages inside the host's own transactions.

use chat_core::store::{NewMessage, Sent, StoreError, StoreResult};
use sqlx::{PgConnection, Row};

use crate::batch::Locking;
use crate::error::{Refused, meaning};
use crate::lane::{Outcome, Write};
use crate::{PgStore, batch, sql};

impl PgStore {
    /// Stores a message inside a transaction of the host's, so that it commits together with what
    /// else the host writes there, or not at all.
    ///
    /// The room is held until the transaction ends, and other messages to it wait for so long, up
    /// to five seconds: be short. Other rooms wait for a tenth of a second, once. Where the database refuses something the transaction is broken, as after any failed
    /// statement; where the message itself is refused nothing was written, and the transaction may
    /// go on. The connection keeps its search path.
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
    /// shop.announce_sent(&sent).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`MessageStore::send`](chat_core::store::MessageStore::send), and
    /// [`StoreError::Internal`] outside a transaction.
    pub async fn send_in(&self, on: &mut PgConnection, new: NewMessage) -> StoreResult<Sent> {
        let schema = self.database.schema();
        let path = sqlx::query(sql::ENTER_SCHEMA).bind(schema).fetch_one(&mut *on).await;
        let path: String = path.and_then(|row| row.try_get("before")).map_err(meaning)?;
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

//! Receipts: what was delivered and read.

use super::{Actor, Error};
use crate::model::{Change, MessageId, RoomId, Seq};
use crate::store::{Mark, Marked, ReceiptKind, Targets};

impl Actor {
    /// Notes that one message, and no other, was received or read. Saying it again, or of one's
    /// own message, succeeds and changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the message is not in the room, [`Error::Denied`],
    /// [`Error::Unavailable`].
    pub async fn mark(
        &self,
        room: RoomId,
        message: MessageId,
        kind: ReceiptKind,
    ) -> Result<Marked, Error> {
        self.mark_targets(room, Targets::Message(message), kind).await
    }

    /// Notes that everything up to a position was read, as by who was shown it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn mark_read_up_to(&self, room: RoomId, last: Seq) -> Result<Marked, Error> {
        self.mark_targets(room, Targets::UpTo(last), ReceiptKind::Read).await
    }

    /// Notes that everything the room has now was read.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn mark_all_read(&self, room: RoomId) -> Result<Marked, Error> {
        self.mark_targets(room, Targets::All, ReceiptKind::Read).await
    }

    async fn mark_targets(
        &self,
        room: RoomId,
        targets: Targets,
        kind: ReceiptKind,
    ) -> Result<Marked, Error> {
        let at = self.chat().clock().now();
        let mark = Mark { room, by: self.caller()?, kind, targets, at };
        let marked = self.chat().inner.store.mark(mark).await?;
        if let Some(version) = marked.version {
            let moved =
                marked.moved.iter().map(|message| Change::Status { message: message.clone() });
            self.chat().announce(room, version, moved.collect());
        }
        Ok(marked)
    }
}

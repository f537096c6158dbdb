//! The messages of one room, by their position.

use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::model::{Message, MessageId, Seq, SeqSet, Timestamp};

/// The messages of one room, by their position. There is no other way to a message than through
/// it, so what it counts in tests is all that a call has touched.
#[derive(Default)]
pub(crate) struct Timeline {
    rows: Vec<Arc<Message>>,
    #[cfg(test)]
    touched: AtomicU64,
}

impl Timeline {
    /// The position of the newest message; 0 while there is none.
    pub(crate) fn last(&self) -> Seq {
        self.rows.len() as u64
    }

    /// The message at a position.
    pub(crate) fn at(&self, seq: Seq) -> Option<&Arc<Message>> {
        let row = self.rows.get(index(seq)?)?;
        self.touch(row);
        Some(row)
    }

    /// The message at a position, to be changed. Who was handed it before keeps it as it was.
    pub(crate) fn at_mut(&mut self, seq: Seq) -> Option<&mut Arc<Message>> {
        let row = self.rows.get_mut(index(seq)?)?;
        #[cfg(test)]
        self.touched.fetch_add(1, Ordering::Relaxed);
        Some(row)
    }

    /// The messages at these positions, ascending.
    pub(crate) fn all(&self, seqs: &SeqSet) -> Vec<Arc<Message>> {
        seqs.iter().filter_map(|seq| self.at(seq).cloned()).collect()
    }

    /// Adds the message of the next position.
    pub(crate) fn push(&mut self, message: Arc<Message>) {
        debug_assert_eq!(message.seq, self.last() + 1);
        self.rows.push(message);
    }

    /// Takes the newest message out.
    pub(crate) fn pop(&mut self) -> Option<Arc<Message>> {
        self.rows.pop()
    }

    /// The position of the newest message with a smaller id; 0 where there is none.
    pub(crate) fn before_id(&self, id: MessageId) -> Seq {
        self.rows.partition_point(|row| self.touch(row).id < id) as u64
    }

    /// The position of the newest message that was sent before a moment; 0 where there is none.
    pub(crate) fn before_time(&self, at: Timestamp) -> Seq {
        self.rows.partition_point(|row| self.touch(row).created_at < at) as u64
    }

    /// How often a message was looked at or changed.
    #[cfg(test)]
    pub(crate) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    #[cfg_attr(not(test), allow(clippy::unused_self))]
    fn touch<'a>(&self, row: &'a Arc<Message>) -> &'a Message {
        #[cfg(test)]
        self.touched.fetch_add(1, Ordering::Relaxed);
        row
    }
}

fn index(seq: Seq) -> Option<usize> {
    usize::try_from(seq.checked_sub(1)?).ok()
}

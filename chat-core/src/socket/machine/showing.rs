//! How the machine shows its room's history, for dialects that show all of it.

use std::time::Instant;

use super::Socket;
use crate::model::{Change, Message};
use crate::service::Error;
use crate::socket::history::{History, HistoryPage};
use crate::socket::{Close, Output};

impl Socket {
    /// Whether the client was told a message.
    pub(super) fn was_told(&self, message: &Message) -> bool {
        match &self.history {
            Some(history) => history.is_told(message.seq),
            None => message.versions.sent <= self.cursor.version,
        }
    }

    /// Whether the client knows a change already.
    pub(super) fn knows(&self, change: &Change) -> bool {
        let told = |history: &History| matches!(change, Change::Sent { message, .. } if history.is_told(message.seq));
        change.reached().is_some_and(|reached| reached <= self.cursor)
            || self.history.as_deref().is_some_and(told)
    }

    pub(super) fn handle_history(&mut self, page: Result<HistoryPage, Error>) {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(room = %self.room, user = %self.user.id, %error, "the history could not be read");
                return self.close(Close::from(&error));
            }
        };
        let Some(history) = &mut self.history else { return };
        history.begin_page(page.end, page.more);
        if !self.own.hold(&page.changes.iter().collect::<Vec<_>>()) {
            page.changes.iter().for_each(|change| self.tell(change));
        }
    }

    pub(super) fn handle_flushed(&mut self, now: Instant) {
        if let Some(history) = &mut self.history {
            history.end_flush();
        }
        self.work(now);
    }

    pub(super) fn handle_shown(&mut self, shown: Result<(), Error>, now: Instant) {
        if let Some(history) = &mut self.history {
            history.end_marking(shown.is_err());
        }
        if let Err(error) = shown {
            self.handle_error(&error, now);
        }
    }

    /// Asks for the next step through the room's history: that what was told be written, then the
    /// next page.
    pub(super) fn continue_history(&mut self) {
        let Some(history) = self.history.as_mut().filter(|_| !self.closed) else { return };
        if history.begin_flush() {
            self.outputs.push_back(Output::Flush);
        }
        if !self.own.is_holding()
            && let Some(page) = history.next_page()
        {
            self.outputs.push_back(Output::ReadHistory(page));
        }
    }

    /// Notes that a change is told now.
    pub(super) fn note_told(&mut self, change: &Change) {
        if let Some(history) = &mut self.history {
            history.tell(change);
        }
    }
}

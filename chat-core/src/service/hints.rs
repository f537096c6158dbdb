//! What other nodes tell: followed by looking, never believed.

use std::time::Instant;

use super::{Chat, Error};
use crate::host::Hint;
use crate::model::{Event, Signal};

impl Chat {
    /// Follows a hint of another node about what passes: typing, presence, attendance, health
    /// checks. Tells this node's listeners. Hints about lasting changes are for whoever keeps count
    /// of versions, and do nothing here.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn handle_hint(&self, hint: Hint, now: Instant) -> Result<(), Error> {
        match hint {
            Hint::Presence(id) => self.look_for(&id).await?,
            Hint::Typing(room, id, true) => self.hear_typing(room, &id, now).await?,
            Hint::Typing(room, id, false) => self.hear_typing_end(room, &id),
            Hint::Attendance(room, id, present) => {
                let user = self.users([&id]).await?.user(&id);
                self.hear_attendance(room, user, present).await;
            }
            Hint::SignedOut(user) => self.tell(&Event::Signal(Signal::SignedOut { user })),
            Hint::HealthCheck(room) => self.tell(&Event::Signal(Signal::HealthCheck { room })),
            Hint::Room(..) | Hint::Missed => {}
        }
        Ok(())
    }
}

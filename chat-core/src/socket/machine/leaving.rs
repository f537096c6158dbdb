//! What becomes of a socket once its connection is closed.

use std::pin::pin;
use std::time::Instant;

use futures::future::{Either, join, select};

use super::Socket;
use crate::service::{Actor, Error, OpenSession};
use crate::socket::{Command, Incoming, Output};

impl Socket {
    /// Ends the socket, once the connection is closed: waits for the command that is being
    /// `performed`, performs what else the client had sent and was shown, while its sign-in lasts
    /// and the store answers, and ends the session. Where that takes longer than `patience`, as the
    /// host's own code may, the session ends first, so that nobody is there who has left.
    pub async fn leave(
        mut self,
        performed: impl Future<Output = ()>,
        patience: impl Future<Output = ()>,
        now: Instant,
    ) {
        let (actor, session) = (self.actor.clone(), self.session.clone());
        let finishing = pin!(async {
            performed.await;
            self.finish(now).await;
        });
        match select(finishing, pin!(patience)).await {
            Either::Left(_) => end(&actor, &session).await,
            Either::Right(((), finishing)) => {
                join(end(&actor, &session), finishing).await;
            }
        }
    }

    /// Performs what the client had sent and was shown. Who has left types no more.
    async fn finish(&mut self, now: Instant) {
        let outputs = std::mem::take(&mut self.outputs).into_iter();
        let begun = outputs.filter_map(|output| match output {
            Output::Perform(command) => Some(command),
            _ => None,
        });
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let waiting = waiting.filter_map(|heard| match heard.incoming {
            Ok(Incoming::Command(command)) => Some(command),
            _ => None,
        });
        let shown = self.history.as_mut().and_then(|history| history.begin_marking());
        let commands = begun.chain(shown.map(Command::Shown)).chain(waiting);
        for command in commands.filter(|command| *command != Command::Typing(true)) {
            if self.has_expired() {
                break;
            }
            let (actor, session) = (self.actor.clone(), self.session.id());
            let performed = command.perform(actor, self.room, session, now).await;
            if matches!(performed.error(), Some(Error::Unavailable(_))) {
                break;
            }
        }
    }
}

/// Ends the session of a socket that has closed. A store that does not answer finds out by itself,
/// when the lease is over.
async fn end(actor: &Actor, session: &OpenSession) {
    if let Err(error) = actor.close_session(session).await {
        tracing::warn!(%error, "a session could not be closed and ends with its lease");
    }
}

//! How the machine takes its client's frames: one after the other, each once the one before has been
//! performed and answered.

use std::time::{Duration, Instant};

use super::Socket;
use crate::http::Object;
use crate::model::Change;
use crate::rules::Denial;
use crate::service::{Delivered, Error};
use crate::socket::{Close, Command, Incoming, Output, Performed, Reply, TempId};

/// How long a frame may have waited to be tried where the store did not answer the one before it in
/// the 4.5 s that it is given: so each is answered within 5 s.
const PATIENCE: Duration = Duration::from_millis(500);

/// A client's frame: what it asks for, or what is wrong with it, and the key that answers bear.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) incoming: Result<Incoming, String>,
    temp_id: Option<TempId>,
    /// How long it was, in bytes.
    pub(super) length: usize,
    /// When it came.
    at: Instant,
}

impl Socket {
    pub(super) fn handle_text(&mut self, text: &str, now: Instant) {
        self.handle_activity();
        let heard = self.decode(text, now);
        self.waiting.push_back(heard);
        self.work(now);
    }

    /// The client has sent what nothing can follow: it ends once what it sent before is answered.
    pub(super) fn handle_last(&mut self, close: Close, now: Instant) {
        self.ending = Some(close);
        self.work(now);
    }

    fn decode(&self, text: &str, at: Instant) -> Heard {
        let length = text.len();
        match serde_json::from_str(text) {
            Ok(Object(frame)) => {
                let incoming = (self.dialect.codec.decode)(&frame, self.config());
                // What is refused is answered soon; what waits holds no more than it may have.
                let temp_id = TempId::of(&frame).filter(|id| incoming.is_err() || id.fits());
                Heard { incoming, temp_id, length, at }
            }
            Err(error) => {
                let sentence = if error.is_data() {
                    "A frame must be a JSON object with each key once and at most 1,000 arrays and objects in it"
                } else {
                    "Invalid JSON"
                };
                Heard {
                    incoming: Err(sentence.to_owned()),
                    temp_id: TempId::guess(text),
                    length,
                    at,
                }
            }
        }
    }

    /// Takes up waiting frames, in their order, until one needs to be performed.
    pub(super) fn work(&mut self, now: Instant) {
        while !self.performing && !self.closed {
            let shown = self.history.as_mut().and_then(|history| history.begin_marking());
            if let Some(seq) = shown {
                self.perform(Command::Shown(seq));
                return;
            }
            if self.own.is_awaiting() {
                return;
            }
            let Some(Heard { incoming, temp_id, at, .. }) = self.waiting.pop_front() else {
                if let Some(close) = self.ending {
                    self.close(close);
                }
                return;
            };
            // Commands are counted when they are performed, and answers to pings are not.
            if matches!(incoming, Ok(Incoming::Ping(_) | Incoming::Check))
                && let Err(error) = self.actor.chat().admit(&self.user.id, now)
            {
                self.refuse(&error, temp_id.as_ref(), false);
                continue;
            }
            match incoming {
                Ok(Incoming::Command(command)) if self.is_late(at, now) => {
                    let error = Error::Unavailable("the one before it was not answered".into());
                    let (is_send, temp_id) = match command {
                        Command::Send { temp_id, .. } => (true, temp_id),
                        _ => (false, temp_id),
                    };
                    self.refuse(&error, temp_id.as_ref(), is_send);
                }
                Ok(Incoming::Command(command)) => {
                    self.answering = temp_id;
                    self.perform(command);
                }
                Ok(Incoming::Ping(timestamp)) => {
                    let timestamp = serde_json::from_str(&timestamp).unwrap_or_default();
                    self.reply(&Reply::Pong { timestamp: &timestamp });
                }
                Ok(Incoming::Pong) => {}
                Ok(Incoming::Check) => self.reply(&Reply::Status),
                Err(sentence) => {
                    self.reply(&Reply::BadFrame { sentence: &sentence, temp_id: temp_id.as_ref() });
                    self.count_bad_frame(now);
                }
            }
        }
    }

    /// Whether a command that came then would be answered too late if it were tried, because the
    /// store does not answer.
    fn is_late(&self, at: Instant, now: Instant) -> bool {
        self.is_unanswered && at + PATIENCE <= now
    }

    fn perform(&mut self, command: Command) {
        self.performing = true;
        self.own.begin(&command);
        self.outputs.push_back(Output::Perform(command));
    }

    fn count_bad_frame(&mut self, now: Instant) {
        let config = self.actor.chat().config();
        while self.bad_frames.front().is_some_and(|at| *at + config.bad_frame_window <= now) {
            self.bad_frames.pop_front();
        }
        self.bad_frames.push_back(now);
        if self.bad_frames.len() >= config.bad_frame_limit {
            self.close(Close::BAD_FRAMES);
        }
    }

    pub(super) fn handle_performed(&mut self, performed: Performed, now: Instant) {
        self.performing = false;
        self.is_unanswered = matches!(performed.error(), Some(Error::Unavailable(_)));
        let (temp_id, answering) = (self.own.end(), self.answering.take());
        match performed {
            Performed::Done(Ok(())) => {}
            Performed::Sent(Ok(sent)) => self.handle_sent(sent, temp_id),
            Performed::Sent(Err(error)) => {
                self.refuse(&error, temp_id.as_ref(), true);
                self.handle_error(&error, now);
            }
            Performed::Done(Err(error)) => {
                self.refuse(&error, answering.as_ref(), false);
                self.handle_error(&error, now);
            }
            Performed::Shown(shown) => self.handle_shown(shown, now),
        }
        self.release_held();
        self.work(now);
    }

    fn refuse(&mut self, error: &Error, temp_id: Option<&TempId>, is_send: bool) {
        self.reply(&Reply::Refused { error, temp_id, is_send });
        if is_send && matches!(error, Error::Unavailable(_) | Error::Internal(_)) {
            self.reply(&Reply::SendFailed { temp_id });
        }
    }

    fn handle_sent(&mut self, sent: Delivered, temp_id: Option<TempId>) {
        let Delivered { message, sender, repeated } = sent;
        if !self.was_told(&message) || self.own.holds(message.id) {
            // It will be told in its turn.
            self.own.expect(&message, temp_id);
        } else if let Some(temp_id) = temp_id.filter(|_| repeated) {
            let change = Change::Sent { message, sender, origin: None };
            self.send((self.dialect.codec.own_copy)(&change, &temp_id));
        }
    }

    pub(super) fn handle_error(&mut self, error: &Error, now: Instant) {
        match error {
            Error::Invalid(_) => self.count_bad_frame(now),
            Error::Denied(Denial::NotMember) => self.close(Close::FORBIDDEN),
            Error::Unavailable(source) | Error::Internal(source) => {
                tracing::warn!(room = %self.room, user = %self.user.id, %source, "a frame could not be carried out");
            }
            _ => {}
        }
    }
}

//! The machine.

mod showing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::history::History;
use super::open::leave;
use super::own_messages::OwnMessages;
use super::timers::{Timer, Timers};
use super::{
    About, Close, Command, Delivery, Frame, Heartbeat, HistoryPage, Incoming, Performed,
    ReadHistory, Reply, TempId,
};
use crate::config::Config;
use crate::dialect::Dialect;
use crate::http::Object;
use crate::model::{Change, Cursor, Event, RoomEvent, RoomId, Signal, Timestamp, User};
use crate::rules::Access;
use crate::service::{Actor, Delivered, Error, OpenSession};

/// How many frames of a client may wait for the one before them before no more are read.
const WAITING_FRAMES: usize = 32;

/// What comes in.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text frame of the client.
    Text(&'a str),
    /// A binary frame of the client.
    Binary,
    /// A ping or pong of the protocol: a sign of life.
    Activity,
    /// An event of the room, or about somebody in it.
    Delivery(&'a Delivery),
    /// What came of the command that was to be performed.
    Performed(Performed),
    /// What came of reading the page of history that was to be read.
    History(Result<HistoryPage, Error>),
    /// The connection has taken everything that was to be sent before [`Output::Flush`].
    Flushed,
    /// The deadline of [`Output::Wait`] may have come.
    Timeout,
    /// The server drains.
    Drain,
    /// The socket cannot stay, for a reason that the driver found.
    Close(Close),
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Send a text frame.
    Send(Frame),
    /// Send a ping of the protocol.
    Ping,
    /// Perform a command and hand back what came of it. There is one at a time.
    Perform(Command),
    /// Read a page of history and hand it back. There is one at a time.
    ReadHistory(ReadHistory),
    /// Say when the connection has taken everything that was to be sent before this. There is one
    /// at a time.
    Flush,
    /// Close. Nothing follows but [`Output::Wait`].
    Close(Close),
    /// Nothing, until something comes in or this deadline has come.
    Wait(Option<Instant>),
}

/// One WebSocket, from its opening frame to its close.
#[derive(Debug)]
pub struct Socket {
    dialect: &'static Dialect,
    actor: Actor,
    user: Arc<User>,
    room: RoomId,
    session: OpenSession,
    /// How far the client has been told the room's changes.
    cursor: Cursor,
    connected_at: Timestamp,
    last_activity: Timestamp,
    expires_at: Option<Timestamp>,
    timers: Timers,
    pings: u64,
    /// Pings in a row that were not answered.
    missed: u32,
    /// When the last bad frames came, the oldest first.
    bad_frames: VecDeque<Instant>,
    /// Frames that wait for the command before them.
    waiting: VecDeque<Result<Incoming, BadFrame>>,
    /// Whether a command is being performed.
    performing: bool,
    own: OwnMessages,
    /// Where it is in the room's history, where the dialect shows it.
    history: Option<Box<History>>,
    outputs: VecDeque<Output>,
    closed: bool,
}

#[derive(Debug)]
struct BadFrame {
    sentence: String,
    temp_id: Option<TempId>,
}

impl Socket {
    /// A socket that has just been let into a room. Everything up to `access.version` is known to
    /// its client, or can be read.
    pub(super) fn new(
        dialect: &'static Dialect,
        actor: Actor,
        user: Arc<User>,
        access: Access,
        session: OpenSession,
        expires_at: Option<Timestamp>,
        now: Instant,
    ) -> Self {
        let wall = actor.chat().clock().now();
        let own = OwnMessages::new(user.id.clone(), session.id());
        let history = dialect.codec.history.then(|| Box::new(History::new(user.id.clone())));
        let mut socket = Self {
            dialect,
            actor,
            user,
            room: access.room,
            session,
            cursor: Cursor::version(access.version),
            connected_at: wall,
            last_activity: wall,
            expires_at,
            timers: Timers::default(),
            pings: 0,
            missed: 0,
            bad_frames: VecDeque::new(),
            waiting: VecDeque::new(),
            performing: false,
            own,
            history,
            outputs: VecDeque::new(),
            closed: false,
        };
        socket.timers.set(Timer::Ping, now + socket.config().ping_interval);
        socket.timers.set(Timer::Lifetime, now + socket.config().lifetime);
        socket.set_expiry(now);
        socket.reply(&Reply::Opened);
        socket.continue_history();
        socket
    }

    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Who acts through the socket.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The socket's session.
    pub fn session(&self) -> &OpenSession {
        &self.session
    }

    /// How far the client has been told the room's changes: from where to catch up.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Notes how far the client has been told, where what was read from the store ended in
    /// changes that no frame shows.
    pub fn catch_up_to(&mut self, reached: Cursor) {
        self.cursor = self.cursor.max(reached);
    }

    /// Whether frames of the client are to be read now. With many waiting for a command, or many
    /// answers waiting to be taken, reading on would only fill memory.
    pub fn wants_frames(&self) -> bool {
        !self.closed && self.waiting.len() < WAITING_FRAMES && self.outputs.len() < WAITING_FRAMES
    }

    /// Whether deliveries are to be handed over now. Where many wait for the answer to a send, the
    /// next ones are to wait outside.
    pub fn wants_deliveries(&self) -> bool {
        !self.own.holds_much()
    }

    /// Ends the socket's session, once the connection is closed.
    pub async fn leave(self) {
        leave(self.actor, self.session).await;
    }

    /// Takes what came in.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        if self.closed {
            return;
        }
        // Also before the timer wakes us, which sleeps with the machine.
        if self.has_expired() {
            return self.close(Close::UNAUTHENTICATED);
        }
        match input {
            Input::Text(text) => self.handle_text(text, now),
            Input::Binary => self.close(Close::BINARY),
            Input::Activity => self.handle_activity(),
            Input::Delivery(delivery) => self.handle_delivery(delivery),
            Input::Performed(performed) => self.handle_performed(performed, now),
            Input::History(page) => self.handle_history(page),
            Input::Flushed => self.handle_flushed(now),
            Input::Timeout => self.handle_timeout(now),
            Input::Drain => {
                self.reply(&Reply::Reconnect { reason: "server_restart", attempts: 0 });
                self.close(Close::DRAIN);
            }
            Input::Close(close) => self.close(close),
        }
        self.continue_history();
        let is_live = self.history.as_ref().is_none_or(|history| history.is_live());
        if is_live && self.own.is_full() {
            self.own.forget(self.cursor.version);
        }
        self.work(now);
    }

    /// Says what is to be done next; [`Output::Wait`] once there is nothing else.
    pub fn poll(&mut self) -> Output {
        let wait = || Output::Wait(if self.closed { None } else { self.timers.next() });
        self.outputs.pop_front().unwrap_or_else(wait)
    }

    fn handle_text(&mut self, text: &str, now: Instant) {
        self.handle_activity();
        let incoming = self.decode(text);
        self.waiting.push_back(incoming);
        self.work(now);
    }

    fn decode(&self, text: &str) -> Result<Incoming, BadFrame> {
        let Object(frame) = serde_json::from_str(text).map_err(|error| {
            let is_json = error.is_data();
            BadFrame::new(if is_json {
                "A frame must be a JSON object with each key once"
            } else {
                "Invalid JSON"
            })
        })?;
        (self.dialect.codec.decode)(&frame, self.config())
            .map_err(|sentence| BadFrame::of(&frame, sentence))
    }

    /// Takes up waiting frames, in their order, until one needs to be performed.
    fn work(&mut self, now: Instant) {
        while !self.performing && !self.closed {
            let shown = self.history.as_mut().and_then(|history| history.begin_marking());
            if let Some(seq) = shown {
                self.perform(Command::Shown(seq));
                return;
            }
            if self.own.is_full() {
                return;
            }
            let Some(incoming) = self.waiting.pop_front() else { return };
            match incoming {
                Ok(Incoming::Command(command)) => self.perform(command),
                Ok(Incoming::Ping(timestamp)) => self.reply(&Reply::Pong { timestamp: &timestamp }),
                Ok(Incoming::Pong) => {}
                Ok(Incoming::Check) => self.reply(&Reply::Status),
                Err(BadFrame { sentence, temp_id }) => {
                    self.reply(&Reply::BadFrame { sentence: &sentence, temp_id: temp_id.as_ref() });
                    self.count_bad_frame(now);
                }
            }
        }
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

    fn handle_performed(&mut self, performed: Performed, now: Instant) {
        self.performing = false;
        let temp_id = self.own.end();
        match performed {
            Performed::Done(Ok(())) => {}
            Performed::Sent(Ok(sent)) => {
                if let Some(temp_id) = temp_id {
                    self.handle_sent(sent, temp_id);
                }
            }
            Performed::Sent(Err(error)) => {
                let temp_id = temp_id.as_ref();
                self.reply(&Reply::Refused { error: &error, temp_id });
                if matches!(error, Error::Unavailable(_) | Error::Internal(_)) {
                    self.reply(&Reply::SendFailed { temp_id });
                }
                self.handle_error(&error, now);
            }
            Performed::Done(Err(error)) => {
                self.reply(&Reply::Refused { error: &error, temp_id: temp_id.as_ref() });
                self.handle_error(&error, now);
            }
            Performed::Shown(shown) => self.handle_shown(shown, now),
        }
        self.release_held();
        self.work(now);
    }

    fn handle_sent(&mut self, sent: Delivered, temp_id: TempId) {
        let Delivered { message, sender, repeated } = sent;
        if !self.was_told(&message) || self.own.holds(message.id) {
            // It will be told in its turn.
            self.own.expect(&message, temp_id);
        } else if repeated {
            let change = Change::Sent { message, sender, origin: None };
            self.send((self.dialect.codec.own_copy)(&change, &temp_id));
        }
    }

    fn handle_error(&mut self, error: &Error, now: Instant) {
        match error {
            Error::Invalid(_) => self.count_bad_frame(now),
            Error::Denied(crate::rules::Denial::NotMember) => self.close(Close::FORBIDDEN),
            Error::Unavailable(source) | Error::Internal(source) => {
                tracing::warn!(room = %self.room, user = %self.user.id, %source, "a frame could not be carried out");
            }
            _ => {}
        }
    }

    fn handle_delivery(&mut self, delivery: &Delivery) {
        match delivery.event() {
            Event::Room(event) => self.handle_room_event(event, delivery),
            Event::Signal(Signal::HealthCheck { .. }) => self.reply(&Reply::Health),
            Event::Signal(Signal::Typing { user, .. } | Signal::Presence { user, .. }) => {
                if user.id != self.user.id {
                    self.send_shared(delivery);
                }
            }
            Event::Signal(Signal::Attendance { .. }) => self.send_shared(delivery),
        }
    }

    fn handle_room_event(&mut self, event: &RoomEvent, delivery: &Delivery) {
        if event.reached <= self.cursor {
            return;
        }
        let new: Vec<_> = event.changes.iter().filter(|change| !self.knows(change)).collect();
        self.cursor = event.reached;
        let is_removal =
            |change: &&Change| matches!(change, Change::Left { user } if *user == self.user.id);
        if new.iter().any(is_removal) {
            self.close(Close::FORBIDDEN);
        } else if let Some(history) = self.history.as_mut().filter(|history| !history.is_live()) {
            history.leave_out(event);
        } else if self.own.hold(&new) {
            // They are told when it is known which of them was sent from here.
        } else if new.len() < event.changes.len()
            || new.iter().any(|change| self.own.may_be_own(change))
        {
            self.release_held();
            for change in new {
                self.tell(change);
            }
        } else {
            self.release_held();
            for change in new {
                self.note_told(change);
            }
            self.send_shared(delivery);
        }
    }

    /// Tells a change, an own message with its key.
    fn tell(&mut self, change: &Change) {
        self.note_told(change);
        let codec = &self.dialect.codec;
        let Some(temp_id) = self.own.claim(change) else {
            return self.send((codec.change)(change));
        };
        self.send((codec.own_copy)(change, &temp_id));
        // A repetition that overtook the message is answered too.
        while let Some(temp_id) = self.own.claim_sent(change) {
            self.send((codec.own_copy)(change, &temp_id));
        }
    }

    fn release_held(&mut self) {
        while let Some(change) = self.own.take_held() {
            self.tell(&change);
        }
    }

    fn handle_activity(&mut self) {
        self.last_activity = self.actor.chat().clock().now();
        self.session.touch(self.last_activity);
        self.timers.clear(Timer::Pong);
        self.missed = 0;
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((timer, due)) = self.timers.take_due(now) {
            match timer {
                Timer::Ping => self.ping(due, now),
                Timer::Pong => self.handle_missed_ping(),
                Timer::Expiry => self.set_expiry(now),
                Timer::Lifetime => self.close(Close::LIFETIME),
            }
            if self.closed {
                return;
            }
        }
    }

    fn ping(&mut self, due: Instant, now: Instant) {
        let config = self.actor.chat().config();
        // After a pause of the whole machine the pings that were missed are not made up for.
        let next = due + config.ping_interval;
        self.timers.set(Timer::Ping, if next > now { next } else { now + config.ping_interval });
        if !self.timers.is_set(Timer::Pong) {
            self.timers.set(Timer::Pong, now + config.ping_timeout);
        }
        self.pings += 1;
        if let Some(history) = &mut self.history {
            history.retry();
        }
        match self.dialect.codec.heartbeat {
            Heartbeat::Frames => self.reply(&Reply::Ping { sequence: self.pings }),
            Heartbeat::Protocol => self.outputs.push_back(Output::Ping),
        }
    }

    fn handle_missed_ping(&mut self) {
        self.missed += 1;
        self.reply(&Reply::Reconnect { reason: "ping_timeout", attempts: self.missed });
        if self.missed >= self.config().max_missed_pings {
            self.close(Close::PING_TIMEOUT);
        }
    }

    /// Whether the sign-in has expired by the wall clock.
    fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= self.actor.chat().clock().now())
    }

    /// Closes if the sign-in has expired, else waits until it may have.
    fn set_expiry(&mut self, now: Instant) {
        let Some(expires_at) = self.expires_at else { return };
        let left = expires_at.since(self.actor.chat().clock().now());
        if left.is_zero() {
            self.close(Close::UNAUTHENTICATED);
        } else {
            self.timers.set(Timer::Expiry, now + left);
        }
    }

    fn config(&self) -> &Config {
        self.actor.chat().config()
    }

    fn reply(&mut self, reply: &Reply<'_>) {
        let about = About {
            room: self.room,
            user: &self.user,
            connected_at: self.connected_at,
            last_activity: self.last_activity,
            now: self.actor.chat().clock().now(),
            config: self.config(),
        };
        let text = (self.dialect.codec.reply)(reply, &about);
        self.send(text);
    }

    fn send(&mut self, text: Option<String>) {
        self.outputs.extend(text.map(|text| Output::Send(text.into())));
    }

    fn send_shared(&mut self, delivery: &Delivery) {
        let frames = delivery.frames(self.dialect).iter().cloned();
        self.outputs.extend(frames.map(Output::Send));
    }

    fn close(&mut self, close: Close) {
        if !self.closed {
            self.closed = true;
            self.waiting.clear();
            self.own.clear();
            self.outputs.push_back(Output::Close(close));
        }
    }
}

impl BadFrame {
    fn new(sentence: &str) -> Self {
        Self { sentence: sentence.to_owned(), temp_id: None }
    }

    fn of(frame: &Map<String, Value>, sentence: String) -> Self {
        Self { sentence, temp_id: TempId::of(frame) }
    }
}

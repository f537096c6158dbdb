//! The machine.

mod heartbeat;
mod incoming;
mod leaving;
mod showing;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use self::incoming::Heard;
use super::history::History;
use super::own_messages::OwnMessages;
use super::timers::{Timer, Timers};
use super::{
    About, Close, Command, Delivery, Frame, HistoryPage, Performed, ReadHistory, Reply, TempId,
};
use crate::config::Config;
use crate::dialect::Dialect;
use crate::model::{Cursor, RoomId, Timestamp, User};
use crate::rules::Access;
use crate::service::{Actor, Error, OpenSession};

/// How many frames of a client may wait for the one before them before no more are read.
const WAITING_FRAMES: usize = 32;

/// How many of the largest frames may wait likewise, by their bytes.
const WAITING_LARGEST: usize = 2;

/// What comes in.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text frame of the client.
    Text(&'a str),
    /// The client has sent what no client may, such as a binary frame: nothing more is read of it,
    /// and the socket is closed so once what came before is answered.
    Broken(Close),
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
    /// Frames that wait for the one before them.
    waiting: VecDeque<Heard>,
    /// How it ends once those are answered, where nothing can follow them.
    ending: Option<Close>,
    /// With what the links in its frames begin, where there are any.
    pub(super) base: Option<Box<str>>,
    /// The key of the frame whose command is being performed.
    answering: Option<TempId>,
    /// Whether a command is being performed.
    performing: bool,
    /// Whether the last one was not answered.
    is_unanswered: bool,
    own: OwnMessages,
    /// Where it is in the room's history, where the dialect shows it.
    history: Option<Box<History>>,
    outputs: VecDeque<Output>,
    closed: bool,
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
            ending: None,
            base: None,
            answering: None,
            performing: false,
            is_unanswered: false,
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

    /// Whether it ends once its outputs are done: nothing that comes in matters any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether frames of the client are to be read now. With many waiting for a command, or many
    /// answers waiting to be taken, reading on would only fill memory.
    pub fn wants_frames(&self) -> bool {
        !self.closed
            && self.ending.is_none()
            && self.waiting.len() < WAITING_FRAMES
            && self.outputs.len() < WAITING_FRAMES
            && self.waiting_bytes() < self.config().frame_limit.saturating_mul(WAITING_LARGEST)
    }

    /// How much waits for a command, and of answers.
    fn waiting_bytes(&self) -> usize {
        let sent = self.outputs.iter().map(|output| match output {
            Output::Send(frame) => frame.as_str().len(),
            _ => 0,
        });
        self.waiting.iter().map(|heard| heard.length).chain(sent).sum()
    }

    /// Whether deliveries are to be handed over now. Where many wait for the answer to a send, the
    /// next ones are to wait outside.
    pub fn wants_deliveries(&self) -> bool {
        !self.own.holds_much()
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
            Input::Broken(close) => self.handle_last(close, now),
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
        if is_live {
            self.own.forget(self.cursor.version);
        }
        self.work(now);
    }

    /// Says what is to be done next; [`Output::Wait`] once there is nothing else.
    pub fn poll(&mut self) -> Output {
        // It may have waited for the connection for longer than the sign-in lasted.
        if matches!(self.outputs.front(), Some(Output::Perform(_))) && self.has_expired() {
            self.close(Close::UNAUTHENTICATED);
            self.do_nothing_more();
        }
        let wait = || Output::Wait(if self.closed { None } else { self.timers.next() });
        self.outputs.pop_front().unwrap_or_else(wait)
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
            // Nothing more is done for who may not act any more, or has sent too much.
            if [Close::UNAUTHENTICATED, Close::FORBIDDEN, Close::BAD_FRAMES].contains(&close) {
                self.do_nothing_more();
            }
            self.own.clear();
            self.outputs.push_back(Output::Close(close));
        }
    }

    /// Forgets what was to be performed and is not begun.
    fn do_nothing_more(&mut self) {
        self.waiting.clear();
        self.outputs.retain(|output| !matches!(output, Output::Perform(_)));
        self.history = None;
    }
}

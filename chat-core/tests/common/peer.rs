//! One open socket, as its driver has it.

use std::future::{pending, ready};
use std::time::Instant;

use chat_core::model::{Event, Signal, UserId};
use chat_core::socket::{Close, Command, Delivery, Input, Output, Performed, ReadHistory, Socket};
use serde_json::Value;

use super::{Time, now};

/// The handle of an open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) usize);

/// An open socket and what it has sent.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Driven {
    /// None once it has closed.
    pub(super) socket: Option<Socket>,
    pub(super) watched: Vec<UserId>,
    /// What was sent and not looked at yet.
    pub(super) frames: Vec<Value>,
    /// The same as text, for the order of the keys.
    pub(super) texts: Vec<String>,
    pub(super) close: Option<Close>,
    pub(super) deadline: Option<Instant>,
    /// Whether commands wait until they are let go.
    pub(super) holds_commands: bool,
    pub(super) command: Option<Command>,
    /// Whether pages of history wait until they are let go.
    pub(super) holds_history: bool,
    pub(super) page: Option<ReadHistory>,
    /// Whether the client takes nothing, so that no flush ends.
    pub(super) is_stalled: bool,
    pub(super) flush_waits: bool,
    /// Whether the connection takes nothing, so that the machine is not asked what to do.
    pub(super) is_blocked: bool,
    /// How many pings of the protocol were sent.
    pub(super) pings: usize,
    /// Whether deliveries are lost.
    pub(super) is_deaf: bool,
}

impl Driven {
    pub(super) fn new(socket: Socket, watched: Vec<UserId>) -> Self {
        Self {
            socket: Some(socket),
            watched,
            frames: Vec::new(),
            texts: Vec::new(),
            close: None,
            deadline: None,
            holds_commands: false,
            command: None,
            holds_history: false,
            page: None,
            is_stalled: false,
            flush_waits: false,
            is_blocked: false,
            pings: 0,
            is_deaf: false,
        }
    }

    pub(super) fn handle(&mut self, input: Input<'_>, time: &Time) {
        if let Some(socket) = &mut self.socket {
            socket.handle(input, time.instant());
            self.drive(time);
        }
    }

    /// Hands out a delivery if it concerns the socket.
    pub(super) fn deliver(&mut self, delivery: &Delivery, time: &Time) {
        let Some(socket) = &self.socket else { return };
        let here = socket.room();
        let concerned = match delivery.event() {
            Event::Signal(Signal::SignedOut { user }) => {
                if socket.actor().id().is_ok_and(|id| id == user) {
                    self.handle(Input::Close(Close::UNAUTHENTICATED), time);
                }
                return;
            }
            Event::Room(event) => event.room == here,
            Event::Signal(Signal::Presence { user, .. }) => self.watched.contains(&user.id),
            Event::Signal(signal) => signal.room() == Some(here),
        };
        if concerned && !self.is_deaf {
            self.handle(Input::Delivery(delivery), time);
        }
    }

    /// Does what the machine says, until it waits.
    pub(super) fn drive(&mut self, time: &Time) {
        if self.is_blocked {
            return;
        }
        while let Some(socket) = &mut self.socket {
            match socket.poll() {
                Output::Send(frame) => {
                    self.frames.push(serde_json::from_str(frame.as_str()).unwrap());
                    self.texts.push(frame.as_str().to_owned());
                }
                Output::Ping => self.pings += 1,
                Output::ReadHistory(page) => {
                    assert!(self.page.is_none(), "there is one page at a time");
                    self.page = Some(page);
                    if !self.holds_history {
                        self.read_history(time);
                    }
                }
                Output::Flush => {
                    assert!(!self.flush_waits, "there is one flush at a time");
                    self.flush_waits = true;
                    if !self.is_stalled {
                        self.flush(time);
                    }
                }
                Output::Perform(command) => {
                    assert!(self.command.is_none(), "there is one command at a time");
                    self.command = Some(command);
                    if !self.holds_commands {
                        let performed = self.perform(time).unwrap();
                        self.handle(Input::Performed(performed), time);
                    }
                }
                Output::Close(close) => {
                    self.close = Some(close);
                    self.assert_silent(time);
                    self.perform(time);
                    let socket = self.socket.take().unwrap();
                    now(socket.leave(ready(()), pending(), time.instant()));
                }
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
        self.deadline = None;
    }

    /// Carries out the command that waits, without handing back what came of it.
    pub(super) fn perform(&mut self, time: &Time) -> Option<Performed> {
        let (command, socket) = (self.command.take()?, self.socket.as_ref()?);
        let (actor, room) = (socket.actor().clone(), socket.room());
        Some(now(command.perform(actor, room, socket.session().id(), time.instant())))
    }

    /// Reads the page of history that waits, and hands it back.
    pub(super) fn read_history(&mut self, time: &Time) {
        let (Some(page), Some(socket)) = (self.page.take(), &self.socket) else { return };
        let page = now(page.perform(socket.actor().clone(), socket.room()));
        self.handle(Input::History(page), time);
    }

    /// Lets the client take what was sent.
    pub(super) fn flush(&mut self, time: &Time) {
        if std::mem::take(&mut self.flush_waits) {
            self.handle(Input::Flushed, time);
        }
    }

    /// A closed machine says nothing any more, whatever comes in.
    fn assert_silent(&mut self, time: &Time) {
        let socket = self.socket.as_mut().unwrap();
        let inputs = [
            Input::Text(r#"{"type":"ping"}"#),
            Input::Text("nonsense"),
            Input::Broken(Close::BINARY),
            Input::Activity,
            Input::Flushed,
            Input::Timeout,
            Input::Drain,
            Input::Close(Close::FAULT),
        ];
        for input in inputs {
            socket.handle(input, time.instant());
            assert!(matches!(socket.poll(), Output::Wait(None)));
        }
        assert!(!socket.wants_frames());
    }
}

//! One open socket, as its driver has it.

use std::time::Instant;

use chat_core::model::{Event, Signal, UserId};
use chat_core::socket::{Close, Command, Delivery, Input, Output, Performed, Socket};
use serde_json::Value;

use super::{Time, now};

/// The handle of an open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) usize);

/// An open socket and what it has sent.
#[derive(Debug)]
pub(super) struct Driven {
    /// None once it has closed.
    pub(super) socket: Option<Socket>,
    pub(super) watched: Vec<UserId>,
    /// What was sent and not looked at yet.
    pub(super) frames: Vec<Value>,
    pub(super) close: Option<Close>,
    pub(super) deadline: Option<Instant>,
    /// Whether commands wait until they are let go.
    pub(super) holds_commands: bool,
    pub(super) command: Option<Command>,
    /// Whether deliveries are lost.
    pub(super) is_deaf: bool,
}

impl Driven {
    pub(super) fn new(socket: Socket, watched: Vec<UserId>) -> Self {
        Self {
            socket: Some(socket),
            watched,
            frames: Vec::new(),
            close: None,
            deadline: None,
            holds_commands: false,
            command: None,
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
            Event::Room(event) => event.room == here,
            Event::Signal(Signal::Presence { user, .. }) => self.watched.contains(&user.id),
            Event::Signal(
                Signal::Typing { room, .. }
                | Signal::Attendance { room, .. }
                | Signal::HealthCheck { room },
            ) => *room == here,
        };
        if concerned && !self.is_deaf {
            self.handle(Input::Delivery(delivery), time);
        }
    }

    /// Does what the machine says, until it waits.
    pub(super) fn drive(&mut self, time: &Time) {
        while let Some(socket) = &mut self.socket {
            match socket.poll() {
                Output::Send(frame) => {
                    self.frames.push(serde_json::from_str(frame.as_str()).unwrap());
                }
                Output::Ping => panic!("messenger pings with frames"),
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
                    now(self.socket.take().unwrap().leave());
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

    /// A closed machine says nothing any more, whatever comes in.
    fn assert_silent(&mut self, time: &Time) {
        let socket = self.socket.as_mut().unwrap();
        let inputs = [
            Input::Text(r#"{"type":"ping"}"#),
            Input::Text("nonsense"),
            Input::Binary,
            Input::Activity,
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

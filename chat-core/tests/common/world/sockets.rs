//! The sockets of the world, driven by hand.

use std::future::{pending, ready};

use chat_core::http::match_path;
use chat_core::model::{Event, RoomId};
use chat_core::socket::{Close, Delivery, Input, Opening, Socket};
use http::HeaderMap;
use serde_json::Value;

use super::{World, now};
use crate::common::peer::Driven;
use crate::common::{Peer, request};

impl World {
    /// Opens a socket of a user in the room of 1 and 2 and takes its first frame.
    #[track_caller]
    pub(crate) fn open(&mut self, user: u64) -> Peer {
        self.open_in(user, self.room)
    }

    /// Opens a socket of a user in a room and takes its first frame.
    #[track_caller]
    pub(crate) fn open_in(&mut self, user: u64, room: RoomId) -> Peer {
        let token = self.token(user);
        let peer = self.open_at(&format!("/ws/chat/{room}/"), &token).unwrap();
        if self.dialect.name == "messenger" {
            assert_eq!(self.frame(peer)["type"], "connection_established");
        }
        peer
    }

    /// Opens a socket at a path with a token in the query.
    pub(crate) fn open_at(&mut self, path: &str, token: &str) -> Result<Peer, Close> {
        self.open_with(path, &HeaderMap::new(), Some(&format!("token={token}")))
    }

    /// Opens a socket at a path.
    pub(crate) fn open_with(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Peer, Close> {
        let peer = self.open_held(path, headers, query)?;
        self.sockets[peer.0].holds_history = false;
        self.sockets[peer.0].read_history(&self.time);
        self.settle();
        Ok(peer)
    }

    /// The same, but the pages of history wait until they are let go.
    pub(crate) fn open_held(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Peer, Close> {
        let mut routes = self.dialect.sockets.iter();
        let (route, params) = routes
            .find_map(|route| Some((route, match_path(route.path, path)?)))
            .expect("a path of a socket");
        let (chat, dialect, at) = (&self.chat, self.dialect, self.time.instant());
        let uri = format!("/?{}", query.unwrap_or_default());
        let handshake = request("GET", &uri, headers.clone(), Vec::new()).parts;
        let opening = now(Opening::recognise(chat, dialect, route, params, &handshake, at))?;
        let (socket, watched) = now(opening.enter(headers, None, "http://example.com", at))?;
        self.sockets.push(Driven::new(socket, watched));
        let peer = Peer(self.sockets.len() - 1);
        self.sockets[peer.0].holds_history = true;
        self.settle();
        Ok(peer)
    }

    /// Reads the page of history that waits and hands it back; whether there was one.
    pub(crate) fn release_history(&mut self, peer: Peer) -> bool {
        let waits = self.sockets[peer.0].page.is_some();
        self.sockets[peer.0].read_history(&self.time);
        self.settle();
        waits
    }

    /// Whether a socket waits for a page of history.
    pub(crate) fn reads_history(&self, peer: Peer) -> bool {
        self.sockets[peer.0].page.is_some()
    }

    /// From now on the client takes nothing, or everything again.
    pub(crate) fn set_stalled(&mut self, peer: Peer, stalled: bool) {
        self.sockets[peer.0].is_stalled = stalled;
        if !stalled {
            self.sockets[peer.0].flush(&self.time);
            self.settle();
        }
    }

    /// From now on the connection of a socket takes nothing.
    pub(crate) fn block(&mut self, peer: Peer) {
        self.sockets[peer.0].is_blocked = true;
    }

    /// The connection of a socket takes everything again.
    pub(crate) fn unblock(&mut self, peer: Peer) {
        self.sockets[peer.0].is_blocked = false;
        self.settle();
    }

    /// Takes the one frame that a socket was sent, as text.
    #[track_caller]
    pub(crate) fn text(&mut self, peer: Peer) -> String {
        let mut texts = std::mem::take(&mut self.sockets[peer.0].texts);
        self.frames(peer);
        assert_eq!(texts.len(), 1, "{texts:#?}");
        texts.remove(0)
    }

    /// How many pings of the protocol a socket was sent.
    pub(crate) fn pings(&self, peer: Peer) -> usize {
        self.sockets[peer.0].pings
    }

    /// Sends a client's frame.
    pub(crate) fn send(&mut self, peer: Peer, frame: &Value) {
        self.send_text(peer, &frame.to_string());
    }

    /// Sends a client's text, whatever it is.
    pub(crate) fn send_text(&mut self, peer: Peer, text: &str) {
        self.input(peer, Input::Text(text));
    }

    /// Feeds a machine.
    pub(crate) fn input(&mut self, peer: Peer, input: Input<'_>) {
        self.sockets[peer.0].handle(input, &self.time);
        self.settle();
    }

    /// Takes what a socket was sent.
    pub(crate) fn frames(&mut self, peer: Peer) -> Vec<Value> {
        self.sockets[peer.0].texts.clear();
        std::mem::take(&mut self.sockets[peer.0].frames)
    }

    /// Takes the one frame that a socket was sent.
    #[track_caller]
    pub(crate) fn frame(&mut self, peer: Peer) -> Value {
        let mut frames = self.frames(peer);
        assert_eq!(frames.len(), 1, "{frames:#?}");
        frames.remove(0)
    }

    /// Checks that a socket was sent nothing.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self, peer: Peer) {
        assert_eq!(self.frames(peer), Vec::<Value>::new());
    }

    /// The code with which a socket was closed.
    pub(crate) fn closed(&self, peer: Peer) -> Option<u16> {
        self.sockets[peer.0].close.map(|close| close.code)
    }

    /// Closes a socket from the client's side.
    pub(crate) fn leave(&mut self, peer: Peer) {
        self.sockets[peer.0].perform(&self.time);
        let socket = self.sockets[peer.0].socket.take().unwrap();
        now(socket.leave(ready(()), pending(), self.time.instant()));
        self.settle();
    }

    /// From now on a socket's commands wait.
    pub(crate) fn hold_commands(&mut self, peer: Peer) {
        self.sockets[peer.0].holds_commands = true;
    }

    /// Carries out the command that waits, and hands back what came of it.
    pub(crate) fn release_command(&mut self, peer: Peer) {
        self.release_command_after(peer, |_| {});
    }

    /// Carries out the command that waits, and hands back what came of it after something else
    /// has happened.
    pub(crate) fn release_command_after(&mut self, peer: Peer, then: impl FnOnce(&mut Self)) {
        let performed = self.sockets[peer.0].perform(&self.time).unwrap();
        then(self);
        self.input(peer, Input::Performed(performed));
    }

    /// Whether a command waits.
    pub(crate) fn is_performing(&self, peer: Peer) -> bool {
        self.sockets[peer.0].command.is_some()
    }

    /// Whether the machine wants more frames of its client now.
    pub(crate) fn wants_frames(&self, peer: Peer) -> bool {
        self.sockets[peer.0].socket.as_ref().is_some_and(Socket::wants_frames)
    }

    /// Whether the machine wants deliveries now.
    pub(crate) fn wants_deliveries(&self, peer: Peer) -> bool {
        self.sockets[peer.0].socket.as_ref().is_some_and(Socket::wants_deliveries)
    }

    /// From now on deliveries to a socket are lost, or no more.
    pub(crate) fn set_deaf(&mut self, peer: Peer, deaf: bool) {
        self.settle();
        self.sockets[peer.0].is_deaf = deaf;
    }

    /// Catches a socket up from the store as the drivers do, so many rows at once.
    pub(crate) fn catch_up(&mut self, peer: Peer, limit: usize) {
        while self.wants_deliveries(peer)
            && let Some(socket) = &self.sockets[peer.0].socket
        {
            let (room, after) = (socket.room(), socket.cursor());
            let batch = now(self.chat.changes(room, after, limit)).unwrap();
            for event in batch.events {
                let delivery = Delivery::new(Event::Room(event));
                self.sockets[peer.0].handle(Input::Delivery(&delivery), &self.time);
            }
            let Some(socket) = &mut self.sockets[peer.0].socket else { return };
            socket.catch_up_to(batch.reached);
            if !batch.more {
                return self.settle();
            }
        }
    }

    /// Hands a delivery to every socket that it concerns.
    pub(crate) fn deliver(&mut self, delivery: &Delivery) {
        self.sockets.iter_mut().for_each(|socket| socket.deliver(delivery, &self.time));
        self.settle();
    }
}

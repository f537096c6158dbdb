//! One socket: its handshake, then a machine that reads, checks, answers pings and sends.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::check::{Arrival, Echo};
use crate::run::{Phase, Run, Slot};
use crate::wire::{self, Body, Frame, Stamp};

/// Close codes of RFC 6455, 7.4.1, that are never sent: a close frame without a code, and none.
const NO_CODE: u16 = 1005;
const NO_CLOSE_FRAME: u16 = 1006;

/// An open socket of the run.
#[derive(Debug)]
pub(crate) struct Client {
    run: Rc<Run>,
    number: usize,
    slot: Rc<Slot>,
    socket: WebSocketStream<TcpStream>,
    /// The answer to the latest ping; one answer is enough for several.
    pong: Option<String>,
    is_flushed: bool,
    close_sent: bool,
}

impl Client {
    /// Opens a socket and waits for its `connection_established`.
    ///
    /// # Errors
    /// A sentence for the report, without the token.
    pub(crate) async fn connect(
        run: Rc<Run>,
        addresses: &[SocketAddr],
        url: &str,
    ) -> Result<Self, String> {
        let stream = TcpStream::connect(addresses).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        // tungstenite's 128 KiB would be zeroed on every read; a chat frame is below 4 KiB.
        let config = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(4 << 10)
            .max_write_buffer_size(256 << 10)
            .max_message_size(Some(1 << 20))
            .max_frame_size(Some(1 << 20));
        let handshake = client_async_with_config(url, stream, Some(config)).await;
        let (mut socket, _) = handshake.map_err(|error| error.to_string())?;
        wait_until_established(&mut socket).await?;
        let (number, slot) = run.add_socket();
        Ok(Self { run, number, slot, socket, pong: None, is_flushed: true, close_sent: false })
    }

    /// Serves the socket until it is closed.
    pub(crate) async fn serve(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// Reads all there is, then writes what can be written: never waits for one with the other
    /// undone, so that a server that stops reading until it was read can't stall the socket.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.slot.waker.register(cx.waker());
        while let Poll::Ready(received) = self.socket.poll_next_unpin(cx) {
            match received {
                Some(Ok(Message::Text(text))) => self.handle_text(&text),
                Some(Ok(Message::Binary(_))) => self.run.errors.borrow_mut().unreadable_frames += 1,
                Some(Ok(Message::Close(frame))) => self.handle_close(code_of(frame.as_ref())),
                // tungstenite answers protocol pings by itself.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.handle_close(NO_CLOSE_FRAME);
                    return Poll::Ready(());
                }
            }
        }
        if let Poll::Ready(Err(_)) = self.poll_send(cx) {
            self.handle_close(NO_CLOSE_FRAME);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        while self.slot.is_open.get() && self.has_something_to_send() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            let frame = self.next_frame();
            self.socket.start_send_unpin(frame)?;
            self.is_flushed = false;
        }
        if !self.is_flushed {
            ready!(self.socket.poll_flush_unpin(cx))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn has_something_to_send(&self) -> bool {
        let is_closing = self.run.phase.get() == Phase::Closing && !self.close_sent;
        self.pong.is_some() || self.slot.due.get() > 0 || is_closing
    }

    /// The frame to send now that it can be; only to be called where there is one.
    fn next_frame(&mut self) -> Message {
        if let Some(pong) = self.pong.take() {
            return Message::text(pong);
        }
        if let Some(left) = self.slot.due.get().checked_sub(1) {
            self.slot.due.set(left);
            self.slot.in_flight.set(true);
            let index = self.run.checker.borrow_mut().handle_sent();
            let stamp = Stamp { index, sender: self.number, sent_at: self.run.now() };
            return Message::text(self.run.id.message(stamp));
        }
        self.close_sent = true;
        Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))
    }

    fn handle_text(&mut self, text: &str) {
        match wire::decode(text) {
            Ok(Frame::Message(body, temp_id)) => self.handle_message(&body, temp_id),
            Ok(Frame::Ping(timestamp)) => self.pong = Some(wire::pong(timestamp)),
            Ok(Frame::Error { message, temp_id }) => self.handle_error(message, temp_id),
            Ok(Frame::Established | Frame::Other) => {}
            Err(_) => self.run.errors.borrow_mut().unreadable_frames += 1,
        }
    }

    fn handle_message(&mut self, body: &Body<'_>, temp_id: Option<&RawValue>) {
        let run = &*self.run;
        let Some(stamp) = run.id.read(&body.content) else { return };
        let now = run.now();
        run.last_arrival.set(now);
        let mut checker = run.checker.borrow_mut();
        let Ok(Stamp { index, sender, sent_at }) = stamp else {
            return checker.note_wrong("altered text");
        };
        let echo = run.id.read_echo(temp_id);
        let arrival = Arrival { socket: self.number, sender, index, id: body.id, echo };
        if checker.handle_arrival(&arrival) {
            run.latency.borrow_mut().record(now.saturating_sub(sent_at));
            if sender == self.number {
                self.slot.in_flight.set(false);
                if run.is_unpaced && run.phase.get() == Phase::Sending {
                    self.slot.due.set(1);
                }
            }
        }
    }

    /// Frees the socket for its next message too; the driver hands that out a little later, so
    /// that a server which refuses everything is not asked in a loop.
    fn handle_error(&mut self, message: String, temp_id: Option<&RawValue>) {
        self.slot.in_flight.set(false);
        if let Echo::Of(index) = self.run.id.read_echo(temp_id) {
            self.run.checker.borrow_mut().handle_refused(index);
        }
        self.run.errors.borrow_mut().note_error_frame(message);
    }

    /// Notes the end of the socket, once.
    fn handle_close(&mut self, code: u16) {
        if self.slot.is_open.replace(false) && self.run.phase.get() != Phase::Closing {
            self.run.errors.borrow_mut().note_early_close(code);
        }
    }
}

async fn wait_until_established(socket: &mut WebSocketStream<TcpStream>) -> Result<(), String> {
    while let Some(received) = socket.next().await {
        match received.map_err(|error| error.to_string())? {
            Message::Text(text) => match wire::decode(&text) {
                Ok(Frame::Established) => return Ok(()),
                Ok(Frame::Error { message, .. }) => return Err(format!("error frame: {message}")),
                _ => {}
            },
            Message::Close(frame) => return Err(format!("closed {}", code_of(frame.as_ref()))),
            _ => {}
        }
    }
    Err(format!("closed {NO_CLOSE_FRAME}"))
}

fn code_of(frame: Option<&CloseFrame>) -> u16 {
    frame.map_or(NO_CODE, |frame| frame.code.into())
}

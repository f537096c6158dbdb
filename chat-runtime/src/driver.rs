//! The driver of one open socket: does what its machine says.

mod closing;
mod mail;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chat_core::Error;
use chat_core::socket::{Close, Frame, HistoryPage, Input, Output, Performed, Socket};
use futures::future::{BoxFuture, OptionFuture};
use futures::{FutureExt, Sink, Stream as _};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use self::closing::close_for;
pub(crate) use self::closing::{CLOSE_TIMEOUT, close_message};
use self::mail::Behind;
use crate::clock::now;
use crate::host::caught;
use crate::hub::Hub;
use crate::inbox::{Ending, Inbox};
use crate::meters;
use crate::stream::Stream;

/// How much is done for one socket before others have their turn.
const TURN: usize = 64;

/// How long who has left counts as present for what they had sent and the host has not allowed yet:
/// so short that a drain of ten seconds sees them gone.
const PRESENCE: Duration = Duration::from_secs(5);

/// The driver of one open socket.
pub(crate) struct Driver {
    stream: WebSocketStream<Stream>,
    socket: Socket,
    inbox: Arc<Inbox>,
    /// For what did not fit into the inbox.
    hub: Arc<Hub>,
    /// The command that is being performed.
    command: Option<BoxFuture<'static, Performed>>,
    /// The page of history that is being read.
    history: Option<BoxFuture<'static, Result<HistoryPage, Error>>>,
    /// Whether the machine wants to know when everything is written.
    notice: Notice,
    /// How the socket is caught up, while it is behind.
    behind: Option<Box<Behind>>,
    /// The earliest of the machine's deadline, the stall's and the close's.
    timer: Pin<Box<Sleep>>,
    wake_at: Option<Instant>,
    /// How long the connection may take nothing of what waits.
    stall_timeout: Duration,
    /// Since when the connection has taken nothing of what waits.
    stalled_since: Option<Instant>,
    /// When the machine had said its last.
    ended_at: Option<Instant>,
    /// Whether the connection has to take something before more is written.
    blocked: bool,
    /// Whether something was written that is not flushed.
    unflushed: bool,
    /// Until when the other side may answer our close.
    closing_until: Option<Instant>,
    /// Whether the other side has broken the protocol, so that its bytes mean nothing any more.
    broken: bool,
}

impl Driver {
    pub(crate) fn new(
        stream: WebSocketStream<Stream>,
        socket: Socket,
        inbox: Arc<Inbox>,
        hub: Arc<Hub>,
    ) -> Self {
        let stall_timeout = socket.actor().chat().config().stall_timeout;
        Self {
            stream,
            socket,
            inbox,
            hub,
            stall_timeout,
            command: None,
            history: None,
            notice: Notice::None,
            behind: None,
            timer: Box::pin(sleep_until(Instant::now())),
            wake_at: None,
            stalled_since: None,
            ended_at: None,
            blocked: false,
            unflushed: false,
            closing_until: None,
            broken: false,
        }
    }

    /// Tells it that the server drains.
    pub(crate) fn drain(&self) {
        self.inbox.end(Ending::Drain);
    }

    /// The socket is to end: the connection is given less time.
    fn take_ending(&mut self, ending: Ending, now: Instant) {
        self.stall_timeout = self.stall_timeout.min(CLOSE_TIMEOUT);
        let input = match ending {
            Ending::Drain => Input::Drain,
            Ending::Removal => Input::Close(Close::FORBIDDEN),
            Ending::SignOut => Input::Close(Close::UNAUTHENTICATED),
        };
        self.socket.handle(input, now.into_std());
    }

    /// Ends the socket, once the connection is closed: lets go of it, does what its client had sent,
    /// so that what is stored is told, and ends the session, also where the host's own code does not
    /// return.
    pub(crate) async fn leave(self) {
        let Self { stream, socket, command, behind, history, .. } = self;
        // What is being read holds what others wait for.
        drop((stream, behind, history));
        tracing::debug!(room = %socket.room(), session = ?socket.session().id(), "a socket closed");
        let performed = OptionFuture::from(command).map(drop);
        socket.leave(performed, sleep(PRESENCE), now()).await;
    }

    /// Does what can be done now; ready when the connection is closed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let mut turn = TURN;
        loop {
            self.poll_command(cx, now);
            if self.closing_until.is_some() {
                return self.poll_closing(cx, now);
            }
            self.poll_timer(now);
            self.poll_history(cx, now);
            let _ = self.poll_reading(cx);
            let heard_all = match self.poll_frames(cx, now, &mut turn) {
                Poll::Ready(Heard::End) => return Poll::Ready(()),
                Poll::Ready(Heard::Enough) => false,
                Poll::Pending => true,
            };
            if self.closing_until.is_some() {
                // They have closed: nothing more is written but the answer.
                continue;
            }
            if self.socket.is_closed() {
                self.give_up_reading();
                self.ended_at.get_or_insert(now);
            }
            if let Poll::Ready(Err(_)) = self.poll_outputs(cx, now, &mut turn) {
                return Poll::Ready(());
            }
            if self.closing_until.is_some() {
                continue;
            }
            if self.poll_flush(cx, now).is_ready() {
                return Poll::Ready(());
            }
            let noticed = self.notice == Notice::Given;
            if noticed {
                self.notice = Notice::None;
                turn = turn.saturating_sub(1);
            }
            if turn == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Commands that ended at once may have made room for more frames.
            let hear_more = !heard_all && self.socket.wants_frames();
            if !hear_more && !noticed && !self.is_due(cx, now) {
                return Poll::Pending;
            }
        }
    }

    /// Lets the machine know that its deadline has come; closes a connection that takes nothing.
    fn poll_timer(&mut self, now: Instant) {
        if self.wake_at.is_none_or(|at| at > now) {
            return;
        }
        self.wake_at = None;
        if self.stalls_at().is_some_and(|at| at <= now) {
            meters::closed(Close::TOO_SLOW.code);
            // Nothing can be written now; if the other side wakes up it finds this at the end.
            let _ = self.write(close_message(Close::TOO_SLOW));
            let patience = if self.socket.is_closed() { CLOSE_TIMEOUT } else { self.stall_timeout };
            self.start_closing(now + patience);
        } else {
            self.socket.handle(Input::Timeout, now.into_std());
        }
    }

    /// When a connection is given up that takes nothing, or has not taken what the machine had said
    /// before it ended.
    fn stalls_at(&self) -> Option<Instant> {
        let since = self.stalled_since.into_iter().chain(self.ended_at).min()?;
        Some(since + self.stall_timeout)
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Some(command) = &mut self.command else { return };
        let Poll::Ready(performed) = command.poll_unpin(cx) else { return };
        self.command = None;
        self.socket.handle(Input::Performed(performed), now.into_std());
    }

    fn poll_history(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Some(history) = &mut self.history else { return };
        let Poll::Ready(page) = history.poll_unpin(cx) else { return };
        self.history = None;
        self.socket.handle(Input::History(page), now.into_std());
    }

    /// Reads frames while the machine wants some; pending when there are no more.
    fn poll_frames(&mut self, cx: &mut Context<'_>, now: Instant, turn: &mut usize) -> Poll<Heard> {
        let at = now.into_std();
        while *turn > 0 && self.socket.wants_frames() {
            *turn -= 1;
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => self.socket.handle(Input::Text(&text), at),
                Some(Ok(Message::Binary(_))) => {
                    self.socket.handle(Input::Broken(Close::BINARY), at);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    // The answer to a ping is written with the next flush.
                    self.unflushed = true;
                    self.socket.handle(Input::Activity, at);
                }
                Some(Ok(Message::Close(_))) => {
                    self.start_closing(now + CLOSE_TIMEOUT);
                    return Poll::Pending;
                }
                Some(Ok(Message::Frame(_))) => {}
                Some(Err(error)) => {
                    let Some(close) = close_for(&error) else { return Poll::Ready(Heard::End) };
                    self.broken = true;
                    self.socket.handle(Input::Broken(close), at);
                }
                None => return Poll::Ready(Heard::End),
            }
        }
        Poll::Ready(Heard::Enough)
    }

    /// Does what the machine says, and feeds it deliveries while the connection takes them.
    fn poll_outputs(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        turn: &mut usize,
    ) -> Poll<Result<(), WsError>> {
        loop {
            if Pin::new(&mut self.stream).poll_ready(cx)?.is_pending() {
                self.blocked = true;
                self.stalled_since.get_or_insert(now);
                if let Some(ending) = self.inbox.poll_ending(cx) {
                    self.take_ending(ending, now);
                }
                return Poll::Pending;
            }
            if std::mem::take(&mut self.blocked) {
                self.stalled_since = None;
            }
            match self.socket.poll() {
                Output::Send(frame) => self.send(&frame, now)?,
                Output::Ping => self.write(Message::Ping(Bytes::new()))?,
                Output::Perform(command) => {
                    let (actor, room) = (self.socket.actor().clone(), self.socket.room());
                    let session = self.socket.session().id();
                    let performing = command.perform(actor, room, session, now.into_std());
                    self.command = Some(performing.boxed());
                    self.poll_command(cx, now);
                }
                Output::ReadHistory(page) => {
                    let (actor, room) = (self.socket.actor().clone(), self.socket.room());
                    self.history = Some(caught(page.perform(actor, room)).boxed());
                    self.poll_history(cx, now);
                }
                Output::Flush => {
                    self.notice = Notice::Wanted;
                    self.unflushed = true;
                }
                Output::Close(close) => {
                    meters::closed(close.code);
                    self.write(close_message(close))?;
                    self.start_closing(now + CLOSE_TIMEOUT);
                    return Poll::Ready(Ok(()));
                }
                Output::Wait(deadline) => {
                    self.wake_at = deadline.map(Instant::from_std);
                    if *turn == 0 || self.poll_mail(cx, now).is_pending() {
                        return Poll::Ready(Ok(()));
                    }
                    *turn -= 1;
                }
            }
        }
    }

    /// Writes a frame; one that is larger than can be sent ends the socket.
    fn send(&mut self, frame: &Frame, now: Instant) -> Result<(), WsError> {
        match self.write(message(frame)) {
            Err(WsError::WriteBufferFull(_)) => {
                let bytes = frame.bytes().len();
                tracing::error!(room = %self.socket.room(), bytes, "a frame is too large to be sent");
                self.socket.handle(Input::Close(Close::FAULT), now.into_std());
                Ok(())
            }
            written => written,
        }
    }

    fn write(&mut self, message: Message) -> Result<(), WsError> {
        self.unflushed = true;
        Pin::new(&mut self.stream).start_send(message)
    }

    /// Flushes what was written. Ready when the connection is over.
    fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.unflushed {
            return Poll::Pending;
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                self.stalled_since = None;
                if self.notice == Notice::Wanted {
                    self.notice = Notice::Given;
                    self.socket.handle(Input::Flushed, now.into_std());
                }
                Poll::Pending
            }
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Pending => {
                self.stalled_since.get_or_insert(now);
                Poll::Pending
            }
        }
    }

    /// Sets the timer to the next deadline; whether that has already come.
    fn is_due(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(at) = self.wake_at.into_iter().chain(self.stalls_at()).min() else { return false };
        self.wake_at = Some(at);
        at <= now || self.poll_sleep(cx, at)
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> bool {
        if self.timer.deadline() != until {
            self.timer.as_mut().reset(until);
        }
        self.timer.as_mut().poll_unpin(cx).is_ready()
    }
}

/// Whether the machine is told when everything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    /// It does not want to be.
    None,
    /// It is to be told.
    Wanted,
    /// It was told, and may have something new to be done.
    Given,
}

/// How reading frames ended, where it was not that there are no more.
enum Heard {
    /// Enough for now.
    Enough,
    /// The connection is over.
    End,
}

fn message(frame: &Frame) -> Message {
    // A frame is made from a string, so the check cannot fail.
    Message::Text(Utf8Bytes::try_from(frame.bytes().clone()).unwrap_or_default())
}

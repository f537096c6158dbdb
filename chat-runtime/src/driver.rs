//! The driver of one open socket: does what its machine says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chat_core::Error;
use chat_core::model::Event;
use chat_core::service::Batch;
use chat_core::socket::{Close, Delivery, Frame, HistoryPage, Input, Output, Performed, Socket};
use futures::future::{BoxFuture, OptionFuture};
use futures::{FutureExt, Sink, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use crate::inbox::{Inbox, Mail};
use crate::meters;
use crate::stream::Stream;

/// How long the other side may take to answer a close.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much is done for one socket before others have their turn.
const TURN: usize = 64;

/// How long to wait after the store did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// The driver of one open socket.
pub(crate) struct Driver {
    stream: WebSocketStream<Stream>,
    socket: Socket,
    inbox: Arc<Inbox>,
    /// Permits to read changes from the store.
    readers: Arc<Semaphore>,
    /// The command that is being performed.
    command: Option<BoxFuture<'static, Performed>>,
    /// The page of history that is being read.
    history: Option<BoxFuture<'static, Result<HistoryPage, Error>>>,
    /// Whether the machine wants to know when everything is written.
    notice: Notice,
    /// The changes that are being read, for a socket that fell behind.
    reading: Option<BoxFuture<'static, Result<Batch, Error>>>,
    /// The earliest of the machine's deadline, the stall's and the close's.
    timer: Pin<Box<Sleep>>,
    wake_at: Option<Instant>,
    /// Since when the connection has taken nothing of what waits.
    stalled_since: Option<Instant>,
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
        readers: Arc<Semaphore>,
    ) -> Self {
        Self {
            stream,
            socket,
            inbox,
            readers,
            command: None,
            history: None,
            notice: Notice::None,
            reading: None,
            timer: Box::pin(sleep_until(Instant::now())),
            wake_at: None,
            stalled_since: None,
            blocked: false,
            unflushed: false,
            closing_until: None,
            broken: false,
        }
    }

    /// Tells it that the server drains.
    pub(crate) fn drain(&self) {
        self.inbox.drain();
    }

    /// Ends the socket, once the connection is closed: lets go of it, does what its client had sent,
    /// so that what is stored is told, and ends the session.
    pub(crate) async fn leave(self) {
        let Self { stream, socket, command, .. } = self;
        drop(stream);
        tracing::debug!(room = %socket.room(), session = ?socket.session().id(), "a socket closed");
        OptionFuture::from(command).await;
        socket.leave(Instant::now().into_std()).await;
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
            let heard_all = match self.poll_frames(cx, now, &mut turn) {
                Poll::Ready(Heard::End) => return Poll::Ready(()),
                Poll::Ready(Heard::Enough) => false,
                Poll::Pending => true,
            };
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
        let stall_timeout = self.stall_timeout();
        if self.stalled_since.is_some_and(|since| since + stall_timeout <= now) {
            meters::closed(Close::TOO_SLOW.code);
            // Nothing can be written now; if the other side wakes up it finds this at the end.
            let _ = self.write(close_message(Close::TOO_SLOW));
            self.start_closing(now + stall_timeout);
        } else {
            self.socket.handle(Input::Timeout, now.into_std());
        }
    }

    fn stall_timeout(&self) -> Duration {
        self.socket.actor().chat().config().stall_timeout
    }

    fn start_closing(&mut self, until: Instant) {
        self.closing_until = Some(until);
        self.inbox.close();
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
                Some(Ok(Message::Binary(_))) => self.socket.handle(Input::Binary, at),
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
                    self.socket.handle(Input::Close(close), at);
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
                return Poll::Pending;
            }
            if std::mem::take(&mut self.blocked) {
                self.stalled_since = None;
            }
            match self.socket.poll() {
                Output::Send(frame) => self.write(message(&frame))?,
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
                    self.history = Some(page.perform(actor, room).boxed());
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

    /// Gives the machine what comes next: from the store while it catches up, else from the inbox.
    fn poll_mail(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.socket.wants_deliveries() {
            // The command that they wait for wakes the task.
            return Poll::Pending;
        }
        if let Some(reading) = &mut self.reading {
            if self.inbox.poll_drain(cx) {
                self.socket.handle(Input::Drain, now.into_std());
                return Poll::Ready(());
            }
            let Poll::Ready(read) = reading.poll_unpin(cx) else { return Poll::Pending };
            self.reading = None;
            self.take_batch(read, now);
            return Poll::Ready(());
        }
        match self.inbox.poll_next(cx) {
            Poll::Ready(Mail::Delivery(delivery)) => {
                self.socket.handle(Input::Delivery(&delivery), now.into_std());
            }
            Poll::Ready(Mail::Lagging) => {
                meters::caught_up("socket");
                self.read_changes();
            }
            Poll::Ready(Mail::Draining) => self.socket.handle(Input::Drain, now.into_std()),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Begins to read what the socket has missed: half as much at once as its inbox holds, which may
    /// fill meanwhile.
    fn read_changes(&mut self) {
        let (chat, room) = (self.socket.actor().chat().clone(), self.socket.room());
        let (after, readers) = (self.socket.cursor(), self.readers.clone());
        let portion = chat.config().queue_frames / 2;
        let reading = async move {
            // It is never closed.
            let _permit = readers.acquire().await;
            loop {
                match chat.changes(room, after, portion).await {
                    Err(Error::Unavailable(_)) => sleep(RETRY).await,
                    read => return read,
                }
            }
        };
        self.reading = Some(reading.boxed());
    }

    fn take_batch(&mut self, read: Result<Batch, Error>, now: Instant) {
        match read {
            Ok(batch) => {
                for event in batch.events {
                    let delivery = Delivery::new(Event::Room(event));
                    self.socket.handle(Input::Delivery(&delivery), now.into_std());
                }
                self.socket.catch_up_to(batch.reached);
                if batch.more {
                    self.read_changes();
                }
            }
            Err(error) => {
                tracing::warn!(room = %self.socket.room(), %error, "a slow socket could not be caught up");
                self.socket.handle(Input::Close(Close::FAULT), now.into_std());
            }
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
        let stall = self.stalled_since.map(|since| since + self.stall_timeout());
        let Some(at) = self.wake_at.into_iter().chain(stall).min() else { return false };
        self.wake_at = Some(at);
        at <= now || self.poll_sleep(cx, at)
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> bool {
        if self.timer.deadline() != until {
            self.timer.as_mut().reset(until);
        }
        self.timer.as_mut().poll_unpin(cx).is_ready()
    }

    /// Flushes our close, or the answer to theirs, and waits for the end of the connection.
    fn poll_closing(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let until = self.closing_until.unwrap_or(now);
        if self.poll_sleep(cx, until) {
            return Poll::Ready(());
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) if self.broken => {
                // There will be no answer to our close; that we are done shows them that we are.
                let _ = Pin::new(self.stream.get_mut()).poll_shutdown(cx);
            }
            _ => {}
        }
        for _ in 0..TURN {
            if ready!(self.poll_discard(cx)) {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads what nobody looks at any more, because a connection that is dropped with bytes unread
    /// is reset, and the other side may never see our close. Whether that was the end.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.broken {
            let frame = ready!(Pin::new(&mut self.stream).poll_next(cx));
            return Poll::Ready(!matches!(frame, Some(Ok(_))));
        }
        let stream = Pin::new(self.stream.get_mut());
        let mut bytes = [0; 4096];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = ready!(stream.poll_read(cx, &mut buffer));
        Poll::Ready(read.is_err() || buffer.filled().is_empty())
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

pub(crate) fn close_message(close: Close) -> Message {
    Message::Close(Some(CloseFrame {
        code: close.code.into(),
        reason: Utf8Bytes::from_static(close.reason),
    }))
}

fn message(frame: &Frame) -> Message {
    // A frame is made from a string, so the check cannot fail.
    Message::Text(Utf8Bytes::try_from(frame.bytes().clone()).unwrap_or_default())
}

/// With which code a connection is closed that broke the protocol; none where it is broken itself.
fn close_for(error: &WsError) -> Option<Close> {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TOO_LARGE),
        WsError::Utf8(_) => Some(Close::NOT_TEXT),
        // The connection ended without a word.
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        WsError::Capacity(_) | WsError::Protocol(_) => Some(Close::PROTOCOL),
        _ => None,
    }
}

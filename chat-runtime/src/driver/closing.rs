//! How a connection is closed, by them or by us.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chat_core::socket::Close;
use futures::{Sink, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::{Driver, TURN};

/// How long the other side may take to answer a close.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn start_closing(&mut self, until: Instant) {
        self.closing_until = Some(until);
        self.give_up_reading();
    }

    /// Lets go of what is being read, which holds what others wait for, and takes no deliveries.
    pub(super) fn give_up_reading(&mut self) {
        (self.behind, self.history) = (None, None);
        self.inbox.close();
    }

    /// Flushes our close, or the answer to theirs, and waits for the end of the connection.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let mut until = self.closing_until.unwrap_or(now);
        if self.inbox.poll_ending(cx).is_some() {
            until = until.min(now + CLOSE_TIMEOUT);
            self.closing_until = Some(until);
        }
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

pub(crate) fn close_message(close: Close) -> Message {
    Message::Close(Some(CloseFrame {
        code: close.code.into(),
        reason: Utf8Bytes::from_static(close.reason),
    }))
}

/// With which code a connection is closed that broke the protocol; none where it is broken itself.
pub(super) fn close_for(error: &WsError) -> Option<Close> {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TOO_LARGE),
        WsError::Utf8(_) => Some(Close::NOT_TEXT),
        // The connection ended without a word.
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        WsError::Capacity(_) | WsError::Protocol(_) => Some(Close::PROTOCOL),
        _ => None,
    }
}

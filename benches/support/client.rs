//! The clients: a process of its own, so that what it uses is not counted as the server's. It
//! counts the message frames that come and looks at nothing else in them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use super::Error;

/// After how many messages each, the clients of a group say how far they have come.
pub(crate) const STEP: usize = 16;

/// With which argument a bench runs as the clients' process; the control address follows.
pub(crate) const ARGUMENT: &str = "--clients-of";

/// How a message frame begins after its head.
const MESSAGE: &[u8] = b"{\"type\":\"message\",";

/// Enough of a frame to know its length and whether it is a message: a head of 2 or 4 bytes and
/// then. No frame that the server sends in a bench is shorter.
const ENOUGH: usize = 4 + MESSAGE.len();

/// Runs the clients until the control connection ends.
///
/// # Errors
/// What the connections bring.
pub(crate) fn run(control: &str) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(control))
}

/// Obeys lines such as `0 40 127.0.0.1:8080 /ws/chat/1/?token=…`: group 0 gets 40 more connections,
/// with a handshake for this path, or without one where it is `-`.
async fn serve(control: &str) -> Result<(), Error> {
    let (orders, mut reports) = TcpStream::connect(control).await?.into_split();
    let (reporter, mut lines) = unbounded_channel::<String>();
    tokio::task::spawn_local(async move {
        while let Some(line) = lines.recv().await {
            if reports.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let buffer = Rc::new(RefCell::new(vec![0; 256 * 1024]));
    let mut groups: Vec<Rc<RefCell<Group>>> = Vec::new();
    let mut orders = BufReader::new(orders).lines();
    while let Some(order) = orders.next_line().await? {
        let mut words = order.split(' ');
        let mut word = || words.next().ok_or("an order is cut off");
        let (id, count) = (word()?.parse::<usize>()?, word()?.parse::<usize>()?);
        let (address, path) = (word()?, word()?);
        while groups.len() <= id {
            groups.push(Rc::new(RefCell::new(Group::new(groups.len(), reporter.clone()))));
        }
        let group = &groups[id];
        group.borrow_mut().sockets += count;
        for _ in 0..count {
            let mut socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            if path != "-" {
                shake_hands(&mut socket, path).await?;
            }
            let reading = read(socket, group.clone(), buffer.clone());
            tokio::task::spawn_local(async move {
                if let Err(error) = reading.await {
                    eprintln!("a client's connection broke: {error}");
                }
            });
        }
        reporter.send(format!("{id} open\n"))?;
    }
    Ok(())
}

async fn shake_hands(socket: &mut TcpStream, path: &str) -> Result<(), Error> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    // Byte by byte: what follows is frames already.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await?);
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&answer).into());
    }
    // The first frame says that the server has let us in.
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let (head, length) = frame_length(head);
    let mut rest = vec![0; head + length - 4];
    socket.read_exact(&mut rest).await?;
    Ok(())
}

/// The lengths of a frame's head and payload (RFC 6455, section 5.2); never a large or masked one.
fn frame_length(head: [u8; 4]) -> (usize, usize) {
    match head[1] & 0x7f {
        126 => (4, u16::from_be_bytes([head[2], head[3]]).into()),
        length => (2, length.into()),
    }
}

async fn read(
    socket: TcpStream,
    group: Rc<RefCell<Group>>,
    buffer: Rc<RefCell<Vec<u8>>>,
) -> Result<(), Error> {
    let mut counter = Counter::default();
    loop {
        socket.readable().await?;
        // One buffer for all: it is never held while waiting.
        let mut buffer = buffer.borrow_mut();
        match socket.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                let before = counter.messages;
                counter.take(&buffer[..length]);
                group.borrow_mut().note(before, counter.messages);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Counts the message frames of one connection.
#[derive(Default)]
struct Counter {
    messages: usize,
    /// How much of the current frame is still to come.
    rest: usize,
    /// The beginning of a frame of which not enough has come.
    begun: Vec<u8>,
}

impl Counter {
    fn take(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            if self.begun.is_empty() && bytes.len() >= ENOUGH {
                self.begin(&bytes[..ENOUGH]);
                continue;
            }
            let wanted = (ENOUGH - self.begun.len()).min(bytes.len());
            self.begun.extend_from_slice(&bytes[..wanted]);
            bytes = &bytes[wanted..];
            if self.begun.len() < ENOUGH {
                return;
            }
            let begun = std::mem::take(&mut self.begun);
            self.begin(&begun);
            self.rest -= ENOUGH;
        }
    }

    /// Takes up a frame; `rest` is then its whole length.
    fn begin(&mut self, start: &[u8]) {
        let (head, length) = frame_length([start[0], start[1], start[2], start[3]]);
        self.rest = head + length;
        self.messages += usize::from(start[head..].starts_with(MESSAGE));
    }
}

/// Connections that are told the same.
struct Group {
    id: usize,
    sockets: usize,
    /// Of the steps that not all have reached yet: how many have.
    reached: VecDeque<usize>,
    /// How many steps all have reached.
    steps: usize,
    reporter: UnboundedSender<String>,
}

impl Group {
    fn new(id: usize, reporter: UnboundedSender<String>) -> Self {
        Self { id, sockets: 0, reached: VecDeque::new(), steps: 0, reporter }
    }

    /// A connection has come from one number of messages to another.
    fn note(&mut self, before: usize, after: usize) {
        let before_step = self.steps;
        for step in before / STEP..after / STEP {
            let index = step - before_step;
            if self.reached.len() <= index {
                self.reached.resize(index + 1, 0);
            }
            self.reached[index] += 1;
        }
        while self.reached.front() == Some(&self.sockets) {
            self.reached.pop_front();
            self.steps += 1;
        }
        if self.steps > before_step {
            // The bench is over where nobody listens any more.
            let _ = self.reporter.send(format!("{} {}\n", self.id, self.steps * STEP));
        }
    }
}

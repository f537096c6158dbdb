//! How much of the server's memory an open socket takes.
//!
//! ```sh
//! cargo bench --bench idle_sockets -- --quick
//! ```
//!
//! Each case is a server process of its own (chat-axum on the memory store) with its clients in
//! another one. After a warm-up of 200 sockets the resident memory is compared before and after
//! 2,000 more, again after each has received 112 messages one by one, and again after as many more
//! at once. What the kernel holds for a connection comes on top and is the same for all.

mod support;

use std::fmt;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use chat_core::model::RoomId;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::sleep;

use self::support::remote::Clients;
use self::support::server::{self, Running};
use self::support::usage::resident_kib;
use self::support::{Error, client, float, is_quick, median};

const CASE: &str = "--case";

const WARM_UP: usize = 200;

/// A whole number of steps of the clients' counting.
const MESSAGES: usize = 112;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    if let Some(index) = args.iter().position(|arg| arg == client::ARGUMENT) {
        return client::run(&args[index + 1]);
    }
    if let Some(index) = args.iter().position(|arg| arg == CASE) {
        let case = Case::ALL.into_iter().find(|case| case.to_string() == args[index + 1]);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(case.ok_or("there is no such case")?.measure(&args));
    }

    let (rounds, sockets) = if is_quick() { (1, 1_000) } else { (3, 2_000) };
    println!("KiB per socket, {sockets} sockets, medians of {rounds} rounds");
    println!("{:28}{:>10}{:>20}{:>16}", "", "idle", "after messages", "after a burst");
    for case in Case::ALL {
        let mut all = Vec::new();
        for _ in 0..rounds {
            all.push(case.run(sockets)?);
        }
        let column = |index: usize| -> Vec<f64> {
            all.iter().filter_map(|row| row.get(index)).copied().collect()
        };
        print!("{:28}{:>10.1}", case.title(), median(&column(0)));
        for (index, width) in [(1, 20), (2, 16)] {
            let figures = column(index);
            if !figures.is_empty() {
                print!("{:>width$.1}", median(&figures));
            }
        }
        println!();
    }
    Ok(())
}

/// What is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Accepted TCP streams, each in a task that waits for something to write: the bound.
    Bare,
    /// Sockets of the library, all in one room.
    Room,
    /// Sockets of the library, two in each room, every one of another user.
    Rooms,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Case {
    const ALL: [Self; 3] = [Self::Bare, Self::Room, Self::Rooms];

    fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare streams in tasks",
            Self::Room => "sockets of one room",
            Self::Rooms => "sockets in rooms of two",
        }
    }

    /// Measures in a process of its own.
    fn run(self, sockets: usize) -> Result<Vec<f64>, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([CASE, &self.to_string(), &sockets.to_string()]);
        let output = command.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let words = text.split_whitespace().map(str::parse);
        Ok(words.collect::<Result<_, _>>()?)
    }

    async fn measure(self, args: &[String]) -> Result<(), Error> {
        let sockets: usize = args.last().ok_or("how many sockets?")?.parse()?;
        let mut place = Place::open(self, sockets + WARM_UP).await?;
        place.connect(WARM_UP).await?;
        let before = place.settled().await?;
        place.connect(sockets).await?;
        let idle = place.settled().await?;
        println!("{}", (idle - before) / float(sockets));
        if self != Self::Rooms {
            // One by one, then as fast as possible, so that frames are written together.
            for (total, pause) in [(MESSAGES, 5), (2 * MESSAGES, 0)] {
                place.send(total, Duration::from_millis(pause)).await?;
                let after = place.settled().await?;
                println!("{}", (after - before) / float(sockets));
            }
        }
        Ok(())
    }
}

/// Where the sockets are opened.
struct Place {
    case: Case,
    clients: Clients,
    running: Running,
    /// A room with each of its users, for each socket to be.
    seats: Vec<(RoomId, u64)>,
    /// Where bare streams are accepted, and what is written to them.
    bare: SocketAddr,
    frames: broadcast::Sender<Vec<u8>>,
}

impl Place {
    async fn open(case: Case, sockets: usize) -> Result<Self, Error> {
        let users = if case == Case::Rooms { sockets as u64 } else { 2 };
        let chat = server::chat(users);
        let mut seats = Vec::new();
        for user in (1..=users).step_by(2) {
            let room = chat.acting_as(user).direct_room(user + 1).await?.id;
            seats.extend([(room, user), (room, user + 1)]);
        }
        let seats = seats.into_iter().cycle().take(sockets).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let bare = listener.local_addr()?;
        let frames = broadcast::channel(MESSAGES).0;
        tokio::spawn(accept(listener, frames.clone()));
        Ok(Self {
            case,
            clients: Clients::start().await?,
            running: Running::start(chat).await?,
            seats,
            bare,
            frames,
        })
    }

    async fn connect(&mut self, sockets: usize) -> Result<(), Error> {
        if self.case == Case::Bare {
            let address = self.bare.to_string();
            return self.clients.open(0, sockets, &address, None).await;
        }
        for _ in 0..sockets {
            let (room, user) = self.seats.pop().ok_or("no seat is left")?;
            let path = server::path(room, user)?;
            self.clients.open(0, 1, &self.running.address, Some(&path)).await?;
        }
        Ok(())
    }

    /// Sends all sockets more messages, which is `total` then.
    async fn send(&mut self, total: usize, pause: Duration) -> Result<(), Error> {
        let sender = self.running.server.chat().acting_as("1");
        let room = sender.direct_room("2").await?.id;
        for _ in 0..MESSAGES {
            if self.case == Case::Bare {
                let text = b"{\"type\":\"message\",\"content\":\"hello\"}";
                let mut frame = vec![0x81, u8::try_from(text.len())?];
                frame.extend_from_slice(text);
                self.frames.send(frame)?;
            } else {
                sender.send(room, "hello").await?;
            }
            sleep(pause).await;
        }
        self.clients.received(0, total).await?;
        Ok(())
    }

    /// The resident memory once what was going on is over.
    async fn settled(&self) -> Result<f64, Error> {
        sleep(Duration::from_millis(400)).await;
        resident_kib()
    }
}

async fn accept(listener: TcpListener, frames: broadcast::Sender<Vec<u8>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(pass_on(stream, frames.subscribe()));
    }
}

/// Writes what comes, until something breaks.
async fn pass_on(mut stream: TcpStream, mut frames: broadcast::Receiver<Vec<u8>>) {
    while let Ok(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}

//! How fast, and at what price, messages reach the 100 sockets of a room.
//!
//! ```sh
//! cargo bench --bench fan_out -- --quick
//! ```
//!
//! The server is this process: chat-axum on the memory store; messages are sent in-process by one
//! task. The clients are another process. Beside it runs the bare loop: the same frame, written by
//! one task to 100 plain TCP streams, without queues and without a WebSocket; either each frame by
//! itself, or all that wait by one write. All are measured in turn, over the same kind of
//! connection, to the same clients.

mod support;

use std::time::{Duration, Instant};

use chat_core::dialect::MESSENGER;
use chat_core::model::RoomId;
use chat_core::socket::Delivery;
use chat_core::{Actor, Chat};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::interval;

use self::support::client::{self, STEP};
use self::support::remote::Clients;
use self::support::server::{self, Running};
use self::support::usage::cpu_time;
use self::support::{Error, float, grouped, is_quick, median};

const SOCKETS: usize = 100;

/// How many messages may be under way to the clients, where that is bounded: as many as wait for
/// one socket before it counts as behind, at the most.
const WINDOW: usize = 256;

/// How many frames the bare loop writes at once where it writes several.
const BURST: usize = 64;

/// Between two messages at 50,000 deliveries a second.
const PACE: Duration = Duration::from_millis(2);

const TEXT: &str = "Are you coming to the reading group tonight? We begin at seven, in the small \
                    room on the second floor.";

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    if let Some(index) = args.iter().position(|arg| arg == client::ARGUMENT) {
        return client::run(&args[index + 1]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(bench()).await? })
}

async fn bench() -> Result<(), Error> {
    let (rounds, fast, even) = if is_quick() { (3, 2_048, 512) } else { (7, 4_096, 1_024) };
    let mut bench = Bench::open().await?;
    for way in Way::ALL {
        bench.round(way, Pace::Fast, fast / 4).await?;
    }

    println!("{SOCKETS} sockets, frames of {} bytes, sends in-process", bench.frame.len());
    println!("\nas fast as possible, medians of {rounds} rounds of {fast} messages");
    let figures = bench.rounds(Pace::Fast, rounds, fast).await?;
    print(&figures);

    println!("\n50,000 deliveries/s, medians of {rounds} rounds of {even} messages");
    let figures = bench.rounds(Pace::Even, rounds, even).await?;
    print(&figures);
    Ok(())
}

/// One way to reach the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The library, with no more under way than waits for a socket.
    Chat,
    /// The library, without that bound: sockets fall behind and are caught up.
    Flood,
    /// The bare loop, a write for each frame.
    Bare,
    /// The bare loop, a write for all frames that wait.
    Coalescing,
}

impl Way {
    const ALL: [Self; 4] = [Self::Chat, Self::Flood, Self::Bare, Self::Coalescing];

    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Flood => "chat, sockets fall behind",
            Self::Bare => "bare loop",
            Self::Coalescing => "bare loop, coalescing",
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Pace {
    Fast,
    /// A message every [`PACE`].
    Even,
}

impl Pace {
    /// The ways that differ at this pace: nothing waits where messages come one by one.
    fn ways(self) -> &'static [Way] {
        match self {
            Self::Fast => &Way::ALL,
            Self::Even => &[Way::Chat, Way::Bare],
        }
    }
}

/// What one round came to, or the medians of several.
#[derive(Debug, Clone, Copy)]
struct Figures {
    /// Deliveries a second.
    rate: f64,
    /// Microseconds of the server's processor time for a delivery.
    cpu: f64,
}

struct Bench {
    sender: Actor,
    room: RoomId,
    frame: Vec<u8>,
    streams: Vec<TcpStream>,
    clients: Clients,
    /// How many messages each group of clients was sent.
    sent: [usize; 2],
    _running: Running,
}

impl Bench {
    async fn open() -> Result<Self, Error> {
        let chat = server::chat(2);
        let sender = chat.acting_as("1");
        let room = sender.direct_room("2").await?.id;
        let frame = frame(&chat, &sender, room).await?;
        let running = Running::start(chat).await?;
        let mut clients = Clients::start().await?;
        for user in [1, 2] {
            let path = server::path(room, user)?;
            clients.open(0, SOCKETS / 2, &running.address, Some(&path)).await?;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        clients.open(1, SOCKETS, &address, None).await?;
        let mut streams = Vec::new();
        while streams.len() < SOCKETS {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        Ok(Self { sender, room, frame, streams, clients, sent: [0; 2], _running: running })
    }

    /// Measures all ways in turn, several times.
    async fn rounds(
        &mut self,
        pace: Pace,
        rounds: usize,
        messages: usize,
    ) -> Result<Vec<(Way, Figures)>, Error> {
        let mut all = Vec::new();
        for _ in 0..rounds {
            for &way in pace.ways() {
                all.push((way, self.round(way, pace, messages).await?));
            }
        }
        let figures = pace.ways().iter().map(|&way| {
            let of = |figure: fn(&Figures) -> f64| {
                let of_way = all.iter().filter(|(other, _)| *other == way);
                median(&of_way.map(|(_, figures)| figure(figures)).collect::<Vec<_>>())
            };
            (way, Figures { rate: of(|figures| figures.rate), cpu: of(|figures| figures.cpu) })
        });
        Ok(figures.collect())
    }

    /// Measures from the first send until all clients have everything.
    async fn round(&mut self, way: Way, pace: Pace, messages: usize) -> Result<Figures, Error> {
        let group = way.group();
        self.sent[group] += messages;
        let (start, cpu_start) = (Instant::now(), cpu_time()?);
        match pace {
            Pace::Fast => self.send_fast(way, messages).await?,
            Pace::Even => self.send_evenly(way, messages).await?,
        }
        self.clients.received(group, self.sent[group]).await?;
        let (time, cpu) = (start.elapsed(), cpu_time()?.saturating_sub(cpu_start));
        let deliveries = float(messages * SOCKETS);
        Ok(Figures {
            rate: deliveries / time.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e6 / deliveries,
        })
    }

    async fn send_fast(&mut self, way: Way, messages: usize) -> Result<(), Error> {
        let after = self.sent[way.group()] - messages;
        match way {
            Way::Chat | Way::Flood => {
                for number in after..after + messages {
                    if way == Way::Chat && number % STEP == 0 {
                        let oldest = (number + STEP).saturating_sub(WINDOW);
                        self.clients.received(way.group(), oldest).await?;
                    }
                    self.sender.send(self.room, TEXT).await?;
                }
            }
            Way::Bare => {
                for _ in 0..messages {
                    self.write(1).await?;
                }
            }
            Way::Coalescing => {
                for _ in 0..messages / BURST {
                    self.write(BURST).await?;
                }
            }
        }
        Ok(())
    }

    async fn send_evenly(&mut self, way: Way, messages: usize) -> Result<(), Error> {
        let mut ticks = interval(PACE);
        for _ in 0..messages {
            ticks.tick().await;
            match way {
                Way::Chat | Way::Flood => {
                    self.sender.send(self.room, TEXT).await?;
                }
                Way::Bare | Way::Coalescing => self.write(1).await?,
            }
        }
        Ok(())
    }

    /// Writes some frames at once to each of the plain streams.
    async fn write(&mut self, frames: usize) -> Result<(), Error> {
        let bytes = self.frame.repeat(frames);
        for stream in &mut self.streams {
            stream.write_all(&bytes).await?;
        }
        Ok(())
    }
}

impl Way {
    /// Which clients it reaches.
    fn group(self) -> usize {
        match self {
            Self::Chat | Self::Flood => 0,
            Self::Bare | Self::Coalescing => 1,
        }
    }
}

/// The frame that the sockets are sent, as bytes.
async fn frame(chat: &Chat, sender: &Actor, room: RoomId) -> Result<Vec<u8>, Error> {
    let delivery = Delivery::new(server::told(chat, sender.send(room, TEXT)).await?);
    let text = delivery.frames(MESSENGER).first().ok_or("the message has no frame")?.bytes();
    let mut frame = vec![0x81, 126];
    frame.extend(u16::try_from(text.len())?.to_be_bytes());
    frame.extend_from_slice(text);
    Ok(frame)
}

fn print(all: &[(Way, Figures)]) {
    println!("{:28}{:>14}{:>16}", "", "deliveries/s", "CPU µs/delivery");
    let figure = |way: Way| all.iter().find(|(other, _)| *other == way).map(|(_, figures)| figures);
    for (way, figures) in all {
        println!("{:28}{:>14}{:>16.2}", way.name(), grouped(figures.rate), figures.cpu);
    }
    for other in [Way::Bare, Way::Coalescing] {
        if let (Some(chat), Some(bare)) = (figure(Way::Chat), figure(other)) {
            let name = format!("chat / {}", other.name());
            let (rate, cpu) = (chat.rate / bare.rate, chat.cpu / bare.cpu);
            println!("{name:28}{rate:>13.2}x{cpu:>15.2}x");
        }
    }
}

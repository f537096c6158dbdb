//! How many messages a second are stored on Postgres and acknowledged over real sockets, beside
//! pgbench inserting the same row, one for each transaction, with as many clients.
//!
//! ```sh
//! cargo bench --bench postgres -- --quick
//! ```
//!
//! One durable cluster (`synchronous_commit` on), one server process on it with its bus, and the
//! clients in the same process; pgbench and the library take turns. A sender waits for each
//! acknowledgement before it sends again, as a client of pgbench waits for each commit.

mod support;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chat_core::dialect::CAMPUS;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomId, RoomKind, User, UserId};
use chat_core::rules::{RoomName, Words};
use chat_core::{Chat, Outgoing};
use chat_runtime::Server;
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use jsonwebtoken::{EncodingKey, Header, encode};
use memchr::memmem;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::client_async;

use self::support::{Error, float, grouped, is_quick, median};

const SECRET: &[u8] = b"a secret of the benches' own, 32";

/// How many rooms of two there are.
const ROOMS: usize = 1_000;

/// How many senders there are at once.
const SENDERS: [usize; 2] = [16, 64];

const TEXT: &str = "Are you coming to the reading group tonight? We begin at seven, in the small \
                    room on the second floor.";

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(bench()).await? })
}

async fn bench() -> Result<(), Error> {
    let (rounds, seconds) = if is_quick() { (3, 3) } else { (7, 5) };
    let bench = Bench::open().await?;
    println!("medians of {rounds} rounds of {seconds} s\n");
    for senders in SENDERS {
        let (mut bare, mut spread, mut hot) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            bare.push(bench.pgbench(senders, seconds).await?);
            spread.push(bench.sends(&bench.pairs, senders, seconds).await?);
            hot.push(bench.sends(&[bench.hot], senders, seconds).await?);
        }
        let ratio = |ours: &[f64]| {
            let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare);
            median(&ratios.collect::<Vec<_>>())
        };
        println!("{senders} senders");
        println!("  pgbench                {:>8}/s", grouped(median(&bare)));
        for (name, ours) in [("over 1,000 rooms of two", &spread), ("in one hot room", &hot)] {
            println!("  {name:<22} {:>8}/s  {:.2}x", grouped(median(ours)), ratio(ours));
        }
    }
    Ok(())
}

struct Bench {
    cluster: Cluster,
    url: String,
    pairs: Vec<RoomId>,
    hot: RoomId,
    server: Server,
}

/// A table like that of the messages, with the same indexes.
const TWIN: &str = "create table chat.bench (like chat.messages including all);
    create sequence chat.bench_seq";

/// The row that a send makes, with the words of its text.
const SCRIPT: &str = "\\set room random(1, 1000)
insert into chat.bench (room_id, seq, sender, kind, content, created_at, v_sent, changed, key, \
        key_content, words) \
    values (:room, nextval('chat.bench_seq'), '1', 'text', 'TEXT', now(), 1, 1, \
        gen_random_uuid(), gen_random_uuid(), array_to_tsvector(array[WORDS]))";

impl Bench {
    async fn open() -> Result<Self, Error> {
        let cluster = Cluster::durable();
        let store = PgStore::connect(&cluster.url()).await?;
        store.migrate().await?;
        let mut connection = PgConnection::connect(&cluster.url()).await?;
        sqlx::raw_sql(TWIN).execute(&mut connection).await?;

        let users: StaticDirectory =
            (1..=2 * ROOMS as u64).map(|id| User::new(id.into(), format!("user{id}"))).collect();
        let bus = store.bus();
        let chat =
            Chat::builder(store, users, JwtAuthenticator::hs256(SECRET)).with_bus(bus).build();
        let mut pairs = Vec::new();
        for first in 1..=ROOMS as u64 {
            let other = first + ROOMS as u64;
            pairs.push(chat.acting_as(first).direct_room(other).await?.id);
        }
        let members: Vec<UserId> = (2..=ROOMS as u64).map(UserId::from).collect();
        let name = RoomName::parse("hot")?;
        let others = members.into_iter().take(SENDERS[1] - 1).collect();
        let hot = chat.acting_as(1).create_room(RoomKind::Group, name, others).await?;
        chat.acting_as(1).send(hot, Outgoing::new("first")).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{}", listener.local_addr()?);
        let server = Server::start(chat);
        let app = chat_axum::router(&server, CAMPUS);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { cluster, url, pairs, hot, server })
    }

    /// Transactions a second of pgbench.
    async fn pgbench(&self, clients: usize, seconds: u64) -> Result<f64, Error> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("insert.sql");
        // Written so, the colon is none before a variable of pgbench's.
        let word = |word: &String| format!(r":room::int || E'\x3a{word}'");
        let words: Vec<String> = Words::of(TEXT).as_slice().iter().map(word).collect();
        std::fs::write(&script, SCRIPT.replace("TEXT", TEXT).replace("WORDS", &words.join(", ")))?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open)?;
        let mut pgbench = self.cluster.program("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string()]);
        pgbench.args(["-T", &seconds.to_string(), "-f"]).arg(script).stderr(Stdio::inherit());
        let output = tokio::task::spawn_blocking(move || pgbench.output()).await??;
        let text = String::from_utf8(output.stdout)?;
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|tps| tps.split(' ').next()).ok_or("pgbench says no tps")?;
        Ok(tps.parse()?)
    }

    /// Acknowledged sends a second, of senders that share these rooms.
    async fn sends(&self, rooms: &[RoomId], senders: usize, seconds: u64) -> Result<f64, Error> {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = Vec::new();
        for number in 0..senders {
            let mut sockets = Vec::new();
            if rooms.len() == 1 {
                sockets.push(self.socket(number as u64 + 1, rooms[0]).await?);
            }
            for place in (number..rooms.len()).step_by(senders).filter(|_| rooms.len() > 1) {
                sockets.push(self.socket(place as u64 + 1, rooms[place]).await?);
            }
            let name = NAMES.fetch_add(1, Ordering::Relaxed);
            let sender = Sender { name, sent: 0, sockets };
            tasks.push(tokio::spawn(sender.run(Arc::clone(&stop), Arc::clone(&count))));
        }
        sleep(Duration::from_secs(1)).await;
        let (start, before) = (Instant::now(), count.load(Ordering::Relaxed));
        sleep(Duration::from_secs(seconds)).await;
        let sent = count.load(Ordering::Relaxed) - before;
        let rate = float(sent) / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await??;
        }
        // Nothing of it is left for whoever is measured next.
        while self.server.open() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(rate)
    }

    async fn socket(&self, user: u64, room: RoomId) -> Result<TcpStream, Error> {
        let claims = json!({ "sub": user.to_string(), "exp": 4_000_000_000_u32 });
        let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET))?;
        let stream = TcpStream::connect(&self.url).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{}/ws/chat/{room}/?token={token}", self.url);
        Ok(client_async(url, stream).await?.0.into_inner())
    }
}

static NAMES: AtomicUsize = AtomicUsize::new(0);

struct Sender {
    /// Unlike any other's.
    name: usize,
    sent: usize,
    /// Past their handshakes.
    sockets: Vec<TcpStream>,
}

impl Sender {
    /// Sends and waits for the acknowledgement, over its sockets in turn. Frames are written and
    /// searched as bytes, so that the clients take as little of the machine as pgbench does.
    async fn run(mut self, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Result<(), Error> {
        let mut buffer = vec![0; 64 * 1024];
        let error = memmem::Finder::new("\"error\"");
        while !stop.load(Ordering::Relaxed) {
            let place = self.sent % self.sockets.len();
            let socket = &mut self.sockets[place];
            let key = format!("{}-{}-", self.name, self.sent);
            let message = json!({ "type": "message", "content": TEXT, "temp_id": key });
            socket.write_all(&frame(message.to_string().as_bytes())?).await?;
            let acknowledgement = memmem::Finder::new(&key);
            // What was read of a frame that may go on.
            let mut kept = 0;
            loop {
                let read = socket.read(&mut buffer[kept..]).await?;
                let bytes = &buffer[..kept + read];
                if read == 0 || error.find(bytes).is_some() {
                    return Err(String::from_utf8_lossy(bytes).into());
                }
                if acknowledgement.find(bytes).is_some() {
                    break;
                }
                let end = bytes.len();
                kept = end.min(key.len());
                buffer.copy_within(end - kept..end, 0);
            }
            self.sent += 1;
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A text frame of a client (RFC 6455, section 5.2), of 126 bytes at least, as its length is in two
/// bytes more; masked with zeros.
fn frame(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut frame = vec![0x81, 0xFE];
    frame.extend(u16::try_from(text.len())?.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text);
    Ok(frame)
}

//! Random faults while clients come and go, send, and read now quickly, now slowly: what was
//! acknowledged is there once and in one order, and nobody sees a hole.
//!
//! Longer, or once more as it was:
//!
//! ```sh
//! CHAT_SOAK_SECONDS=600 CHAT_SOAK_SEED=42 cargo test --release --test end_to_end soak -- --nocapture
//! ```

use std::collections::{HashMap, HashSet};
use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::client_async;

use crate::crash::{SENDERS, World};
use crate::support::{Running, Socket, read, token};

/// How long it goes on where nothing else is asked for, in seconds.
const SECONDS: u64 = 30;

/// How long everything may take after the last fault. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_mins(4);

/// So long that a client that reads slowly falls behind.
const LENGTH: usize = 800;

/// The rooms of the world, and whose clients are in them.
const CLIENTS: [(u64, &[u64]); 2] = [(1, &[1, 2, 3, 4, 5, 6, 7, SENDERS]), (2, &[1, 2, 1, 2])];

#[derive(Debug, Clone, Copy)]
enum Fault {
    KillServer,
    StopServer,
    KillDatabase,
    StopDatabase,
    EndBackends,
    FreezeBackends,
    HoldRooms,
}

const FAULTS: [Fault; 7] = [
    Fault::KillServer,
    Fault::StopServer,
    Fault::KillDatabase,
    Fault::StopDatabase,
    Fault::EndBackends,
    Fault::FreezeBackends,
    Fault::HoldRooms,
];

fn number(name: &str) -> Option<u64> {
    Some(env::var(name).ok()?.parse().expect("a number"))
}

fn pause(rng: &mut Rng, millis: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(millis))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_faults_lose_nothing() {
    let seed = number("CHAT_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let duration = Duration::from_secs(number("CHAT_SOAK_SECONDS").unwrap_or(SECONDS));
    println!("CHAT_SOAK_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let world = World::new();
    let mut servers = [world.start("127.0.0.1:0").await, world.start("127.0.0.1:0").await];
    let addresses = [servers[0].address, servers[1].address];
    let until = Instant::now() + duration;
    let clients =
        CLIENTS.iter().flat_map(|(room, users)| users.iter().map(move |user| (room, user)));
    let clients: Vec<_> = clients
        .zip(1..)
        .map(|((&room, &user), name)| {
            let client = Client { name, user, room, rng: rng.fork(), ..Client::default() };
            tokio::spawn(client.run(addresses, until))
        })
        .collect();
    while Instant::now() < until {
        sleep(pause(&mut rng, 1_000..4_000)).await;
        let fault = FAULTS[rng.usize(..FAULTS.len())];
        println!("{fault:?}");
        strike(fault, &world, &mut servers, &mut rng).await;
    }
    let over = Instant::now();
    let clients = timeout(PATIENCE, join_all(clients)).await.expect("all is acknowledged in time");
    println!("all was acknowledged {:?} after the last fault", over.elapsed());
    let clients: Vec<Client> = clients.into_iter().map(|client| client.expect("it ran")).collect();
    for (room, users) in CLIENTS {
        let kept = kept(addresses[0], users[0], room).await;
        clients.iter().filter(|client| client.room == room).for_each(|client| client.check(&kept));
    }
    let sum = |of: fn(&Client) -> usize| clients.iter().map(of).sum::<usize>();
    println!(
        "{} acknowledged, {} shown over {} connections",
        sum(|client| client.acknowledged.len()),
        sum(|client| client.connections.iter().map(|seen| seen.live.len()).sum()),
        sum(|client| client.connections.len()),
    );
}

async fn strike(fault: Fault, world: &World, servers: &mut [Running; 2], rng: &mut Rng) {
    match fault {
        Fault::KillServer => {
            let server = &mut servers[rng.usize(..2)];
            server.kill();
            sleep(pause(rng, 0..2_000)).await;
            *server = world.start(&server.address.to_string()).await;
        }
        Fault::StopServer => {
            let server = &mut servers[rng.usize(..2)];
            server.terminate();
            assert!(server.ended().await.success(), "it ends well");
            *server = world.start(&server.address.to_string()).await;
        }
        Fault::KillDatabase => tokio::task::block_in_place(|| world.database.kill_and_resume()),
        Fault::StopDatabase => {
            tokio::task::block_in_place(|| world.database.crash());
            sleep(pause(rng, 500..6_000)).await;
            tokio::task::block_in_place(|| world.database.resume());
        }
        Fault::EndBackends => {
            for _ in 0..3 {
                backends(world, "pg_terminate_backend(pid)::int").await;
                sleep(pause(rng, 0..300)).await;
            }
        }
        Fault::FreezeBackends => {
            let frozen = backends(world, "pid").await;
            signal("-STOP", &frozen);
            sleep(pause(rng, 500..6_000)).await;
            signal("-CONT", &frozen);
        }
        Fault::HoldRooms => {
            let connection = PgConnection::connect(&world.database.url()).await;
            let mut connection = connection.expect("a database");
            let hold = sqlx::raw_sql("begin; select id from chat.rooms for update");
            hold.execute(&mut connection).await.expect("they can be held");
            sleep(pause(rng, 100..6_000)).await;
        }
    }
}

/// Something of all who are connected to the database.
async fn backends(world: &World, what: &str) -> Vec<i32> {
    let mut connection = PgConnection::connect(&world.database.url()).await.expect("a database");
    let others = format!(
        "select {what} from pg_stat_activity \
         where backend_type = 'client backend' and pid <> pg_backend_pid()"
    );
    let others = sqlx::query_scalar(sqlx::AssertSqlSafe(others));
    others.fetch_all(&mut connection).await.expect("an answer")
}

fn signal(signal: &str, processes: &[i32]) {
    if !processes.is_empty() {
        // Some may have ended.
        let _ =
            Command::new("kill").arg(signal).args(processes.iter().map(i32::to_string)).status();
    }
}

/// The ids and the contents of what a room has kept.
async fn kept(address: SocketAddr, user: u64, room: u64) -> Vec<(u64, String)> {
    let kept = read(address, user, &format!("/campus/chat/chats/{room}/messages/")).await;
    kept.as_array().expect("a list").iter().map(id_and_content).collect()
}

fn id_and_content(message: &Value) -> (u64, String) {
    let content = message["content"].as_str().expect("a text").to_owned();
    (message["id"].as_u64().expect("an id"), content)
}

/// Sends and reads over one connection after the other, and notes what it is shown.
#[derive(Default)]
struct Client {
    name: u64,
    user: u64,
    room: u64,
    rng: Rng,
    sent: u64,
    /// What was sent and not acknowledged, in its order.
    waiting: Vec<String>,
    acknowledged: HashMap<String, u64>,
    connections: Vec<Seen>,
}

/// What was shown over one connection.
#[derive(Default)]
struct Seen {
    /// In the order in which it came.
    live: Vec<u64>,
    /// What was sent before over another connection: its answer may come late.
    repeated: HashSet<u64>,
}

impl Client {
    /// Sends until then, and goes on until everything is acknowledged.
    async fn run(mut self, addresses: [SocketAddr; 2], until: Instant) -> Self {
        while !self.is_done(until) {
            let address = addresses[self.rng.usize(..2)];
            let reads_slowly = self.rng.bool();
            match self.open(address, reads_slowly).await {
                Some(socket) => self.converse(socket, reads_slowly, until).await,
                None => sleep(Duration::from_millis(100)).await,
            }
        }
        self
    }

    fn is_done(&self, until: Instant) -> bool {
        Instant::now() >= until && self.waiting.is_empty()
    }

    async fn open(&self, address: SocketAddr, reads_slowly: bool) -> Option<Socket> {
        let socket = TcpSocket::new_v4().expect("a socket");
        if reads_slowly {
            socket.set_recv_buffer_size(8_192).expect("a small one");
        }
        let url = format!(
            "ws://{address}/campus/ws/chat/{}/?token={}",
            self.room,
            token(self.user, 3_600)
        );
        let opened = async {
            let stream = socket.connect(address).await.ok()?;
            let (stream, _) = client_async(url, stream).await.ok()?;
            Some(Socket { stream, ended: false })
        };
        timeout(Duration::from_secs(5), opened).await.ok().flatten()
    }

    async fn converse(&mut self, mut socket: Socket, reads_slowly: bool, until: Instant) {
        let mut seen = Seen::default();
        let again: HashSet<String> = self.waiting.iter().cloned().collect();
        for content in self.waiting.clone() {
            say(&mut socket, &content).await;
        }
        let end = Instant::now() + pause(&mut self.rng, 500..8_000);
        let mut next = Instant::now();
        while Instant::now() < end && !socket.ended && !self.is_done(until) {
            if next <= Instant::now() && next < until {
                self.sent += 1;
                let content = format!("{}-{} {}", self.name, self.sent, "x".repeat(LENGTH));
                self.waiting.push(content.clone());
                say(&mut socket, &content).await;
                next = Instant::now() + pause(&mut self.rng, 20..100);
            }
            let wait = next.max(Instant::now() + Duration::from_millis(5)).min(end);
            if let Ok(Ok(frame)) = tokio::time::timeout_at(wait, socket.next()).await {
                self.hear(&frame, &again, &mut seen);
                if reads_slowly && self.rng.u32(..250) == 0 {
                    sleep(pause(&mut self.rng, 500..4_000)).await;
                }
            }
        }
        if self.rng.bool() {
            // What is still on its way before the end of the connection counts as well.
            let _ = timeout(Duration::from_secs(5), async {
                let _ = socket.stream.close(None).await;
                while let Ok(frame) = socket.next().await {
                    self.hear(&frame, &again, &mut seen);
                }
            })
            .await;
        }
        self.connections.push(seen);
    }

    fn hear(&mut self, frame: &Value, again: &HashSet<String>, seen: &mut Seen) {
        if frame["type"] != "message" {
            return;
        }
        let (id, content) = id_and_content(frame);
        if again.contains(&content) {
            seen.repeated.insert(id);
        } else {
            seen.live.push(id);
        }
        if frame.get("temp_id").is_some() && self.waiting.contains(&content) {
            self.waiting.retain(|waiting| *waiting != content);
            self.acknowledged.insert(content, id);
        }
    }

    /// Compares with what was kept.
    fn check(&self, kept: &[(u64, String)]) {
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0), "kept in order");
        let mut by_content = HashMap::new();
        for (id, content) in kept {
            assert_eq!(by_content.insert(content, *id), None, "kept once");
        }
        for (content, id) in &self.acknowledged {
            assert_eq!(by_content.get(content), Some(id), "acknowledged, so it is kept");
        }
        assert_eq!(self.acknowledged.len() as u64, self.sent);
        for Seen { live, repeated } in &self.connections {
            assert!(live.is_sorted_by(|a, b| a < b), "shown in order, once");
            let (Some(first), Some(last)) = (live.first(), live.last()) else { continue };
            let between = kept.iter().map(|(id, _)| *id).filter(|id| (*first..=*last).contains(id));
            let between: Vec<_> = between.filter(|id| !repeated.contains(id)).collect();
            assert_eq!(*live, between, "shown without a hole");
        }
    }
}

async fn say(socket: &mut Socket, content: &str) {
    let temp_id = content.split(' ').next();
    let frame = json!({ "type": "message", "content": content, "temp_id": temp_id });
    // One that reads nothing takes nothing in the end.
    if timeout(Duration::from_secs(2), socket.try_send(&frame)).await.is_err() {
        socket.ended = true;
    }
}

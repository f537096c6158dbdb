//! The bus over NATS, by the suite and where its server goes away.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chat_bus_nats::{ConnectError, NatsBus};
use chat_core::host::{Bus, Hint};
use chat_core::model::RoomId;
use futures::StreamExt;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_mins(2);

/// A NATS server of a test's own.
struct Nats {
    port: u16,
    server: Option<Child>,
}

impl Nats {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut nats = Self { port, server: None };
        nats.resume();
        nats
    }

    fn resume(&mut self) {
        let mut paths = vec!["nats-server".into()];
        paths.extend(["/usr/sbin", "/usr/bin"].map(|folder| format!("{folder}/nats-server")));
        let mut start = paths.iter().map(|path| {
            let mut command = Command::new(path);
            command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            tokio::process::Command::from(command).kill_on_drop(true).spawn()
        });
        let started = start.find_map(Result::ok);
        self.server = Some(started.expect("these tests need Debian's package `nats-server`"));
    }

    async fn stop(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.kill().await.expect("it can be ended");
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn node(&self) -> NatsBus {
        NatsBus::connect(&self.url()).await.expect("a bus")
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}

#[tokio::test]
async fn the_bus_keeps_its_contract() {
    let nats = Nats::start();
    chat_conformance::bus::check(async || Arc::new(nats.node().await) as Arc<dyn Bus>).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_and_what_was_missed_is_said() {
    let mut nats = Nats::start();
    let (teller, hearer) = (nats.node().await, nats.node().await);
    until("the bus is there", || teller.is_available() && hearer.is_available()).await;
    let mut hints = hearer.subscribe();
    nats.stop().await;
    until("the bus knows that it does not work", || !hearer.is_available()).await;
    nats.resume();
    assert_eq!(timeout(PATIENCE, hints.next()).await.unwrap(), Some(Hint::Missed));
    until("the bus is there again", || teller.is_available() && hearer.is_available()).await;
    let hint = Hint::Room(RoomId::new(1).unwrap(), 7);
    teller.publish(hint.clone());
    let mut next = hints.next().await;
    while next == Some(Hint::Missed) {
        next = hints.next().await;
    }
    assert_eq!(next, Some(hint));
}

#[tokio::test]
async fn packets_that_nobody_here_wrote_are_passed_over() {
    let nats = Nats::start();
    let bus = nats.node().await;
    until("the bus is there", || bus.is_available()).await;
    let mut hints = bus.subscribe();
    let stranger = chat_bus_nats::async_nats::connect(nats.url()).await.unwrap();
    let from = "00000000-0000-0000-0000-000000000001";
    let known = format!(r#"{{"from":"{from}","hints":[{{"r":[1,5]}}]}}"#);
    for payload in [b"".as_slice(), b"\xff\xfe", b"null", br#"{"from":1}"#, known.as_bytes()] {
        stranger.publish(chat_bus_nats::SUBJECT, payload.to_vec().into()).await.unwrap();
    }
    let hint = timeout(PATIENCE, hints.next()).await.unwrap();
    assert_eq!(hint, Some(Hint::Room(RoomId::new(1).unwrap(), 5)));
}

#[tokio::test]
async fn a_subject_with_wildcards_is_refused() {
    let nats = Nats::start();
    let options = chat_bus_nats::async_nats::ConnectOptions::new().retry_on_initial_connect();
    let client = options.connect(nats.url()).await.unwrap();
    for subject in ["", "chat.*", "chat.>", "a b", ".a", "a."] {
        let refused = NatsBus::new(client.clone(), subject);
        assert!(matches!(refused, Err(ConnectError::Subject)), "{subject:?}");
    }
}

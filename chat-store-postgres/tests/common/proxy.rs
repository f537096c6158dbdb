//! Between a client and the server: counts statements, and swallows what it is told to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// A way to the server of a cluster, over TCP.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Connections of an earlier era carry nothing more, and stay open.
    era: AtomicU64,
    statements: AtomicUsize,
}

impl Proxy {
    /// A way to the server of a URL that names the folder of its socket.
    pub(crate) async fn start(url: &str) -> Self {
        let home = PathBuf::from(url.split_once("host=").unwrap().1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(home.join(".s.PGSQL.5432")).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&all)));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://chat@127.0.0.1:{}/postgres", self.port)
    }

    /// Connections that are open carry nothing more, without a word.
    pub(crate) fn swallow(&self) {
        self.shared.era.fetch_add(1, Ordering::SeqCst);
    }

    /// How many statements were asked to be executed since this was asked last.
    pub(crate) fn statements(&self) -> usize {
        self.shared.statements.swap(0, Ordering::SeqCst)
    }
}

async fn carry(mut client: TcpStream, mut server: UnixStream, shared: Arc<Shared>) {
    let era = shared.era.load(Ordering::SeqCst);
    let (mut up, mut down) = ([0; 4_096], [0; 4_096]);
    let mut messages = Messages::default();
    loop {
        let swallows = || shared.era.load(Ordering::SeqCst) != era;
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) if swallows() => {}
                Ok(count) => {
                    shared.statements.fetch_add(messages.take(&up[..count]), Ordering::SeqCst);
                    if server.write_all(&up[..count]).await.is_err() {
                        return;
                    }
                }
            },
            read = server.read(&mut down) => match read {
                Ok(0) | Err(_) if swallows() => std::future::pending().await,
                Ok(0) | Err(_) => return,
                Ok(_) if swallows() => {}
                Ok(count) => {
                    if client.write_all(&down[..count]).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}

/// The messages of a client (the manual of Postgres, "Message Formats").
#[derive(Default)]
struct Messages {
    started: bool,
    waiting: Vec<u8>,
}

impl Messages {
    /// How many of the messages that these bytes complete execute a statement.
    fn take(&mut self, bytes: &[u8]) -> usize {
        self.waiting.extend_from_slice(bytes);
        let mut statements = 0;
        loop {
            // The first message has no type.
            let head = usize::from(self.started);
            let Some(length) = self.waiting.get(head..head + 4) else { return statements };
            let length = u32::from_be_bytes(length.try_into().unwrap());
            let end = head + usize::try_from(length).unwrap();
            if self.waiting.len() < end {
                return statements;
            }
            if self.started && matches!(self.waiting[0], b'E' | b'Q') {
                statements += 1;
            }
            self.started = true;
            self.waiting.drain(..end);
        }
    }
}

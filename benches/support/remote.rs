//! The server's side of the clients' process.

use std::process::{Child, Command};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Error, client};

/// The clients' process; it ends with this.
pub(crate) struct Clients {
    process: Child,
    orders: OwnedWriteHalf,
    reports: Lines<BufReader<OwnedReadHalf>>,
    /// How many messages each client of a group has received.
    received: Vec<usize>,
}

impl Clients {
    /// Starts the process.
    ///
    /// # Errors
    /// Where it does not start.
    pub(crate) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let control = listener.local_addr()?.to_string();
        let process =
            Command::new(std::env::current_exe()?).args([client::ARGUMENT, &control]).spawn()?;
        let (stream, _): (TcpStream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (reports, orders) = stream.into_split();
        let reports = BufReader::new(reports).lines();
        Ok(Self { process, orders, reports, received: Vec::new() })
    }

    /// Opens connections in a group, with a handshake for a path or without one, and waits until
    /// all are open.
    ///
    /// # Errors
    /// Where the process is gone.
    pub(crate) async fn open(
        &mut self,
        group: usize,
        count: usize,
        address: &str,
        path: Option<&str>,
    ) -> Result<(), Error> {
        if self.received.len() <= group {
            self.received.resize(group + 1, 0);
        }
        let order = format!("{group} {count} {address} {}\n", path.unwrap_or("-"));
        self.orders.write_all(order.as_bytes()).await?;
        while self.hear().await? {}
        Ok(())
    }

    /// Waits until every client of a group has received that many messages, in steps of
    /// [`client::STEP`]; returns how many they have.
    ///
    /// # Errors
    /// Where the process is gone.
    pub(crate) async fn received(&mut self, group: usize, messages: usize) -> Result<usize, Error> {
        while self.received[group] < messages {
            self.hear().await?;
        }
        Ok(self.received[group])
    }

    /// Whether what was reported is how far a group has come.
    async fn hear(&mut self) -> Result<bool, Error> {
        let report = self.reports.next_line().await?.ok_or("the clients are gone")?;
        let (group, news) = report.split_once(' ').ok_or("a report is cut off")?;
        let Ok(messages) = news.parse() else { return Ok(false) };
        self.received[group.parse::<usize>()?] = messages;
        Ok(true)
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

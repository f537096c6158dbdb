//! What is logged of a request is logged in the span that it came in.

mod served;

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::{Directory, DirectoryError};
use chat_core::model::{User, UserId};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use served::{Socket, Trusting, connect};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

/// Says so when it is asked.
struct Talkative;

#[async_trait]
impl Directory for Talkative {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        tracing::info!("looking them up");
        let user = |id: &UserId| (id.clone(), Arc::new(User::new(id.clone(), "somebody")));
        Ok(ids.iter().map(user).collect())
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("nobody panics"));
        String::from_utf8(bytes).expect("text")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_called_for_a_request_or_a_socket_logs_in_the_span_it_came_in() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    // One thread runs this test and all it spawns.
    let _guard = tracing::subscriber::set_default(subscriber);
    let chat = Chat::new(MemoryStore::new(), Talkative, Trusting);
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    let server = Server::start(chat);
    log.take();
    let mut connection = connect(&server, CAMPUS);
    let request = b"GET /chat/chats/ HTTP/1.1\r\nhost: chat\r\nauthorization: 1\r\n\r\n";
    connection.write_all(request).await.expect("it is taken");
    sleep(Duration::from_secs(1)).await;
    let of_request = log.take();
    let _socket = Socket::open(&server, CAMPUS, room, 2).await;
    sleep(Duration::from_secs(1)).await;
    for logged in [of_request, log.take()] {
        assert!(logged.contains("looking them up"), "{logged}");
        assert!(logged.lines().all(|line| line.contains(" request: ")), "{logged}");
    }
}

//! What a page of history costs through HTTP, beside the bare query: processor time of the server,
//! the client and Postgres together.
//!
//! ```sh
//! cargo bench --bench history -- --quick
//! ```
//!
//! Both ask for the same 50 rows of a room of 5,000 messages, again and again over one connection,
//! and take turns.

mod support;

use std::time::Duration;

use chat_core::dialect::ROOMS;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomId, User};
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

use self::support::usage::cpu_time_with_postgres;
use self::support::{Error, float, is_quick, median};

const SECRET: &[u8] = b"a secret of the benches' own, 32";

const MESSAGES: usize = 5_000;

const BARE: &str = "select id, room_id, seq, sender, kind, content, file_key, file_name, file_type, \
    file_size, reply_to, created_at, edited_at, deleted_at, reactions, delivered_at, read_at, \
    status_by, v_sent, v_edited, v_deleted, v_reacted, v_status \
    from chat.messages where room_id = $1 and seq <= $2 order by seq desc limit 50";

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(bench()).await? })
}

async fn bench() -> Result<(), Error> {
    let (rounds, pages) = if is_quick() { (3, 500) } else { (7, 3_000) };
    let cluster = Cluster::start();
    let store = PgStore::connect(&cluster.url()).await?;
    store.migrate().await?;
    let users: StaticDirectory =
        [User::new(1.into(), "john"), User::new(2.into(), "jane")].into_iter().collect();
    let chat = Chat::new(store, users, JwtAuthenticator::hs256(SECRET));
    let john = chat.acting_as(1);
    let room = john.direct_room(2).await?.id;
    for number in 0..MESSAGES {
        let text = format!("Message {number} of those that are read again and again.");
        john.send(room, Outgoing::new(text)).await?;
    }
    let mut bare = PgConnection::connect(&cluster.url()).await?;
    sqlx::raw_sql("vacuum analyze chat.messages").execute(&mut bare).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    client.set_nodelay(true)?;
    let app = chat_axum::router(&Server::start(chat), ROOMS);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (mut of_bare, mut of_http) = (Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=rounds {
        let start = cpu_time_with_postgres()?;
        for _ in 0..pages {
            let query = sqlx::query(BARE).bind(i64::try_from(room.get())?);
            let rows = query.bind(i64::try_from(MESSAGES)?).fetch_all(&mut bare).await?;
            assert_eq!(rows.len(), 50);
        }
        let between = cpu_time_with_postgres()?;
        page_after_page(&mut client, room, pages).await?;
        let end = cpu_time_with_postgres()?;
        if round > 0 {
            let micros = |from: Duration, to: Duration| {
                to.saturating_sub(from).as_secs_f64() * 1e6 / float(pages)
            };
            of_bare.push(micros(start, between));
            of_http.push(micros(between, end));
        }
    }
    let ratios: Vec<_> = of_http.iter().zip(&of_bare).map(|(http, bare)| http / bare).collect();
    println!("medians of {rounds} rounds of {pages} pages of 50 messages\n");
    println!("bare query    {:>7.1} µs of processor time", median(&of_bare));
    println!("through HTTP  {:>7.1} µs  {:.2}x", median(&of_http), median(&ratios));
    Ok(())
}

async fn page_after_page(client: &mut TcpStream, room: RoomId, pages: usize) -> Result<(), Error> {
    let claims = json!({ "sub": "1", "exp": 4_000_000_000_u32 });
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET))?;
    let request = format!(
        "GET /api/chat/rooms/{room}/messages/ HTTP/1.1\r\nhost: bench\r\n\
         authorization: Bearer {token}\r\n\r\n"
    );
    let mut buffer = vec![0; 256 * 1024];
    for _ in 0..pages {
        client.write_all(request.as_bytes()).await?;
        let (mut have, mut whole) = (0, None);
        while whole.is_none_or(|whole| have < whole) {
            let read = client.read(&mut buffer[have..]).await?;
            have += read;
            if read == 0 {
                return Err("the connection was closed".into());
            }
            whole = whole.or(length(&buffer[..have])?);
        }
        assert!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&buffer[..have])
        );
    }
    Ok(())
}

/// How long an answer is, once its head is there.
fn length(answer: &[u8]) -> Result<Option<usize>, Error> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Ok(Some(end + 4 + length.ok_or("an answer without a length")?.parse::<usize>()?))
}

//! Clients that do what no client should.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Cluster, PATIENCE, Setup, Socket, token};

/// Opens a socket by hand and takes the head of the answer.
async fn raw(address: SocketAddr, path: &str, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "GET {path}?token={} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n",
        token(1, 3_600)
    );
    stream.write_all(request.as_bytes()).await.expect("a handshake is taken");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    (stream, String::from_utf8(head).expect("a head is text"))
}

/// A frame with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | u8::try_from(length).expect("a small number")),
        Ok(length) => {
            frame.push(0x80 | 0x7e);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 0x7f);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads to the end; the code of the close frame that came before it, if one came.
async fn close_code(stream: &mut TcpStream) -> Option<u16> {
    let mut read = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await;
    // A reset is an end too.
    let _ = ended.expect("the connection ends");
    let mut rest = &read[..];
    while let [first, length, after @ ..] = rest {
        let (length, after) = match length {
            126 => (usize::from(u16::from_be_bytes([after[0], after[1]])), &after[2..]),
            length => (usize::from(*length), after),
        };
        if first & 0x0f == 8 {
            return Some(u16::from_be_bytes([after[0], after[1]]));
        }
        rest = &after[length..];
    }
    None
}

#[tokio::test]
async fn broken_frames_end_their_own_socket_alone_with_the_right_code() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut jane = Socket::greeted(cluster.address(), &path, 2).await;
    let huge = 10u64 * 1024 * 1024 * 1024;
    let announced = [&[0x81, 0xff][..], &huge.to_be_bytes(), &[0; 4]].concat();
    let unmasked = vec![0x81, 2, b'{', b'}'];
    let long_ping = frame(0x89, &[0; 126]);
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("10 GiB announced", announced, 1009),
        ("one byte too many", frame(0x81, &vec![b'x'; 256 * 1024 + 1]), 1009),
        ("binary", frame(0x82, b"{}"), 1003),
        ("no UTF-8", frame(0x81, b"\"\xff\xfe\""), 1007),
        ("no mask", unmasked, 1002),
        ("reserved bits", frame(0xc1, b"{}"), 1002),
        ("a reserved opcode", frame(0x83, b"{}"), 1002),
        ("a fragmented ping", frame(0x09, b""), 1002),
        ("a ping too long", long_ping, 1002),
        ("the rest of nothing", frame(0x80, b"{}"), 1002),
    ];
    for (what, bytes, expected) in cases {
        let (mut stream, head) = raw(cluster.address(), &path, "").await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        stream.write_all(&bytes).await.expect("bytes are taken");
        let code = close_code(&mut stream).await;
        assert_eq!(code, Some(expected), "{what}");
    }
    jane.send(&json!({ "type": "connection_check" })).await;
    jane.expect("connection_status").await;
}

#[tokio::test]
async fn a_frame_in_ten_thousand_pieces_is_put_together() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut jane = Socket::greeted(cluster.address(), &path, 2).await;
    let text = json!({ "type": "message", "content": "in pieces", "x": "x".repeat(10_000) });
    let text = text.to_string();
    let (mut stream, _) = raw(cluster.address(), &path, "").await;
    let last = text.len() - 1;
    let mut bytes = Vec::new();
    for (index, byte) in text.bytes().enumerate() {
        let first = u8::from(index == 0) | if index == last { 0x80 } else { 0 };
        bytes.extend(frame(first, &[byte]));
    }
    stream.write_all(&bytes).await.expect("bytes are taken");
    assert_eq!(jane.expect("message").await["message"]["content"], "in pieces");
}

#[tokio::test]
async fn pieces_without_end_are_too_much() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let (mut stream, _) = raw(cluster.address(), &format!("/messenger/ws/chat/{room}/"), "").await;
    let piece = [b'x'; 1024];
    let mut first = 0x01;
    for _ in 0..300 {
        if stream.write_all(&frame(first, &piece)).await.is_err() {
            break;
        }
        first = 0x00;
    }
    assert!([Some(1009), None].contains(&close_code(&mut stream).await));
}

#[tokio::test]
async fn compression_is_not_agreed_on() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let (_, head) = raw(cluster.address(), &format!("/messenger/ws/chat/{room}/"), offer).await;
    assert!(head.starts_with("HTTP/1.1 101"));
    assert!(!head.to_ascii_lowercase().contains("sec-websocket-extensions"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_without_reading_the_answers_fill_no_memory() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let (mut stream, _) = raw(cluster.address(), &path, "").await;
    let before = resident();
    let pings = frame(0x89, &[b'p'; 100]).repeat(1_000);
    let flood = async {
        for _ in 0..200 {
            if stream.write_all(&pings).await.is_err() {
                break;
            }
        }
    };
    // The server stops reading at some point, and then so much of the flood is not taken.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), flood).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes");
    let mut jane = Socket::greeted(cluster.address(), &path, 2).await;
    jane.send(&json!({ "type": "connection_check" })).await;
    jane.expect("connection_status").await;
}

/// This process's resident memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its line");
    let kib: usize = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("KiB");
    kib * 1024
}

//! A conversation in a terminal, over the `messenger` dialect.
//!
//! ```sh
//! cargo run -q --example talk -- 'ws://127.0.0.1:8080/ws/chat/1/?token=…'
//! ```
//!
//! Each line that is typed is sent; what others say, type and read is shown. Ctrl-D ends it.

use std::process::ExitCode;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

type Error = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(url), None) = (args.next(), args.next()) else {
        eprintln!(
            "Usage: cargo run -q --example talk -- 'ws://HOST:PORT/ws/chat/ROOM/?token=TOKEN'"
        );
        return ExitCode::from(2);
    };
    match talk(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("talk: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn talk(url: &str) -> Result<(), Error> {
    let request = url.into_client_request()?;
    let host = request.uri().host().ok_or("the URL names no host")?;
    let port = request.uri().port_u16().unwrap_or(80);
    let connection = TcpStream::connect((host, port)).await?;
    let (mut socket, _) = client_async(request, connection).await?;
    let mut lines = BufReader::new(stdin()).lines();
    let mut me = Value::Null;
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => send(&mut socket, &json!({ "type": "message", "content": line })).await?,
                None => {
                    socket.close(None).await?;
                    return Ok(());
                }
            },
            frame = socket.next() => match frame.transpose()? {
                Some(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    if let Some(answer) = hear(&frame, &mut me) {
                        send(&mut socket, &answer).await?;
                    }
                }
                Some(Message::Close(Some(close))) => {
                    return Err(format!("closed: {} {}", u16::from(close.code), close.reason).into());
                }
                Some(_) => {}
                None => return Err("the connection is gone".into()),
            },
        }
    }
}

/// Shows a frame, and returns what it is to be answered with.
fn hear(frame: &Value, me: &mut Value) -> Option<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match frame["type"].as_str()? {
        "connection_established" => {
            *me = frame["user_id"].clone();
            println!("· in room {} as user {}; type a line to send it", frame["room_id"], me);
        }
        "message" => {
            let message = &frame["message"];
            println!("{}: {}", text(&message["sender_username"]), text(&message["content"]));
            if message["sender_id"] != *me {
                return Some(json!({ "type": "message_read", "message_id": message["id"] }));
            }
        }
        "message_status_update" => {
            println!("· message {} is {}", frame["message_id"], text(&frame["status"]));
        }
        "typing" if frame["is_typing"] == true => {
            println!("· {} is typing", text(&frame["username"]));
        }
        "user_status_change" => {
            let state = if frame["is_online"] == true { "online" } else { "offline" };
            println!("· {} is {state}", text(&frame["username"]));
        }
        "error" => println!("! {}", text(&frame["message"])),
        "ping" => return Some(json!({ "type": "pong", "timestamp": frame["timestamp"] })),
        _ => {}
    }
    None
}

async fn send(socket: &mut WebSocketStream<TcpStream>, frame: &Value) -> Result<(), Error> {
    Ok(socket.send(Message::text(frame.to_string())).await?)
}

//! What it takes to write a message's frame, to understand a client's frame, to verify a token.
//!
//! ```sh
//! cargo bench --bench encoding -- --quick
//! ```

mod support;

use std::hint::black_box;

use chat_core::Config;
use chat_core::dialect::{self, Dialect};
use chat_core::socket::Delivery;
use serde_json::{Value, json};

use self::support::{Error, at_once, is_quick, nanos_per_call, server};

fn main() -> Result<(), Error> {
    let (rounds, calls) = if is_quick() { (3, 20_000) } else { (9, 100_000) };
    println!("medians of {rounds} rounds of {calls} calls");
    println!("{:44}{:>10}", "", "ns");
    let row = |name: &str, calls: usize, call: &mut dyn FnMut(usize)| {
        println!("{name:44}{:>10.0}", nanos_per_call(rounds, calls, call));
    };

    for (name, text) in [("100", "x".repeat(100)), ("1,000", "é".repeat(1_000))] {
        let chat = server::chat(2);
        let sender = chat.acting_as("1");
        let room = at_once(sender.direct_room("2"))??.id;
        let event = at_once(server::told(&chat, sender.send(room, text)))??;
        for dialect in dialect::all() {
            let name = format!("frame of a message of {name} characters, {}", dialect.name);
            row(&name, calls, &mut |_| {
                let delivery = Delivery::new(event.clone());
                black_box(delivery.frames(dialect));
            });
        }
    }
    let config = Config::default();
    for (name, frame) in [
        ("message", json!({ "type": "message", "content": "x".repeat(100), "temp_id": "17-3" })),
        ("typing_on", json!({ "type": "typing_on" })),
        ("message_read", json!({ "type": "message_read", "message_id": 4711 })),
    ] {
        let text = frame.to_string();
        let name = format!("understand a frame, {name}");
        row(&name, calls, &mut |_| decode(dialect::MESSENGER, &text, &config));
    }
    let (authenticator, token) = (server::authenticator(), server::token(1)?);
    row("verify a token (HS256)", calls / 10, &mut |_| {
        assert!(authenticator.verify(black_box(&token)).is_ok());
    });
    Ok(())
}

/// As the socket machine does it.
fn decode(dialect: &Dialect, text: &str, config: &Config) {
    let frame: Result<Value, _> = serde_json::from_str(black_box(text));
    let Ok(Value::Object(frame)) = frame else { return };
    let incoming = (dialect.codec.decode)(&frame, config);
    assert!(incoming.is_ok());
    black_box(&incoming);
}

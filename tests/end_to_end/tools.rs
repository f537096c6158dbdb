//! The operator's tools, as their own processes.

use std::process::Command;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Running, SECRET, Socket, ask, example};

fn run(name: &str, options: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(example(name));
    command.env_remove("DATABASE_URL").env_remove("CHAT_BUS").args(options);
    let output = command.output().expect("the tool runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn check_says_what_is_missing_and_ends_accordingly() {
    let database = chat_test_postgres::Cluster::start();
    let url = database.url();
    let (code, out, _) = run("check", &["--store", &url, "--json"]);
    let found = json_of(&out);
    assert_eq!(code, 1, "{found}");
    assert_eq!(found["migrations"]["ok"], false, "{found}");
    for what in ["store", "clock", "bus"] {
        assert_eq!(found[what]["ok"], true, "{found}");
    }

    // A server brings the tables up to date.
    drop(Running::start(&["--store", &url]));
    let (code, out, _) = run("check", &["--store", &url]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok")).count(), 4, "{out}");

    database.crash();
    let (code, out, _) = run("check", &["--store", &url, "--json"]);
    assert_eq!(code, 1);
    assert!(json_of(&out).as_object().expect("findings").values().all(|one| one["ok"] == false));
}

#[test]
fn what_a_tool_does_not_understand_is_said_and_help_is_given() {
    for tool in ["check", "monitor"] {
        let (code, out, _) = run(tool, &["--help"]);
        assert_eq!(code, 0);
        assert!(out.contains("Usage") && out.contains("--json"), "{out}");
        let (code, out, said) = run(tool, &["--nonsense"]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(said.contains("--nonsense"), "{said}");
    }
    let (code, _, said) = run("check", &["--store", "postgres:secret"]);
    assert_eq!(code, 2);
    assert!(!said.contains("secret"), "{said}");
    let (code, _, said) = run("monitor", &["--once", "http://127.0.0.1:1"]);
    assert_eq!(code, 1);
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_monitor_shows_sockets_and_what_they_are_told() {
    for adapter in ["axum", "warp"] {
        let server = Running::start(&["--jwt-secret", SECRET, "--adapter", adapter]);
        let path = "/messenger/ws/chat/1/";
        let mut john = Socket::greeted(server.address, path, 1).await;
        let mut jane = Socket::greeted(server.address, path, 2).await;
        let url = format!("http://{}", server.address);
        let look = tokio::task::spawn_blocking(move || {
            run("monitor", &["--once", "--json", "--interval", "1.5", &url])
        });
        // Sent again and again, so that some fall between its two looks.
        while !look.is_finished() {
            john.send(&json!({ "type": "message", "content": "hello" })).await;
            jane.expect("message").await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let (code, out, said) = look.await.expect("it ends");
        assert_eq!(code, 0, "{said}");
        let all = json_of(&out);
        let node = &all[format!("http://{}", server.address)];
        assert_eq!((&node["sockets"], &node["rooms"]), (&json!(2.0), &json!(1.0)), "{all}");
        assert_eq!(node["bus_available"], 1.0);
        for name in ["queued", "longest_queue", "lag"] {
            assert!(node[name].is_number(), "{name}: {all}");
        }
        let rate = |name: &str| node[name].as_f64().expect("a number");
        assert!(rate("messages_per_second") > 0.0, "{all}");
        let ratio = rate("deliveries_per_second") / rate("messages_per_second");
        assert!((ratio - 2.0).abs() < 0.5, "each message goes to two sockets: {all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_the_database_and_health_does_not() {
    let database = chat_test_postgres::Cluster::start();
    let server = Running::start(&["--jwt-secret", SECRET, "--store", &database.url()]);
    let get = async |path: &str| ask(server.address, 1, http::Method::GET, path, None).await;
    let ready = async |status: StatusCode| {
        while get("/readyz").await.0 != status {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    ready(StatusCode::OK).await;
    assert_eq!(get("/healthz").await, (StatusCode::OK, json!({ "status": "ok" })));
    tokio::task::block_in_place(|| database.crash());
    ready(StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(get("/readyz").await.1["store"], "unavailable");
    assert_eq!(get("/healthz").await.0, StatusCode::OK);
    tokio::task::block_in_place(|| database.resume());
    ready(StatusCode::OK).await;
}

//! The React component that the team document prints, pasted into a page as it is: only the host
//! is changed, and it is signed in by the cookie.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::routing::get;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomId, Slice, User};
use chat_core::store::Anchor;
use chat_core::{Chat, dialect};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use fantoccini::Locator;
use fantoccini::key::Key;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::browser::Window;
use crate::npm;

const SECRET: &[u8] = b"a secret of the browser tests' own";

/// The component as the document prints it.
const COMPONENT: &str = include_str!("npm/component.jsx");

/// Packs the component with React; the host is left as the document has it.
fn bundle() -> String {
    let build = npm::folder().join("build");
    std::fs::create_dir_all(&build).expect("a folder for what is built");
    let exported = format!("{COMPONENT}\nexport {{ ChatRoom }};\n");
    std::fs::write(build.join("component.jsx"), exported).expect("the component is written");
    npm::run(&["run", "--silent", "build"])
}

fn token(user: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let claims = json!({ "sub": user.to_string(), "exp": now + 3_600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).expect("a token")
}

/// A host whose page shows a room by the component, and the chat beside it.
async fn host(chat: Chat, room: RoomId) -> String {
    let script = tokio::task::spawn_blocking(bundle).await.expect("the component is packed");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    assert!(script.contains("ws://localhost:8000/"), "the document's host");
    let script = script.replace("localhost:8000", &address);
    let page = format!(
        r#"<!doctype html><meta charset="utf-8"><title>A room</title><link rel="icon" href="data:,">
        <script>window.problems = []; addEventListener("error", (event) => problems.push(event.message));
        console.error = (...all) => problems.push(all.join(" "));</script>
        <div id="root" data-room="00000000-0000-8000-8000-{:012x}" data-token="{}"></div>
        <script src="/component.js"></script>"#,
        room.get(),
        token(1),
    );
    let cookie = format!("sessionid={}; HttpOnly; SameSite=Lax", token(1));
    let app = axum::Router::new()
        .route(
            "/",
            get(async move || {
                ([(SET_COOKIE, cookie), (CONTENT_TYPE, "text/html".to_owned())], page)
            }),
        )
        .route("/component.js", get(async move || ([(CONTENT_TYPE, "text/javascript")], script)))
        .merge(chat_axum::router(&Server::start(chat), dialect::TEAM));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

/// The lines that the component shows.
const LINES: &str =
    "[...document.querySelectorAll('.messages > div')].map((line) => line.innerText)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_own_react_component_shows_a_conversation_and_what_comes_live() {
    let mut john = User::new(1.into(), "john");
    john.display_name = "John Doe".to_owned();
    let mut jane = User::new(2.into(), "jane");
    jane.display_name = "Jane Smith".to_owned();
    let users = StaticDirectory::from_iter([john, jane]);
    let chat = Chat::new(MemoryStore::new(), users, JwtAuthenticator::hs256(SECRET));
    let jane = chat.acting_as(2);
    let room = jane.direct_room(1).await.expect("a room").id;
    for number in 1..=60 {
        jane.send(room, format!("number {number}")).await.expect("it is sent");
    }
    let url = host(chat.clone(), room).await;

    let window = Window::open().await;
    window.go(&url).await;
    // The newest page, oldest first.
    let mut lines: Vec<String> = (11..=60).map(|n| format!("Jane Smith: number {n}")).collect();
    window.until(LINES, json!(lines)).await;

    jane.send(room, "live <b>&amp;").await.expect("it is sent");
    lines.push("Jane Smith: live <b>&amp;".to_owned());
    window.until(LINES, json!(lines)).await;

    let typing = "document.querySelector('.typing-indicator')?.innerText ?? null";
    jane.start_typing(room, std::time::Instant::now()).await.expect("she types");
    window.until(typing, json!("1 user(s) typing...")).await;
    jane.stop_typing(room).await.expect("she stops");
    window.until(typing, json!(null)).await;

    let input = window.client.find(Locator::Css("input")).await.expect("the input");
    input.send_keys("from the page").await.expect("keys are pressed");
    let typists = async || {
        let typists = jane.typing_users(room, std::time::Instant::now()).await;
        typists.expect("they are known").len()
    };
    while typists().await == 0 {
        tokio::task::yield_now().await;
    }
    input.send_keys(&Key::Enter.to_string()).await.expect("a key is pressed");
    lines.push("John Doe: from the page".to_owned());
    window.until(LINES, json!(lines)).await;
    let newest = jane.history(room, Anchor::Newest, Slice::first(1)).await;
    assert_eq!(newest.expect("the room's history").items[0].content, "from the page");

    assert_eq!(window.run("return window.problems").await, json!([]));
    window.close().await;
}

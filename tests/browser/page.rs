//! The page of the reference server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use fantoccini::Locator;
use fantoccini::key::Key;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::browser::Window;
use crate::npm;
use crate::process::Running;
use crate::proxy::Proxy;

const SECRET: &str = "a secret of the browser tests' own";

async fn server() -> Running {
    let start = || Running::start(&["--jwt-secret", SECRET]);
    tokio::task::spawn_blocking(start).await.expect("the server starts")
}

fn token(user: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let expires = i64::try_from(now).expect("a near time") + seconds;
    let claims = json!({ "sub": user, "exp": expires });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
        .expect("a token")
}

/// A window in which somebody is signed in and looks at a room.
async fn person(address: SocketAddr, name: &str, room: &str) -> Window {
    let window = Window::open().await;
    window.go(&format!("http://{address}/")).await;
    window.click("#people button", name).await;
    window.click("#rooms button", room).await;
    window.until("document.querySelectorAll('.message').length > 0", json!(true)).await;
    // The connection stands once it has nothing to say.
    window.until("document.querySelector('#connection').innerText", json!("")).await;
    window
}

/// John and Jane in their room.
async fn two(address: SocketAddr) -> (Window, Window) {
    let john = person(address, "John Doe", "Jane Smith").await;
    let jane = person(address, "Jane Smith", "John Doe").await;
    (john, jane)
}

/// The texts that a window shows.
const TEXTS: &str = "[...document.querySelectorAll('.message .content')].map((p) => p.innerText)";

async fn texts(window: &Window) -> Vec<String> {
    let texts = window.run(&format!("return {TEXTS}")).await;
    serde_json::from_value(texts).expect("texts")
}

/// The newest message's text.
const LAST: &str = "[...document.querySelectorAll('.message .content')].at(-1)?.innerText";

/// The classes of the newest own message's ticks.
const TICKS: &str =
    "[...document.querySelectorAll('.message.own')].at(-1)?.querySelector('.ticks')?.className";

async fn say(window: &Window, text: &str) {
    window.fill("#text", text).await;
    window.press(Key::Enter.to_string()).await;
}

/// Opens the actions of the newest message that a text is in, and takes one.
async fn act(window: &Window, text: &str, action: &str) {
    let open = format!(
        "(() => {{ const found = [...document.querySelectorAll('.message')].findLast((message) => \
         message.innerText.includes({})); const menu = found?.querySelector('.actions'); \
         if (menu) menu.open = true; return Boolean(menu); }})()",
        json!(text)
    );
    window.until(&open, json!(true)).await;
    window.click(".actions[open] button", action).await;
}

async fn close(windows: impl IntoIterator<Item = Window>) {
    for window in windows {
        assert_eq!(window.complaints().await, Vec::<String>::new());
        window.close().await;
    }
}

/// Keeps a picture of what a window shows, in `target/screenshots`.
async fn keep(window: &Window, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    let picture = window.client.screenshot().await.expect("a picture");
    std::fs::write(folder.join(format!("{name}.png")), picture).expect("it can be kept");
}

/// Checks what is shown by axe's rules.
async fn is_accessible(window: &Window) {
    let axe = npm::folder().join("node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).expect("axe is there");
    window.client.execute(&axe, Vec::new()).await.expect("axe is taken in");
    let run = "const done = arguments[arguments.length - 1]; axe.run().then(({ violations }) => \
        done(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])))";
    let violations = window.client.execute_async(run, Vec::new()).await.expect("axe runs");
    assert_eq!(violations, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_converse() {
    let server = server().await;
    // Jane is there and not in the room: what John says is sent, and no more.
    let john = person(server.address, "John Doe", "Jane Smith").await;
    say(&john, "See you at seven").await;
    john.until(TICKS, json!("ticks sent")).await;
    // She has the room open behind another window: it is delivered.
    let jane = Window::open().await;
    jane.go(&format!("http://{}/", server.address)).await;
    jane.click("#people button", "Jane Smith").await;
    jane.until("document.querySelector('#rooms .unread')?.innerText[0]", json!("2")).await;
    let hide = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })";
    jane.run(hide).await;
    jane.click("#rooms button", "John Doe").await;
    jane.until(LAST, json!("See you at seven")).await;
    john.until(TICKS, json!("ticks delivered")).await;
    john.until("document.querySelector('#room-state').innerText", json!("online")).await;
    // She looks: it is read.
    jane.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))").await;
    john.until(TICKS, json!("ticks read")).await;

    jane.fill("#text", "I am com").await;
    let typing = "document.querySelector('#typing').innerText";
    john.until(typing, json!("Jane Smith is typing…")).await;
    john.until(typing, json!("")).await;
    say(&jane, "I am coming").await;
    john.until(LAST, json!("I am coming")).await;

    act(&john, "I am coming", "🎉").await;
    jane.until("document.querySelector('.reactions')?.innerText", json!("🎉 1")).await;
    act(&john, "I am coming", "Reply").await;
    say(&john, "Good").await;
    jane.until("document.querySelector('.quote')?.innerText", json!("I am coming")).await;
    keep(&john, "two_people_light").await;
    act(&john, "Good", "Edit").await;
    say(&john, "Very good").await;
    jane.until(LAST, json!("Very good")).await;
    act(&john, "Very good", "Delete").await;
    jane.until(LAST, json!("This message was deleted.")).await;

    jane.close().await;
    let state = "document.querySelector('#room-state').innerText";
    john.until(&format!("{state}.startsWith('last seen')"), json!(true)).await;
    close([john]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_heals_without_loss_or_repeat_while_both_send() {
    let server = server().await;
    let proxy = Proxy::start(server.address).await;
    let john = person(proxy.address, "John Doe", "Jane Smith").await;
    let jane = person(server.address, "Jane Smith", "John Doe").await;
    let before = john.run(&format!("return {TEXTS}.length")).await.as_u64().expect("a number");
    for number in 0..10 {
        if number % 3 == 1 {
            proxy.cut();
        }
        say(&john, &format!("john {number}")).await;
        say(&jane, &format!("jane {number}")).await;
    }
    for window in [&john, &jane] {
        let count = format!("{TEXTS}.length");
        window.until(&count, json!(before + 20)).await;
        window.until("document.querySelectorAll('.ticks.sending, .failed').length", json!(0)).await;
    }
    let (his, hers) = (texts(&john).await, texts(&jane).await);
    assert_eq!(his, hers, "both see one conversation");
    for who in ["john", "jane"] {
        let said: Vec<&str> =
            his.iter().map(String::as_str).filter(|t| t.starts_with(who)).collect();
        let expected: Vec<String> = (0..10).map(|number| format!("{who} {number}")).collect();
        assert_eq!(said, expected);
    }
    // The browser names connections that were cut; nothing else.
    for complaint in john.complaints().await {
        assert!(complaint.contains("ERR_") || complaint.contains("WebSocket"), "{complaint}");
    }
    john.close().await;
    close([jane]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_up_and_comes_down() {
    let server = server().await;
    let (john, jane) = two(server.address).await;
    let file = tempfile::Builder::new().suffix(".png").tempfile().expect("a temporary file");
    let picture = include_bytes!("dot.png");
    std::fs::write(file.path(), picture).expect("it is written");
    let input = john.client.find(Locator::Css("#file")).await.expect("the field");
    input.send_keys(&file.path().display().to_string()).await.expect("a file is chosen");
    john.click("#send", "Send").await;
    jane.until("document.querySelector('img.preview')?.naturalWidth", json!(1)).await;
    let down = "const done = arguments[0]; fetch(document.querySelector('a.file').href) \
        .then((answer) => answer.arrayBuffer()).then((bytes) => done([...new Uint8Array(bytes)]))";
    let bytes = jane.client.execute_async(down, Vec::new()).await.expect("it comes down");
    assert_eq!(bytes, json!(picture.to_vec()));
    close([john, jane]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_stays_text() {
    let server = server().await;
    let (john, jane) = two(server.address).await;
    let long = "x".repeat(10_000);
    let texts = [
        "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>",
        "\u{202e}evil.exe \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "javascript:alert(1) &amp; &#60;b&#62;",
        &long,
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466} ❤️ \u{1f1fa}\u{1f1f3}",
    ];
    for text in texts {
        // Keys outside of the basic plane cannot be pressed everywhere.
        let set = format!(
            "const field = document.querySelector('#text'); field.value = {}; field.focus();",
            json!(text)
        );
        john.run(&set).await;
        john.press(Key::Enter.to_string()).await;
        jane.until(LAST, json!(text)).await;
    }
    let made = "document.querySelectorAll('.message script, .message img, .message b').length";
    jane.until(made, json!(0)).await;
    jane.until("document.title.endsWith('Chat')", json!(true)).await;
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    jane.until(fits, json!(true)).await;
    close([john, jane]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_over_leads_back_to_signing_in() {
    let server = server().await;
    let window = Window::open().await;
    window.go(&format!("http://{}/", server.address)).await;
    window.until("document.querySelectorAll('#people button').length", json!(5)).await;
    // Thirty seconds are the leeway.
    window.fill("#token", &token("1", -25)).await;
    window.click("#token-form button", "Sign in").await;
    window.click("#rooms button", "Jane Smith").await;
    window.until("document.querySelectorAll('.message').length > 0", json!(true)).await;
    let note = "document.querySelector('#sign-in-note').innerText";
    window.until(note, json!("Your sign-in has expired. Please sign in again.")).await;
    window.until("document.querySelector('#app').hidden", json!(true)).await;
    window.until("document.querySelectorAll('#messages > *').length", json!(0)).await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_done_by_keyboard() {
    let server = server().await;
    let window = Window::open().await;
    window.go(&format!("http://{}/", server.address)).await;
    let focus = "document.activeElement?.innerText?.includes('John Doe') ?? false";
    window.until(focus, json!(true)).await;
    window.press(Key::Enter.to_string()).await;
    window.until("document.querySelectorAll('#rooms button').length > 0", json!(true)).await;
    // From the top of the page to the room, one stop after the other.
    window.run("document.activeElement.blur(); window.scrollTo(0, 0)").await;
    let tab_to = async |what: &str| {
        for _ in 0..40 {
            window.press(Key::Tab.to_string()).await;
            if window.run(&format!("return {what}")).await == Value::Bool(true) {
                return;
            }
        }
        panic!("no way leads to {what}");
    };
    tab_to("document.activeElement.innerText.includes('Sofia Rossi')").await;
    window.press(Key::Enter.to_string()).await;
    window.until("document.activeElement.id", json!("text")).await;
    window.press("by keyboard").await;
    window.press(Key::Enter.to_string()).await;
    window.until(LAST, json!("by keyboard")).await;
    tab_to("document.activeElement.matches('.message:last-child summary')").await;
    window.press(Key::Enter.to_string()).await;
    tab_to("document.activeElement.innerText === 'Delete'").await;
    window.press(Key::Enter.to_string()).await;
    window.until(LAST, json!("This message was deleted.")).await;
    close([window]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_public_rooms_search_and_drafts() {
    let server = server().await;
    let john = person(server.address, "John Doe", "Jane Smith").await;
    john.fill("#text", "a draft").await;
    john.click("#new", "+").await;
    john.until("document.querySelectorAll('#group-members input').length", json!(4)).await;
    john.fill("#group-name", "Readers").await;
    john.run("document.querySelector('#group-members input').click()").await;
    john.click("#new-group button", "Create").await;
    john.until("document.querySelector('#room-name').innerText", json!("Readers")).await;
    say(&john, "A hippopotamus came in").await;
    john.click("#new", "+").await;
    john.fill("#public-search", "loun").await;
    john.click("#public-rooms button", "Lounge").await;
    john.until("document.querySelector('#room-name').innerText", json!("Lounge")).await;
    john.until(LAST, json!("Anyone may come in here.")).await;
    john.fill("#search", "hippo").await;
    john.click("#found button", "hippopotamus").await;
    john.until(
        "document.querySelector('.found-one .content')?.innerText",
        json!("A hippopotamus came in"),
    )
    .await;
    john.fill("#search", "").await;
    john.run("document.querySelector('#search').dispatchEvent(new Event('input'))").await;
    john.click("#rooms button", "Jane Smith").await;
    john.until("document.querySelector('#text').value", json!("a draft")).await;
    close([john]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_accessible_in_light_and_dark_and_on_a_phone() {
    let server = server().await;
    for (name, dark, width) in [("light", false, 1280), ("dark", true, 1280), ("phone", false, 360)]
    {
        let window = Window::open_as(dark, width).await;
        window.go(&format!("http://{}/", server.address)).await;
        window.until("document.querySelectorAll('#people button').length", json!(5)).await;
        is_accessible(&window).await;
        keep(&window, &format!("sign_in_{name}")).await;
        window.click("#people button", "Jane Smith").await;
        window.until("document.querySelectorAll('#rooms button').length > 0", json!(true)).await;
        is_accessible(&window).await;
        keep(&window, &format!("rooms_{name}")).await;
        window.click("#rooms button", "General").await;
        window.until("document.querySelectorAll('.message').length > 0", json!(true)).await;
        is_accessible(&window).await;
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        window.until(fits, json!(true)).await;
        keep(&window, &format!("room_{name}")).await;
        if width > 400 {
            window.click("#new", "+").await;
            window.until("document.querySelectorAll('#new-people button').length", json!(4)).await;
            is_accessible(&window).await;
        }
        close([window]).await;
    }
}

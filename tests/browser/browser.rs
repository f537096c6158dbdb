//! A browser and its windows.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// How long anything may take to be shown. Only a failure waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// `ChromeDriver`, for as long as the tests run.
struct Driver {
    url: String,
    _child: Child,
}

static DRIVER: LazyLock<Driver> = LazyLock::new(|| {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need Debian's packages `chromium` and `chromium-driver`");
    let lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let port = line.split_once("started successfully on port ")?.1.trim_end_matches('.');
        port.parse::<u16>().ok()
    });
    let port = port.expect("ChromeDriver says its port");
    Driver { url: format!("http://127.0.0.1:{port}"), _child: child }
});

/// A window of a browser of its own, as another person's.
pub(crate) struct Window {
    pub(crate) client: Client,
    _profile: tempfile::TempDir,
}

impl Window {
    pub(crate) async fn open() -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", "--window-size=1280,800",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let url = tokio::task::spawn_blocking(|| DRIVER.url.clone()).await.expect("a driver");
        let mut client =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let client = client.capabilities(capabilities).connect(&url).await.expect("a browser");
        Self { client, _profile: profile }
    }

    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.expect("the page is there");
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Waits until an expression has a value.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str, value: Value) -> impl Future<Output = ()> {
        let asker = std::panic::Location::caller();
        let script = format!("return {expression}");
        async move {
            let mut last = Value::Null;
            let wait = async {
                loop {
                    last = self.run(&script).await;
                    if last == value {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let shown = tokio::time::timeout(PATIENCE, wait).await;
            assert!(shown.is_ok(), "{asker}: {script} should be {value} and is {last}");
        }
    }

    pub(crate) async fn close(self) {
        self.client.close().await.expect("the browser ends");
    }
}

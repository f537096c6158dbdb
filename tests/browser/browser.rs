//! A browser and its windows.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// How long anything may take to be shown. Only a failure waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// `ChromeDriver`, for as long as the tests run.
struct Driver {
    url: String,
    _child: Child,
}

static DRIVER: LazyLock<Driver> = LazyLock::new(|| {
    // Ends with the tests: its input does then.
    let keeper = "chromedriver --port=0 & read -r _; kill $!";
    let mut child = Command::new("sh")
        .args(["-c", keeper])
        .stdin(Stdio::piped())
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
        Self::open_as(false, 1280).await
    }

    /// Opens a window in the light or in the dark, so many pixels wide.
    pub(crate) async fn open_as(dark: bool, width: u32) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage",
                format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)),
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let url = tokio::task::spawn_blocking(|| DRIVER.url.clone()).await.expect("a driver");
        let mut client =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let client = client.capabilities(capabilities).connect(&url).await.expect("a browser");
        let window = Self { client, _profile: profile };
        window.resize(width).await;
        window
    }

    /// Makes what is shown so many pixels wide: narrower than a window can be.
    async fn resize(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.client.issue_cmd(Tools(command)).await.expect("the size is set");
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
    pub(crate) fn until(
        &self,
        expression: &str,
        value: Value,
    ) -> impl Future<Output = ()> + use<'_> {
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

    /// Clicks the first element of a selector with this text, once it is there.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str, text: &str) -> impl Future<Output = ()> + use<'_> {
        let find = format!(
            "(() => {{ const found = [...document.querySelectorAll({})].find((element) => \
             element.innerText.includes({}) && element.offsetParent !== null); \
             found?.click(); return Boolean(found); }})()",
            json!(selector),
            json!(text)
        );
        self.until(&find, json!(true))
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press(&self, keys: impl AsRef<str>) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(keys.as_ref()).await.expect("keys are pressed");
    }

    /// Types into a field, in the place of what is there.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let field = self.client.find(Locator::Css(selector)).await.expect(selector);
        field.clear().await.expect("it can be cleared");
        field.send_keys(text).await.expect("keys are pressed");
    }

    /// What the browser had to complain of, also of what its policy forbids.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Log).await.expect("the browser's log");
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = |entry: &Value| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
        entries.into_iter().filter(bad).map(|entry| entry["message"].to_string()).collect()
    }

    pub(crate) async fn close(self) {
        self.client.close().await.expect("the browser ends");
    }
}

/// Asks for the browser's log, which `WebDriver` itself does not know.
#[derive(Debug)]
struct Log;

impl WebDriverCompatibleCommand for Log {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// A command of the browser's developer tools.
#[derive(Debug)]
struct Tools(Value);

impl WebDriverCompatibleCommand for Tools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

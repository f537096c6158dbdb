//! What people see, in a real browser: Debian's Chromium through `WebDriver`.

mod browser;
mod npm;
mod page;
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
#[path = "../end_to_end/support/process.rs"]
mod process;
mod proxy;
mod react;

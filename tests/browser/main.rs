//! What people see, in a real browser: Debian's Chromium through `WebDriver`.

mod browser;
mod react;

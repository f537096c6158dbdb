//! The examples in README.md, compiled.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

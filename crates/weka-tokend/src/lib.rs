//! To come.

pub mod atomic;
pub mod config;
pub mod dirs;
pub mod password_source;

//! What the end-to-end tests and the demo run with: the real binaries, each in a home of its own.
//!
//! - [`binaries`]: finds `weka-tokend`, `weka-token` and `weka-sim` beside the running program
//! - [`cluster`]: a simulated cluster in a process of its own, and its control channel
//! - [`home`]: a home folder, an environment, and the commands that run in it
//! - [`daemon`]: a daemon whose socket answers
//! - [`hung_folder`]: a folder that does not answer
//! - [`mounts`]: a machine to mount on, with a [`recorder`] in the place of WEKA's own mount helper
//! - [`process`]: a child that never outlives its owner
//! - [`python`]: Python, with WEKA's own library as it is on PyPI
//! - [`samples`]: what a daemon may answer, for the tests of those who show it
//! - [`mod@skipped`]: what cannot be tested here, said aloud
//! - [`snapshot`]: texts compared with files, and transcripts of commands to compare
//! - [`systemd`]: a real service manager, for a user and for a host, in namespaces of its own
//! - [`tool`]: a program that is told what to do line by line
//! - [`terminal`]: a pseudo-terminal with a command on it, and hands to type with
//! - [`tmux`]: a screen that can be looked at, too
//! - [`mod@until`]: waits for what tells nobody when it happens
#![forbid(unsafe_code)]

pub mod binaries;
pub mod cluster;
pub mod daemon;
pub mod home;
pub mod hung_folder;
pub mod mounts;
pub mod process;
pub mod python;
pub mod recorder;
pub mod samples;
pub mod skipped;
pub mod snapshot;
pub mod systemd;
pub mod terminal;
pub mod tmux;
pub mod tool;
pub mod until;

pub use cluster::Cluster;
pub use daemon::Daemon;
pub use home::{Home, Ran};
pub use hung_folder::HungFolder;
pub use skipped::{is_root, skipped};
pub use terminal::Terminal;
pub use tmux::Tmux;
pub use tool::Tool;
pub use until::until;

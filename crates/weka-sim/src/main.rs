//! `weka-sim`: see `--help`.

#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use weka_sim::{Options, StartError, start};

fn main() -> ExitCode {
    // A usage error ends here, with status 2.
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr().lock(), "weka-sim: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(StartError::Runtime)?.block_on(async {
        // Before anything is announced, so that an early signal finds its handler.
        let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Runtime)?;
        let simulator = start(options).await?;
        let mut out = io::stdout().lock();
        // With nobody reading, the ready file is there.
        drop(out.write_all(simulator.announcement().as_bytes()).and_then(|()| out.flush()));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        simulator.shutdown().await;
        Ok(())
    })
}

//! The floor under the daemon's throughput: its runtime, its bytes, and nothing else. `echo SOCKET LENGTH ANSWER`
//! answers every LENGTH bytes with what the file ANSWER holds. `cargo xtask bench` runs it.
#![forbid(unsafe_code)]

use std::io;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::LocalSet;

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [socket, length, answer] = arguments.as_slice() else {
        return Err(io::Error::other("usage: echo SOCKET LENGTH ANSWER"));
    };
    let length = length.parse().map_err(io::Error::other)?;
    let answer: Rc<[u8]> = std::fs::read(answer)?.into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = UnixListener::bind(socket)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(converse(stream, length, Rc::clone(&answer)));
        }
    })
}

/// Until the peer has gone. There is room for more than a question, as the runtime then knows without another call
/// that there is nothing left to read.
async fn converse(mut stream: UnixStream, length: usize, answer: Rc<[u8]>) -> io::Result<()> {
    let mut room = vec![0; 2 * length];
    let mut filled = 0;
    loop {
        while filled < length {
            match stream.read(room.get_mut(filled..).unwrap_or_default()).await? {
                0 => return Ok(()),
                count => filled += count,
            }
        }
        filled -= length;
        stream.write_all(&answer).await?;
    }
}

//! Bad frames: each is refused and its connection closed, while everybody else is served.

use crate::LoggedIn;
use e2e::Cluster;
use e2e::until;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use wire::frame::{self, HEADER_LEN, MAX_BODY, VERSION};
use wire::{FrameError, Request, Response, blocking};

fn connect(it: &LoggedIn) -> UnixStream {
    let stream = UnixStream::connect(it.daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Everything that comes until the daemon closes.
fn answer_to(it: &LoggedIn, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(it);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good a close as any.
    drop(stream.read_to_end(&mut answer));
    answer
}

/// The answer for ever: version 0, a length, the highest version, a sentence.
#[track_caller]
fn for_ever(answer: &[u8]) -> String {
    let (header, body) = answer.split_first_chunk::<HEADER_LEN>().expect("an answer");
    assert_eq!(header[0], 0, "{answer:?}");
    let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    assert_eq!(usize::try_from(length).unwrap(), body.len(), "and then it closes");
    match frame::parse_unsupported(body) {
        FrameError::Unsupported { highest, sentence } => {
            assert_eq!(highest, VERSION);
            sentence
        }
        other => panic!("{other:?}"),
    }
}

fn header(version: u8, length: u32) -> Vec<u8> {
    [&[version][..], &length.to_le_bytes()].concat()
}

fn status() -> Request {
    Request::Status { profile: None, after_revision: None, wait_s: 0, after_name: None }
}

#[test]
fn a_version_from_the_future_is_answered_for_ever_and_says_whom_to_upgrade() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for version in [2, 7, 255] {
        let sentence = for_ever(&answer_to(&it, &[header(version, 3), vec![1, 2, 3]].concat()));
        assert!(sentence.contains("upgrade") && sentence.contains("weka-tokend"), "{sentence}");
    }
    for_ever(&answer_to(&it, &header(0, 0)));
    it.token();
}

#[test]
fn a_request_from_the_future_is_answered_the_same_way() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let sentence = for_ever(&answer_to(&it, &[header(VERSION, 2), vec![250, 1]].concat()));
    assert!(sentence.contains("upgrade"), "{sentence}");
    it.token();
}

#[test]
fn an_oversized_frame_is_refused_by_its_header_alone() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for length in [u32::try_from(MAX_BODY).unwrap() + 1, u32::MAX] {
        // Whoever waits for the rest is given no answer at all.
        let sentence = for_ever(&answer_to(&it, &header(VERSION, length)));
        assert!(sentence.contains("65536"), "{sentence}");
    }
    it.token();
}

#[test]
fn trailing_bytes_inside_a_frame_are_refused() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let good = frame::encode(&status()).unwrap();
    let body = [&good[HEADER_LEN..], &[0]].concat();
    let bytes = [header(VERSION, u32::try_from(body.len()).unwrap()), body].concat();
    for_ever(&answer_to(&it, &bytes));
}

#[test]
fn garbage_is_refused() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 4096], b"\x16\x03\x01\x02\x00\x01"] {
        for_ever(&answer_to(&it, bytes));
    }
    it.token();
}

#[test]
fn a_half_sent_frame_is_given_up_after_a_deadline() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let whole = frame::encode(&status()).unwrap();
    // Half a header, half a body, and a body that drips.
    let waiting: Vec<_> = [&whole[..2], &whole[..HEADER_LEN], &whole[..whole.len() - 1]]
        .into_iter()
        .map(|part| {
            let mut stream = connect(&it);
            stream.write_all(part).unwrap();
            stream
        })
        .collect();
    it.token();
    for mut stream in waiting {
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        let still_open = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!closed.is_err_and(still_open), "it is kept open for ever");
        assert_eq!(rest, Vec::<u8>::new());
    }
    it.token();
}

#[test]
fn a_frame_in_pieces_is_put_together_and_two_at_once_are_answered_in_order() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut stream = connect(&it);
    for byte in frame::encode(&status()).unwrap().iter() {
        stream.write_all(&[*byte]).unwrap();
    }
    assert!(matches!(blocking::receive(&mut stream).unwrap(), Response::Status(_)));
    let get = Request::Get { profile: None, min_ttl_s: None, timeout_ms: 1000 };
    let both = [&frame::encode(&get).unwrap()[..], &frame::encode(&status()).unwrap()].concat();
    stream.write_all(&both).unwrap();
    assert!(matches!(blocking::receive(&mut stream).unwrap(), Response::Token(_)));
    assert!(matches!(blocking::receive(&mut stream).unwrap(), Response::Status(_)));
}

#[test]
fn a_bad_frame_ends_its_own_connection_only() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut good = connect(&it);
    for_ever(&answer_to(&it, &[0xee; 64]));
    blocking::send(&mut good, &status()).unwrap();
    assert!(matches!(blocking::receive(&mut good).unwrap(), Response::Status(_)));
}

#[test]
fn hundreds_of_idle_connections_and_readers_that_never_read_hold_nobody_up() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let idle: Vec<_> = (0..400).map(|_| connect(&it)).collect();
    // Asks and asks and never reads.
    let mut deaf = connect(&it);
    deaf.set_nonblocking(true).unwrap();
    let get = frame::encode(&Request::Get { profile: None, min_ttl_s: None, timeout_ms: 0 }).unwrap();
    for _ in 0..20_000 {
        if deaf.write_all(&get).is_err() {
            break;
        }
    }
    it.token();
    drop(idle);
}

#[test]
fn more_connections_than_fit_are_told_so_and_the_rest_works_on() {
    let home = e2e::Home::new();
    // Few descriptors, so that they run out soon.
    let daemon = {
        let program = home.weka_tokend(&[]);
        let mut command = home.command("/bin/sh");
        command.args(["-c", "ulimit -n 128; exec \"$0\""]).arg(program.get_program());
        e2e::Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"))
    };
    let crowd: Vec<_> = (0..300).filter_map(|_| UnixStream::connect(home.socket()).ok()).collect();
    assert!(crowd.len() > 64);
    let full = home.run(&["status", "--json"]);
    assert!([1, 4].contains(&full.status), "{full:?}");
    drop(crowd);
    until("served again", || (home.run(&["status"]).status == 4).then_some(()));
    assert_eq!(daemon.profile().name, "default");
}

#[test]
fn random_bytes_by_the_thousand_leave_the_daemon_as_it_was() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    let whole = frame::encode(&status()).unwrap();
    // A small generator of its own, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    for _ in 0..1000 {
        let mut bytes = whole.to_vec();
        for _ in 0..1 + random() % 4 {
            let place = usize::from(random()) % bytes.len();
            bytes[place] = random();
        }
        bytes.truncate(usize::from(random()));
        let mut stream = connect(&it);
        drop(stream.write_all(&bytes));
        drop(stream.shutdown(std::net::Shutdown::Write));
        drop(stream.read_to_end(&mut Vec::new()));
    }
    assert_eq!(it.token(), token);
    assert!(!it.daemon.log().contains("panicked"), "{}", it.daemon.log());
}

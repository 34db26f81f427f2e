//! A sink's task on its own: readers at full speed, work that hangs, tools that write.

use super::*;
use crate::clock;
use crate::config::{SinkContent, SinkSession};
use crate::dirs::Environment;
use engine::Lease;
use secret::{AccessToken, RefreshToken};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

/// A sink in a folder of its own, and what its task tells.
struct Bench {
    folder: tempfile::TempDir,
    sink: Sink,
    news: mpsc::Receiver<News>,
    known: Known,
}

impl Bench {
    fn new(content: SinkContent) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sink");
        let config = SinkConfig { path, mode: 0o640, group: None, content, session: SinkSession::Shared };
        let (reports, news) = mpsc::channel(64);
        let dirs = Dirs::new(&Environment::default(), None, None);
        let sink = Sink::spawn(config, &ProfileName::default(), &dirs, reports);
        Self { folder, sink, news, known: Known::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sink")
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path()).unwrap_or_default()
    }

    fn offer(&mut self, pair: Pair) {
        self.known.note(&crate::pair::tokens_of(&pair));
        self.sink.offer(Offer { pair, known: Arc::new(self.known.clone()), claims: false });
    }

    async fn attended(&self) -> Option<String> {
        timeout(LONG, self.sink.work().ended()).await.expect("it is attended to")
    }

    async fn told(&mut self) -> What {
        match timeout(LONG, self.news.recv()).await {
            Ok(Some(news)) => news.what,
            other => panic!("{other:?}"),
        }
    }
}

fn pair_for(number: usize, life: Duration) -> Pair {
    let lease = Lease { sent_at: clock::now(), life };
    let until = (lease.sent_at + life).as_millis();
    Pair {
        access_token: AccessToken::new(format!("access-token-{number:08}-{until}")),
        refresh_token: Some(RefreshToken::new(format!("refresh-token-{number:08}"))),
        token_type: "Bearer".into(),
        lease: Some(lease),
        in_file: false,
        in_store: false,
    }
}

fn pair(number: usize) -> Pair {
    pair_for(number, Duration::from_secs(300))
}

#[tokio::test]
async fn a_reader_at_full_speed_sees_a_thousand_tokens_whole_and_alive() {
    let mut bench = Bench::new(SinkContent::Header);
    bench.offer(pair(0));
    assert_eq!(bench.attended().await, None);
    let (path, over) = (bench.path(), Arc::new(AtomicBool::new(false)));
    let (looks, changes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let reader = {
        let (over, looks, changes) = (Arc::clone(&over), Arc::clone(&looks), Arc::clone(&changes));
        std::thread::spawn(move || {
            let mut last = String::new();
            while !over.load(Ordering::Relaxed) {
                let now = clock::now().as_millis();
                let text = fs::read_to_string(&path).unwrap();
                let until = text.strip_suffix('\n').and_then(|line| line.rsplit('-').next()).unwrap();
                assert!(text.starts_with("Authorization: Bearer access-token-"), "{text}");
                assert!(until.parse::<u64>().unwrap() > now, "{now}: {text}");
                assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
                looks.fetch_add(1, Ordering::Relaxed);
                changes.fetch_add(u64::from(last != text), Ordering::Relaxed);
                last = text;
            }
        })
    };
    let enough = || looks.load(Ordering::Relaxed) > 1000 && changes.load(Ordering::Relaxed) > 100;
    let mut number = 0;
    // The reader may have little of a busy machine.
    while number < 1000 || !(enough() || reader.is_finished()) {
        number += 1;
        bench.offer(pair_for(number, LONG));
        assert_eq!(bench.attended().await, None);
    }
    over.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    assert!(bench.read().contains(&format!("access-token-{number:08}-")));
}

#[tokio::test]
async fn a_token_that_dies_goes_unless_there_is_another() {
    let mut bench = Bench::new(SinkContent::Access);
    let offered = std::time::Instant::now();
    bench.offer(pair_for(1, Duration::from_millis(1500)));
    assert_eq!(bench.attended().await, None);
    assert!(bench.path().exists() || offered.elapsed() >= Duration::from_millis(1500));
    timeout(LONG, async {
        while bench.path().exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it goes");
    bench.offer(pair(2));
    bench.attended().await;
    assert!(bench.read().starts_with("access-token-00000002-"));
    // One that is dead on arrival is not written.
    bench.offer(pair_for(3, Duration::ZERO));
    bench.attended().await;
    assert!(!bench.path().exists());
}

#[tokio::test]
async fn work_that_hangs_is_told_and_what_is_wanted_last_is_what_comes_of_it() {
    let mut bench = Bench::new(SinkContent::Access);
    let (release, hung) = std::sync::mpsc::channel::<()>();
    bench.attended().await;
    let worker = bench.sink.worker.clone();
    let hangs = tokio::spawn(async move { worker.run(LONG, move || hung.recv().is_err()).await });
    tokio::task::yield_now().await;
    bench.offer(pair(1));
    let What::Problem(Some(problem)) = bench.told().await else { panic!("no problem") };
    let words = problem.to_string();
    assert!(words.contains("does not answer") || words.contains("has not answered"), "{words}");
    assert!(!problem.needs_person, "it is tried again");
    bench.offer(pair(2));
    drop(release);
    assert!(hangs.await.unwrap().unwrap());
    let What::Problem(None) = bench.told().await else { panic!("no end of the problem") };
    assert!(bench.read().starts_with("access-token-00000002-"));
}

#[tokio::test]
async fn a_tools_pair_is_told_and_left_alone_and_an_old_one_is_not() {
    let mut bench = Bench::new(SinkContent::Pair);
    bench.offer(pair(1));
    bench.attended().await;
    let first = bench.read();
    bench.offer(pair(2));
    bench.attended().await;
    let theirs = first.replace("00000001", "00000077");
    fs::write(bench.path(), &theirs).unwrap();
    let What::Found { pair: found, since_ours, .. } = bench.told().await else { panic!("not found") };
    assert!(found.access_token.expose().starts_with("access-token-00000077") && since_ours);
    // Ours in the meantime does not write over it.
    bench.offer(pair(3));
    bench.attended().await;
    assert_eq!(bench.read(), theirs);
    bench.known.note(&crate::pair::tokens_of(&found));
    bench.offer(pair(4));
    bench.attended().await;
    assert!(bench.read().contains("00000004"));
    fs::write(bench.path(), &first).unwrap();
    timeout(LONG, async {
        while !bench.read().contains("00000004") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("ours is put back");
}

#[tokio::test]
async fn a_withdrawn_one_goes_whoever_wrote_it_last() {
    let mut bench = Bench::new(SinkContent::Pair);
    bench.offer(pair(1));
    bench.attended().await;
    let theirs = bench.read().replace("00000001", "00000077");
    fs::write(bench.path(), theirs).unwrap();
    bench.sink.withdraw(Arc::new(bench.known.clone()));
    assert_eq!(bench.attended().await, None);
    assert!(!bench.path().exists());
}

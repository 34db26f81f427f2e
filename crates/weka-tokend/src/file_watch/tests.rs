//! Each way in which a file may come, change and go.

use super::*;
use std::io::Write;
use std::os::unix::fs::symlink;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

async fn watch(path: &Path) -> FileWatch {
    let mut watch = FileWatch::new(path).unwrap();
    seen(&mut watch).await;
    watch
}

/// Waits for the call for a look.
async fn seen(watch: &mut FileWatch) {
    timeout(LONG, watch.stirred()).await.expect("no look was called for");
}

/// Nothing calls for a look, apart from calls for what happened before.
async fn quiet(watch: &mut FileWatch) {
    while timeout(SHORT, watch.stirred()).await.is_ok() {}
    assert!(timeout(SHORT, watch.stirred()).await.is_err());
}

#[tokio::test]
async fn a_file_is_looked_at_when_it_is_closed_and_not_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.json");
    let mut watch = watch(&path).await;
    // As wekalib does: truncate, then write.
    for _ in 0..2 {
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"{\"access").unwrap();
        file.flush().unwrap();
        quiet(&mut watch).await;
        file.write_all(b"_token\":\"a\"}").unwrap();
        assert!(timeout(SHORT, watch.stirred()).await.is_err());
        drop(file);
        seen(&mut watch).await;
    }
}

#[tokio::test]
async fn renames_removals_links_and_modes_are_seen_and_neighbours_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut watch = watch(&at("token.json")).await;
    fs::write(at("new"), "x").unwrap();
    assert!(timeout(SHORT, watch.stirred()).await.is_err(), "a neighbour");
    fs::rename(at("new"), at("token.json")).unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(at("token.json"), readable).unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    fs::remove_file(at("token.json")).unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    fs::write(at("other"), "x").unwrap();
    fs::hard_link(at("other"), at("token.json")).unwrap();
    seen(&mut watch).await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_yet_is_waited_for() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("a/b/token.json");
    let mut watch = watch(&path).await;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "x").unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    fs::write(&path, "y").unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;

    // And once more after all of it has gone.
    fs::remove_dir_all(base.path().join("a")).unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "z").unwrap();
    seen(&mut watch).await;
}

#[tokio::test]
async fn the_target_of_a_link_is_followed_and_followed_anew() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    for name in ["home", "first", "second"] {
        fs::create_dir(at(name)).unwrap();
    }
    for name in ["first/t", "second/t"] {
        fs::write(at(name), "x").unwrap();
    }
    symlink("first", at("current")).unwrap();
    symlink("../current/t", at("home/t")).unwrap();
    let mut watch = watch(&at("home/t")).await;
    fs::write(at("first/t"), "y").unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;

    // As Kubernetes does: another folder takes its place at once.
    symlink("second", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    seen(&mut watch).await;
    quiet(&mut watch).await;
    fs::write(at("first/t"), "z").unwrap();
    assert!(timeout(SHORT, watch.stirred()).await.is_err(), "the old folder");
    fs::write(at("second/t"), "z").unwrap();
    seen(&mut watch).await;
}

#[tokio::test]
async fn a_storm_of_writes_is_one_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.json");
    fs::write(&path, "x").unwrap();
    let mut watch = watch(&path).await;
    for _ in 0..500 {
        fs::write(&path, "y").unwrap();
    }
    let mut looks = 0;
    while timeout(2 * PAUSE, watch.stirred()).await.is_ok() {
        looks += 1;
    }
    assert!((1..=3).contains(&looks), "{looks} looks");
}

#[test]
fn the_places_of_a_path() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().canonicalize().unwrap();
    fs::create_dir(root.join("real")).unwrap();
    symlink(root.join("real"), root.join("link")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let places = |path: &str| {
        let places = places_of(&root.join(path));
        places
            .into_iter()
            .map(|place| {
                let folder = place.folder.strip_prefix(&root).unwrap().join(place.name);
                (folder.to_str().unwrap().to_owned(), place.is_last)
            })
            .collect::<Vec<_>>()
    };
    let named = |name: &str, is_last| (name.to_owned(), is_last);
    assert_eq!(places("real/./t"), [named("real/t", true)]);
    assert_eq!(places("real/../t"), [named("t", true)]);
    assert_eq!(places("none/below/t"), [named("none", false)]);
    assert_eq!(places("link/t"), [named("link", false), named("real/t", true)]);
    assert_eq!(places("loop").len(), MAX_LINKS + 1);
}

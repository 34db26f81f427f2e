//! `cargo xtask bench`: the figures are anybody's, that there are some is tested.

use crate::json;
use e2e::home::finish;
use e2e::{Home, Ran, binaries};
use serde_json::Value;

/// A quick run with the tree's own programs.
fn bench(arguments: &[&str]) -> Ran {
    let home = Home::new();
    let mut command = home.command(binaries::path("xtask"));
    command.args(["bench", "--quick", "--binaries"]).arg(binaries::folder()).args(arguments);
    finish(&mut command, "")
}

#[test]
fn a_bench_says_what_it_saw_and_a_missed_goal_is_no_failure() {
    let ran = bench(&["--json", "--only", "start", "--only", "crowd", "--only", "crash"]).ok();
    let said = json(&ran);
    assert!(said["machine"].as_str().unwrap().contains("Linux"), "{said}");
    let rows = said["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    assert_eq!(names, ["crowd", "start", "crash"], "in the table's order");
    // This one is right or wrong on any machine.
    assert_eq!(rows[0]["met"], true, "{said}");
    let took = rows[1]["seen"][0]["median"].as_f64().unwrap();
    assert!(took > 0.0 && rows[1]["met"].is_boolean(), "{said}");
    assert_eq!(rows[2]["met"], Value::Null, "a test's, not a figure");
}

#[test]
fn a_bench_is_a_table_for_people() {
    let ran = bench(&["--only", "crash"]).ok();
    let mut lines = ran.lines().skip(2);
    assert!(lines.next().unwrap().starts_with("what "), "{ran}");
    assert!(lines.any(|line| line.starts_with("kill -9 of the daemon") && line.contains("tested")), "{ran}");
}

#[test]
fn a_bench_without_programs_names_what_is_missing() {
    let home = Home::new();
    let mut command = home.command(binaries::path("xtask"));
    command.args(["bench", "--binaries", "/nowhere"]);
    let words = finish(&mut command, "").refused(1);
    assert!(words.contains("/nowhere/weka-token: No such file"), "{words}");
}

//! `weka-token get` as a whole process, from its start to its end, against the least that a process could do and
//! against other ways to have a secret at hand.

use crate::bench::Bench;
use crate::bench::peers::{GitCache, SshAgent};
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::{Samples, ratios};
use crate::bench::spawn::{Contender, floor, installed, race};
use crate::bench::subject::Subject;
use crate::problem::Problem;

/// So many times the floor.
const GOAL: f64 = 1.10;
const OURS: &str = "weka-token get";
const FLOOR: &str = "floor (static C)";

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    let subject = Subject::logged_in(bench, &[])?;
    // A file with a token, for those that read one.
    subject.log_in(bench, &["--token-file"])?;
    let home = &subject.home;
    let (git, ssh) = (GitCache::start(home)?, SshAgent::start(home)?);
    let mut notes = Vec::new();

    let mut ours = home.command(bench.client());
    ours.arg("get");
    let mut contenders = vec![Contender::new(OURS, ours)];
    let floor = floor(home)?;
    match &floor {
        Some(program) => {
            let mut command = home.command(program);
            command.arg(home.socket());
            contenders.push(Contender::new(FLOOR, command));
        }
        None => notes.push("no floor: there is no C compiler (cc)".to_owned()),
    }
    let file = home.token_file();
    for (name, program, arguments) in [
        ("/bin/true", "true", &[][..]),
        ("cat FILE", "cat", &[]),
        ("jq on FILE", "jq", &["-r", ".access_token"]),
    ] {
        let Some(program) = installed(program) else {
            notes.push(format!("not installed: {program}"));
            continue;
        };
        let mut command = home.command(program);
        command.args(arguments);
        if name.ends_with("FILE") {
            command.arg(&file);
        }
        contenders.push(Contender::new(name, command));
    }
    match &git {
        Some(git) => contenders.push(git.client(home)),
        None => notes.push("not installed: git credential-cache".to_owned()),
    }
    match &ssh {
        Some(ssh) => contenders.push(ssh.client(home)),
        None => notes.push("not installed: ssh-agent".to_owned()),
    }
    agree(&mut contenders)?;
    race(bench, &mut contenders, bench.rounds(1000, 100))?;
    Ok(judge(&contenders, notes))
}

/// The floor is one only if it does what is asked for.
fn agree(contenders: &mut [Contender]) -> Result<(), Problem> {
    let mut tokens = Vec::new();
    for contender in contenders.iter_mut().filter(|contender| [OURS, FLOOR].contains(&contender.name)) {
        tokens.push(contender.output()?);
    }
    let same = tokens.windows(2).all(|pair| pair.first() == pair.last());
    if same { Ok(()) } else { Err(Problem::new("the floor prints something other than weka-token get")) }
}

fn judge(contenders: &[Contender], notes: Vec<String>) -> Row {
    let readings =
        |name| contenders.iter().find(|contender| contender.name == name).map(|it| &it.readings[..]);
    let ours = readings(OURS).unwrap_or_default();
    let floor = readings(FLOOR);
    let middle = |readings: &[f64]| Samples::new(readings.to_vec()).median();
    let mut seen = Vec::new();
    let mut verdict = Verdict::Open;
    if let Some(floor) = floor {
        // What tells is the whole run; single rounds show how sure it is.
        let ratio = middle(ours) / middle(floor);
        let spread = crate::bench::samples::Spread { median: ratio, ..ratios(ours, floor).spread() };
        seen.push(Figure::new("", Unit::Times, spread));
        verdict = Verdict::of(ratio <= GOAL);
    }
    seen.push(Figure::of("", Unit::Milliseconds, &Samples::new(ours.to_vec())));
    let mut peers: Vec<_> = contenders.iter().filter(|contender| contender.name != OURS).collect();
    peers.sort_by(|one, other| middle(&one.readings).total_cmp(&middle(&other.readings)));
    let figure = |contender: &&Contender| {
        let figure =
            Figure::of(contender.name, Unit::Milliseconds, &Samples::new(contender.readings.clone()));
        match floor {
            Some(floor) => figure.against(middle(&contender.readings) / middle(floor)),
            None => figure,
        }
    };
    let peers = peers.iter().map(figure).collect();
    let goal = "at most 1.10 x the floor: a static C program that connects, writes, reads, prints";
    Row { what: "weka-token get, whole process", goal, seen, peers, notes, verdict }
}

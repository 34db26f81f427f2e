//! A panic gives the terminal back, whichever thread it happens in.
#![forbid(unsafe_code)]

use e2e::Terminal;
use std::process::Command;
use weka_token_ui::screen::Screen;

/// Says to this program, when it is run by the test, what to do on the terminal that it has.
const ROLE: &str = "SCREEN_TEST_ROLE";

#[test]
fn a_panic_gives_the_terminal_back() {
    if let Some(role) = std::env::var_os(ROLE) {
        let _screen = Screen::take().unwrap();
        if role == "thread" {
            drop(std::thread::spawn(|| panic!("the one that is looked for")).join());
            return;
        }
        panic!("the one that is looked for");
    }
    for role in ["main", "thread"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["a_panic_gives_the_terminal_back", "--exact", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role);
        let mut terminal = Terminal::run(&command);
        terminal.expect("\x1b[?1049h");
        // Given back first, so that the message can be read.
        terminal.expect("\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h");
        terminal.expect("the one that is looked for");
        assert!(terminal.echoes(), "{role}");
        let (status, _) = terminal.finish();
        assert_eq!(status, 101, "{role}");
    }
}

//! Where figures were taken, and what else went on there: they mean little without it.

use std::fs;

/// Processors, kernel and load, in one line. Below one program per processor, the machine was quiet enough.
pub(crate) fn in_words() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    words(&processors, count, kernel.trim(), &load)
}

fn words(processors: &str, count: usize, kernel: &str, load: &str) -> String {
    let model = |line: &str| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    };
    let model = processors.lines().find_map(model);
    let model = model.unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH));
    // The average of five minutes: that of one is mostly this program's own.
    let load = load.split_whitespace().nth(1).unwrap_or("unknown");
    format!("{count} x {model}, Linux {kernel}, load {load}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_and_kernel_are_named() {
        let info = "processor\t: 0\nmodel\t\t: 167\nmodel name\t: Some(R) CPU\n\nprocessor\t: 1\n";
        let words_of = words(info, 2, "6.18.44", "0.50 0.25 0.11 1/99 7\n");
        assert_eq!(words_of, "2 x Some(R) CPU, Linux 6.18.44, load 0.25");
        assert!(words("", 1, "5.4", "").ends_with(" processor, Linux 5.4, load unknown"));
    }
}

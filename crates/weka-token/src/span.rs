//! Spans of time for people: `4m12s`, `2h03m`, `3d04h`.

/// The two largest units of a number of seconds.
#[must_use]
pub fn short(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m00s"), (252, "4m12s"), (7380, "2h03m"), (273_600, "3d04h")]
        {
            assert_eq!(short(seconds), text);
        }
        assert_eq!(short(u64::MAX), "213503982334601d07h");
    }
}

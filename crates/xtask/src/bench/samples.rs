//! Many readings of one thing, and what they come to.

/// Readings in order of size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

/// A middle, and how far the readings are from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// A tenth is below.
    pub(crate) low: f64,
    /// A tenth is above.
    pub(crate) high: f64,
}

impl Spread {
    /// Something that was read once, or is the same each time.
    pub(crate) const fn exactly(value: f64) -> Self {
        Self { median: value, low: value, high: value }
    }
}

impl Samples {
    pub(crate) fn new(mut readings: Vec<f64>) -> Self {
        readings.sort_by(f64::total_cmp);
        Self(readings)
    }

    /// The smallest reading that this share of all readings (0 to 1) does not exceed; nothing without readings.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "far fewer readings than 2^52, and a share is not negative"
        )]
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let at = rank.max(1).min(self.0.len());
        self.0.get(at.wrapping_sub(1)).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn most(&self) -> f64 {
        self.quantile(1.0)
    }

    pub(crate) fn spread(&self) -> Spread {
        Spread { median: self.median(), low: self.quantile(0.1), high: self.quantile(0.9) }
    }
}

/// One reading against the other of the same round, round by round: what disturbs a round disturbs both.
pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Samples {
    Samples::new(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}

/// A quantile of each of some ten runs of readings that follow each other, so that it has a spread.
pub(crate) fn quantile_by_run(readings: &[f64], share: f64) -> Samples {
    let run = readings.len().div_ceil(10).max(1);
    Samples::new(readings.chunks(run).map(|run| Samples::new(run.to_vec()).quantile(share)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_readings_by_nearest_rank() {
        let samples = Samples::new((1..=100).rev().map(f64::from).collect());
        for (share, expected) in
            [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
        {
            assert_eq!(samples.quantile(share).to_bits(), f64::to_bits(expected), "{share}");
        }
        assert_eq!(samples.spread(), Spread { median: 50.0, low: 10.0, high: 90.0 });
    }

    #[test]
    fn one_reading_is_every_quantile_and_none_is_nothing() {
        assert_eq!(Samples::new(vec![7.0]).spread(), Spread::exactly(7.0));
        assert_eq!(Samples::new(Vec::new()).spread(), Spread::exactly(0.0));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratios = ratios(&[2.0, 30.0, 4.0], &[1.0, 10.0, 4.0]);
        assert_eq!(ratios, Samples::new(vec![1.0, 2.0, 3.0]));
    }

    #[test]
    fn a_quantile_by_run_leaves_one_bad_moment_in_its_own_run() {
        let mut readings = vec![1.0; 100];
        readings.splice(10..20, [9.0; 10]);
        let p99 = quantile_by_run(&readings, 0.99);
        assert_eq!(p99.spread(), Spread { median: 1.0, low: 1.0, high: 1.0 });
        assert_eq!(p99.most().to_bits(), 9.0_f64.to_bits());
        assert_eq!(quantile_by_run(&[3.0], 0.5).median().to_bits(), 3.0_f64.to_bits());
    }
}

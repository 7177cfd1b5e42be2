//! From values to colours: viridis, on a linear or a logarithmic scale.

use super::axis::Axis;
use super::scene::{Colour, WHITE};

/// The colour of a share of the colour bar, from 0 (dark violet) to 1 (yellow): viridis, which is perceptually uniform.
pub fn viridis(share: f64) -> Colour {
    let c = colorous::VIRIDIS.eval_continuous(share);
    (c.r, c.g, c.b)
}

/// The colour of a value on the axis of a colour bar; the paper's for what has no place there.
pub fn colour(axis: &Axis, v: f64) -> Colour {
    if axis.scale.shows(v) { viridis(axis.share(v).clamp(0.0, 1.0)) } else { WHITE }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Scale;
    use super::*;

    #[test]
    fn colours_are_those_of_viridis() {
        // Of matplotlib's 256 colours, neighbours of which are up to three apart.
        let right = [
            (0.0, (0.267004, 0.004874, 0.329415)),
            (0.25, (0.229739, 0.322361, 0.545706)),
            (0.5, (0.127568, 0.566949, 0.550556)),
            (0.75, (0.369214, 0.788888, 0.382914)),
            (1.0, (0.993248, 0.906157, 0.143936)),
        ];
        for (share, (r, g, b)) in right {
            let c = viridis(share);
            for (got, wanted) in [(c.0, r), (c.1, g), (c.2, b)] {
                assert!((f64::from(got) - 255.0 * wanted).abs() <= 3.0, "{share}: {c:?}");
            }
        }
    }

    #[test]
    fn what_has_no_place_is_blank() {
        let log = Axis::new(Scale::Log, (1.0, 100.0), "");
        assert_eq!(colour(&log, 10.0), viridis(0.5));
        for v in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(colour(&log, v), WHITE);
        }
        let linear = Axis::new(Scale::Linear, (0.0, 2.0), "");
        assert_eq!(colour(&linear, 0.0), viridis(0.0));
        assert_eq!(colour(&linear, f64::NAN), WHITE);
    }
}

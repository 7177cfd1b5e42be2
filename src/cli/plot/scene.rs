//! What a picture consists of, in pixels from its upper left corner, before it is a file of any kind.

/// Red, green, blue.
pub type Colour = (u8, u8, u8);

/// The colour of text and frames.
pub const BLACK: Colour = (0, 0, 0);
/// The paper.
pub const WHITE: Colour = (255, 255, 255);

/// The first colour of matplotlib's cycle, in which lines are drawn.
pub const BLUE: Colour = (31, 119, 180);

/// Which point of a line of text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A line of text.
#[derive(Clone, Debug)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// The place of its anchor on the baseline.
    pub at: (f64, f64),
    /// Pixels of an em.
    pub size: f64,
    /// What stands at its place.
    pub anchor: Anchor,
    /// Whether it is read upwards.
    pub upwards: bool,
}

/// One thing that is drawn.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A filled rectangle between two corners; at least a pixel is drawn.
    Rect {
        /// Its upper left corner.
        from: (f64, f64),
        /// Its lower right corner.
        to: (f64, f64),
        /// What it is filled with.
        colour: Colour,
    },
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f64, f64)>,
        /// How thick it is.
        width: f64,
        /// Its colour.
        colour: Colour,
    },
    /// Pixels, one to one.
    Image {
        /// The upper left corner.
        at: (u32, u32),
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Three bytes for each pixel, row by row from above.
        rgb: Vec<u8>,
    },
    /// Text.
    Text(Text),
}

/// A picture: what is drawn later lies above.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// What is on it.
    pub shapes: Vec<Shape>,
}

/// What a panel became.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What is on it.
    pub shapes: Vec<Shape>,
    /// How much of its height is used.
    pub height: u32,
}

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// How wide it is.
    pub width: u32,
    /// How high it is.
    pub height: u32,
}

impl Area {
    /// The x of a share of its width, from the left.
    pub fn right_by(&self, share: f64) -> f64 {
        f64::from(self.x) + share * f64::from(self.width)
    }

    /// The y of a share of its height, from below.
    pub fn up_by(&self, share: f64) -> f64 {
        f64::from(self.y) + (1.0 - share) * f64::from(self.height)
    }

    /// The x of its right edge.
    pub fn right(&self) -> f64 {
        self.right_by(1.0)
    }

    /// The y of its lower edge.
    pub fn bottom(&self) -> f64 {
        self.up_by(0.0)
    }
}

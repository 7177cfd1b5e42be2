//! The arguments of `chunkwise snap`.

use crate::cli::options::Run;
use clap::ValueEnum;
use std::path::PathBuf;

/// An axis of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Along {
    // Texts here would be shown, and make the whole help twice as long.
    X,
    Y,
    Z,
}

/// Which way a profile is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    // As for `Along`.
    Up,
    Down,
}

/// `chunkwise snap`
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Snap {
    /// The snapshot: a file (its other parts are found), a pattern or a list of files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// What the questions are about: sphere(…), region(…), disk(…), ellipsoid(…), cut("…")
    #[arg(long = "in", value_name = "OBJECT", default_value = "all")]
    pub object: String,
    /// Gas is in it where its kernels touch it, as in yt, and not only where its centres are
    #[arg(long)]
    pub overlap: bool,
    /// The centre of radii and angular momenta [default: that of the object]
    #[arg(long, value_name = "POINT")]
    pub center: Option<String>,
    /// A field of one's own, of fields in cgs; later questions can use NAME; it is shown in UNIT
    #[arg(long = "field", value_name = "NAME[UNIT]=EXPR")]
    pub own_fields: Vec<String>,
    /// List the fields that are made of those of the files too, with their units and definitions
    #[arg(long)]
    pub fields: bool,

    /// The mass of each kind
    #[arg(long)]
    pub mass: bool,
    /// How many there are
    #[arg(long, value_name = "KIND")]
    pub count: Vec<String>,
    /// The sum of a field
    #[arg(long, value_name = "FIELD")]
    pub total: Vec<String>,
    /// Its mean, with weights
    #[arg(long, value_name = "FIELD[,WEIGHT]")]
    pub mean: Vec<String>,
    /// Its standard deviation and mean, with weights
    #[arg(long, value_name = "FIELD[,WEIGHT]")]
    pub std: Vec<String>,
    /// Its median, with weights
    #[arg(long, value_name = "FIELD[,WEIGHT]")]
    pub median: Vec<String>,
    /// The values below which these shares of it lie, from 0 to 1, with weights
    #[arg(long, value_name = "FIELD,Q[,Q][,WEIGHT]")]
    pub quantile: Vec<String>,
    /// Its least and greatest value
    #[arg(long, value_name = "FIELD")]
    pub extrema: Vec<String>,
    /// Its greatest value, where that is, and other fields there
    #[arg(long, value_name = "FIELD[,FIELD]")]
    pub max: Vec<String>,
    /// Its least value, where that is, and other fields there
    #[arg(long, value_name = "FIELD[,FIELD]")]
    pub min: Vec<String>,
    /// The centre of mass
    #[arg(long, value_name = "KIND")]
    pub center_of_mass: Vec<String>,
    /// The mean velocity by mass
    #[arg(long, value_name = "KIND")]
    pub bulk_velocity: Vec<String>,
    /// The specific angular momentum about the centre
    #[arg(long, value_name = "KIND")]
    pub angular_momentum: Vec<String>,
    /// The dimensionless spin, as yt defines it
    #[arg(long, value_name = "KIND")]
    pub spin: Vec<String>,

    /// The sum of a field in bins of another one; its mean, with weights
    #[arg(long, value_name = "BINS,FIELD[,WEIGHT]")]
    pub profile: Vec<String>,
    /// The same in bins of two fields
    #[arg(long, value_name = "X,Y,FIELD[,WEIGHT]")]
    pub phase: Vec<String>,
    /// How many bins, along each axis [default: 64 of a profile, 256 of a phase plot]
    #[arg(long, value_name = "N[,N]")]
    pub bins: Option<String>,
    /// Where the bins begin and end, in the unit of each axis [default: all values]
    #[arg(long, value_name = "LOW:HIGH[,LOW:HIGH]", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// Bins of equal width, not of equal ratio
    #[arg(long)]
    pub linear: bool,
    /// Sum profiles up along their axis
    #[arg(long, value_enum, value_name = "up|down", hide_possible_values = true)]
    pub accumulate: Option<Way>,
    /// Each bin as a share of all
    #[arg(long)]
    pub fractional: bool,
    /// Standard deviations beside means
    #[arg(long)]
    pub spread: bool,
    /// Medians in the bins of profiles, not sums
    #[arg(long)]
    pub medians: bool,

    /// Save fields of all that is selected in --output, a column each; of another kind by another --save
    #[arg(long, value_name = "FIELD[,FIELD]", requires = "output")]
    pub save: Vec<String>,

    /// The integral of a field of gas or cells along the line of sight, or its mean with weights
    #[arg(long, value_name = "FIELD[,WEIGHT]")]
    pub project: Vec<String>,
    /// A field of gas or cells in a plane
    #[arg(long, value_name = "FIELD")]
    pub slice: Vec<String>,
    /// The sum of a field of particles in each pixel; of a kind their number; per area as [Msun/kpc**2]
    #[arg(long, value_name = "FIELD|KIND")]
    pub deposit: Vec<String>,
    /// Deposit clouds as large as a pixel
    #[arg(long, requires = "deposit")]
    pub cic: bool,
    /// Divide deposits by the area of a pixel
    #[arg(long, requires = "deposit")]
    pub per_area: bool,
    /// Do not divide slices by the sum of kernels
    #[arg(long, requires = "slice")]
    pub unnormalised: bool,
    /// Along which axis images are seen
    #[arg(long, value_enum, value_name = "x|y|z", default_value = "z", hide_possible_values = true)]
    pub axis: Along,
    /// See images from where a vector points, not along an axis
    #[arg(long, value_name = "X,Y,Z", conflicts_with = "axis", allow_hyphen_values = true)]
    pub normal: Option<String>,
    /// What is upwards in them
    #[arg(long, value_name = "X,Y,Z", requires = "normal", allow_hyphen_values = true)]
    pub north: Option<String>,
    /// The width of images, and their height [default: all of the object, or of the box]
    #[arg(long, value_name = "LENGTH[,LENGTH]")]
    pub width: Option<String>,
    /// Only what is at most half of this before or behind the centre
    #[arg(long, value_name = "LENGTH")]
    pub depth: Option<String>,
    /// Pixels of images
    #[arg(long, value_name = "N[,N]", default_value = "512")]
    pub pixels: String,

    /// The format, if it is not recognised: gadget, swift, phantom, openpmd, enzo
    #[arg(long, value_name = "NAME")]
    pub frontend: Option<String>,
    /// cm, g and cm/s of the code's units, in place of what the files say
    #[arg(long, value_name = "CM,G,CM/S")]
    pub units: Option<String>,
    /// Take these files alone, though the snapshot has more
    #[arg(long)]
    pub partial: bool,
    /// Allow data from other files: SWIFT's virtual files
    #[arg(long)]
    pub allow_external: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Store profiles, images and what --save says in an HDF5 file; one table also in a .csv file
    #[arg(long, value_name = "FILE.h5|csv")]
    pub output: Option<PathBuf>,
    /// Draw profiles and images in a file
    #[arg(long, value_name = "FILE.png|svg")]
    pub plot: Option<PathBuf>,
    /// Draw heights and colours on a logarithmic scale
    #[arg(long, requires = "plot")]
    pub plot_log: bool,
    /// Replace the files of --output and --plot
    #[arg(long)]
    pub overwrite: bool,
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
}

const HELP: &str = "\
Without a question it lists types and fields, with their units and where these come from.
Fields are KIND.FIELD [UNIT], as gas.density, 'dm.mass [Msun]', 'stars.Masses [code]'; cgs without a unit.
Lengths and points are code lengths, or have a unit: 5 Mpc, [25, 25, 25] Mpccm/h, c, max(\"gas.density\").
Numbers in expressions have units too: cut(\"radius < 300 [kpc]\"), --field 'twice[Msun]=mass + mass'.

The radius about a point that holds half of the mass: --center POINT --quantile radius,0.5,mass

yt's weighted_average_quantity is --mean, weighted_standard_deviation --std, max_location and
sample_at_max_field_values --max, min_location --min, total_quantity --total, all_data --in all,
save_as_dataset and to_dataframe --save, ParticleProjectionPlot --deposit, cut_region --in 'cut(…)'.

Examples:
  chunkwise snap snap_003.hdf5
  chunkwise snap snap_003.hdf5 --fields
  chunkwise snap snap_003.hdf5 --mass --center-of-mass gas
  chunkwise snap snap_003.hdf5 --in 'sphere(max(\"gas.density\"), 5 Mpc)' --total 'gas.mass [Msun]'
  chunkwise snap snap_003.hdf5 --median temperature --quantile temperature,0.16,0.84,mass
  chunkwise snap snap_003.hdf5 --in 'sphere(c, 5 Mpc)' --save gas.position,mass,id --output gas.h5
  chunkwise snap snap_003.hdf5 --phase density,temperature,mass --plot phase.png --plot-log
  chunkwise snap snap_003.hdf5 --project gas.density --axis x --plot image.png --output image.h5";

//! What the options ask for.

use super::args::{Along, Snap, Way};
use crate::cli::Failure;
use chunkwise::Result as Computed;
use chunkwise::snapshot::{Accumulate, Data, Deposit, Picture, Profile, ProfileBins, Quantity, Window};

/// Questions, in the order of the options.
pub struct Asked {
    /// Numbers.
    pub quantities: Vec<Quantity>,
    /// Profiles and phase plots, with what they are called.
    pub profiles: Vec<(String, Profile)>,
    /// Images.
    pub images: Vec<Picture>,
    /// Tables that are saved: the fields of each.
    pub tables: Vec<Vec<String>>,
    mass: bool,
}

/// The parts of a list with commas.
fn split(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).collect()
}

/// `FIELD[,WEIGHT]`.
fn field_and_weight(option: &str, text: &str) -> Result<(String, Option<String>), Failure> {
    match split(text)[..] {
        [field] => Ok((field.to_string(), None)),
        [field, weight] => Ok((field.to_string(), Some(weight.to_string()))),
        _ => Err(Failure::Usage(format!("{option} {text}: a field, and one for weights"))),
    }
}

/// `FIELD,Q[,Q][,WEIGHT]`.
fn quantiles(text: &str) -> Result<Quantity, Failure> {
    let usage = |what: &str| {
        let hint = "as in temperature,0.5 or 'dm.radius [kpc],0.16,0.5,0.84,mass'";
        Failure::Usage(format!("--quantile {text}: {what}\nhint: {hint}"))
    };
    let parts = split(text);
    let (field, rest) = (parts[0].to_string(), &parts[1..]);
    let shares: Vec<f64> = rest.iter().map_while(|q| q.parse().ok()).collect();
    let weight = match &rest[shares.len()..] {
        [] => None,
        [weight] => Some((*weight).to_string()),
        _ => return Err(usage("a field, shares of it, and a field for weights")),
    };
    if shares.is_empty() {
        return Err(usage("a share is missing"));
    }
    if let Some(q) = shares.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(usage(&format!("a share is between 0 and 1, and {q} is not")));
    }
    Ok(Quantity::Quantiles(field, shares, weight))
}

impl Asked {
    /// Reads the options.
    ///
    /// # Errors
    /// `Usage` for what cannot be read.
    pub fn read(args: &Snap) -> Result<Asked, Failure> {
        let mut quantities = Vec::new();
        let one =
            |of: fn(String) -> Quantity, texts: &[String]| texts.iter().cloned().map(of).collect::<Vec<_>>();
        quantities.extend(one(Quantity::Count, &args.count));
        quantities.extend(one(Quantity::Total, &args.total));
        type Of = fn(String, Option<String>) -> Quantity;
        let weighted: [(&str, &[String], Of); 3] = [
            ("--mean", &args.mean, Quantity::Mean),
            ("--std", &args.std, Quantity::Std),
            ("--median", &args.median, Quantity::Median),
        ];
        for (option, texts, of) in weighted {
            for text in texts {
                let (field, weight) = field_and_weight(option, text)?;
                quantities.push(of(field, weight));
            }
        }
        for text in &args.quantile {
            quantities.push(quantiles(text)?);
        }
        quantities.extend(one(Quantity::Extrema, &args.extrema));
        let at = |text: &String| {
            let parts = split(text);
            (parts[0].to_string(), parts[1..].iter().map(|p| (*p).to_string()).collect())
        };
        quantities.extend(args.max.iter().map(at).map(|(field, others)| Quantity::MaxAt(field, others)));
        quantities.extend(args.min.iter().map(at).map(|(field, others)| Quantity::MinAt(field, others)));
        quantities.extend(one(Quantity::CenterOfMass, &args.center_of_mass));
        quantities.extend(one(Quantity::BulkVelocity, &args.bulk_velocity));
        quantities.extend(one(Quantity::AngularMomentum, &args.angular_momentum));
        quantities.extend(one(Quantity::Spin, &args.spin));
        let mut profiles = Vec::new();
        for text in &args.profile {
            profiles.push((text.clone(), profile(args, "--profile", text, 1)?));
        }
        for text in &args.phase {
            profiles.push((text.clone(), profile(args, "--phase", text, 2)?));
        }
        let tables = args.save.iter().map(|t| split(t).into_iter().map(str::to_string).collect()).collect();
        Ok(Asked { quantities, profiles, images: images(args)?, tables, mass: args.mass })
    }

    /// Whether nothing is asked.
    pub fn is_nothing(&self) -> bool {
        let lists = [self.quantities.len(), self.profiles.len(), self.images.len(), self.tables.len()];
        !self.mass && lists.iter().all(|n| *n == 0)
    }
}

fn images(args: &Snap) -> Result<Vec<Picture>, Failure> {
    let mut images = Vec::new();
    for text in &args.project {
        let (field, weight) = field_and_weight("--project", text)?;
        images.push(Picture::Projection { field, weight });
    }
    let normalised = !args.unnormalised;
    images.extend(args.slice.iter().map(|field| Picture::Slice { field: field.clone(), normalised }));
    for text in &args.deposit {
        let name = text.split('[').next().unwrap_or(text);
        let how = match (args.cic, name.contains('.')) {
            (true, true) => Deposit::Cic,
            (false, true) => Deposit::Sum,
            (false, false) => Deposit::Count,
            (true, false) => {
                return Err(Failure::Usage(format!(
                    "--deposit {text}: clouds have a field, as in {}.mass",
                    name.trim()
                )));
            }
        };
        images.push(Picture::Deposit { field: text.clone(), how, density: args.per_area });
    }
    Ok(images)
}

fn profile(args: &Snap, option: &str, text: &str, axes: usize) -> Result<Profile, Failure> {
    let parts = split(text);
    if parts.len() < axes || parts.len() > axes + 2 || parts.iter().any(|p| p.is_empty()) {
        let what = if axes == 1 { "BINS,FIELD[,WEIGHT]" } else { "X,Y,FIELD[,WEIGHT]" };
        return Err(Failure::Usage(format!("{option} {text}: write {what}")));
    }
    let bins: Vec<u64> = match &args.bins {
        Some(text) => numbers("--bins", text)?,
        None => vec![if axes == 1 { 64 } else { 256 }],
    };
    let ranges = args.range.as_deref().map_or(Ok(Vec::new()), ranges)?;
    let bins = |d: usize| {
        let (low, high) = ranges.get(d).copied().unwrap_or((None, None));
        let bins = bins.get(d).or(bins.last()).copied().unwrap_or(64);
        ProfileBins::Even { bins, low, high, log: !args.linear }
    };
    let mut profile = Profile::over(parts[0], bins(0));
    if axes == 2 {
        profile = profile.and(parts[1], bins(1));
    }
    if let Some(field) = parts.get(axes) {
        profile = profile.of(field);
    }
    if let Some(weight) = parts.get(axes + 1) {
        profile = profile.weighted_by(weight);
    }
    if args.spread {
        profile = profile.with_std();
    }
    if args.medians {
        profile = profile.with_medians();
    }
    if args.fractional {
        profile = profile.fractional();
    }
    if let Some(way) = args.accumulate {
        profile = profile.accumulated(0, if way == Way::Up { Accumulate::Up } else { Accumulate::Down });
    }
    Ok(profile)
}

/// Where bins begin and end, as far as that is said.
type Ends = (Option<f64>, Option<f64>);

/// `LOW:HIGH` of each axis, either of which may be left out.
fn ranges(text: &str) -> Result<Vec<Ends>, Failure> {
    let usage = || Failure::Usage(format!("--range {text}: write LOW:HIGH, with a comma between axes"));
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| usage()),
    };
    let range = |text: &&str| {
        let (low, high) = text.split_once(':').ok_or_else(usage)?;
        Ok((end(low)?, end(high)?))
    };
    split(text).iter().map(range).collect()
}

/// The masses of all kinds that have some.
pub fn masses(data: &Data) -> Vec<Quantity> {
    let contents = data.snapshot().contents();
    let has = |name: &str| data.field(name, "mass").is_ok();
    let kinds = contents.kinds.iter().filter(|k| has(&k.name));
    kinds.map(|k| Quantity::Total(format!("{}.mass [Msun]", k.name))).collect()
}

/// The window of images.
///
/// # Errors
/// `Usage` for what cannot be read; `Expression` for what is no length.
pub fn window(args: &Snap, data: &Data) -> Result<Window, Failure> {
    let axis = match args.axis {
        Along::X => 0,
        Along::Y => 1,
        Along::Z => 2,
    };
    let both = |option: &str, n: usize| Failure::Usage(format!("{option}: one or two are wanted, not {n}"));
    let pixels = match numbers::<u64>("--pixels", &args.pixels)?[..] {
        [n] => [n, n],
        [x, y] => [x, y],
        ref other => return Err(both("--pixels", other.len())),
    };
    let mut window = match &args.normal {
        Some(text) => Window::facing(vector("--normal", text)?),
        None => Window::along(axis),
    };
    window = window.pixels(pixels);
    if let Some(text) = &args.north {
        window = window.north(vector("--north", text)?);
    }
    if let Some(text) = &args.width {
        let lengths = split(text).iter().map(|l| data.snapshot().length(l)).collect::<Computed<Vec<_>>>()?;
        window = match lengths[..] {
            [w] => window.width([w, w]),
            [w, h] => window.width([w, h]),
            ref other => return Err(both("--width", other.len())),
        };
    }
    if let Some(text) = &args.depth {
        window = window.depth(data.snapshot().length(text)?);
    }
    Ok(window)
}

/// Three numbers.
fn vector(option: &str, text: &str) -> Result<[f64; 3], Failure> {
    let numbers: Vec<f64> = numbers(option, text)?;
    numbers.try_into().map_err(|_| Failure::Usage(format!("{option} {text}: three numbers are wanted")))
}

/// A list of numbers with commas.
fn numbers<T: std::str::FromStr>(option: &str, text: &str) -> Result<Vec<T>, Failure> {
    let numbers: Option<Vec<T>> = split(text).iter().map(|n| n.parse().ok()).collect();
    numbers.ok_or_else(|| {
        Failure::Usage(format!("{option} {text}: numbers are wanted, with commas between them"))
    })
}

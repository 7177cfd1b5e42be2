//! Profiles and images as datasets of an HDF5 file, with their units as attributes.

use super::print::Results;
use chunkwise::sink::hdf5::AttributeData;
use chunkwise::{Array, Result, Scalar, Session, Store, StoreOptions};
use ndarray::{ArrayD, IxDyn};
use std::path::Path;

/// Whether a name ends as that of an HDF5 file.
pub fn is_hdf5(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    matches!(ending.as_deref(), Some("h5" | "hdf5" | "he5" | "nc"))
}

/// Writes them: `profile_0/…` with `edges_0`, `counts` and the fields, `image_0` with where it begins and ends.
///
/// # Errors
/// Those of writing.
pub fn write(path: &Path, results: &Results, overwrite: bool, session: &Session) -> Result<()> {
    let mut store = Store::new(path);
    if !overwrite {
        store = store.create_new();
    }
    let array = |values: Vec<f64>, shape: &[usize]| {
        let made = ArrayD::from_shape_vec(IxDyn(shape), values).map(ndarray::ArrayBase::into_shared);
        made.map(Array::from_ndarray)
            .map_err(|e| chunkwise::Error::new(chunkwise::ErrorKind::Internal, e.to_string()))
    };
    let text = |key: &str, value: &str, options: StoreOptions| {
        options.attribute(key, AttributeData::Text(value.into()))
    };
    for (n, (name, profile)) in results.profiles.iter().enumerate() {
        let folder = format!("profile_{n}");
        for (d, axis) in profile.axes.iter().enumerate() {
            let options = text("field", &axis.name, text("units", &axis.unit, StoreOptions::new()));
            let edges = array(axis.edges.clone(), &[axis.edges.len()])?;
            store = store.dataset_with(&format!("{folder}/edges_{d}"), &edges, &options);
        }
        let shape = profile.shape();
        let asked = || text("asked", name, StoreOptions::new());
        let counts = profile.counts.iter().map(|n| *n as f64).collect();
        store = store.dataset_with(&format!("{folder}/counts"), &array(counts, &shape)?, &asked());
        store = store.dataset_with(
            &format!("{folder}/weights"),
            &array(profile.weights.clone(), &shape)?,
            &asked(),
        );
        for field in &profile.fields {
            let called = field.name.replace('/', "_");
            let options = text("units", &field.unit, asked());
            store = store.dataset_with(
                &format!("{folder}/{called}"),
                &array(field.values.clone(), &shape)?,
                &options,
            );
            if let Some(std) = &field.std {
                store = store.dataset_with(
                    &format!("{folder}/{called}_std"),
                    &array(std.clone(), &shape)?,
                    &options,
                );
            }
        }
    }
    for (n, image) in results.images.iter().enumerate() {
        let numbers = |v: &[f64]| AttributeData::Numbers(v.iter().map(|v| Scalar::F64(*v)).collect());
        let mut options = text("field", &image.name, text("units", &image.unit, StoreOptions::new()));
        options = options.dims(&[image.y.axis.name(), image.x.axis.name()]);
        options = options.attribute("lower_corner", numbers(&[image.x.low, image.y.low]));
        options = options.attribute("upper_corner", numbers(&[image.x.high, image.y.high]));
        options = options.attribute("code_length_cm", numbers(&[results.length.in_cgs(results.epoch)]));
        options = text("seen_along", image.along.name(), options);
        for (name, vector) in ["right", "up", "out"].iter().zip(image.turned.iter().flatten()) {
            options = options.attribute(name, numbers(vector));
        }
        let shape = [image.y.pixels as usize, image.x.pixels as usize];
        store = store.dataset_with(&format!("image_{n}"), &array(image.values.clone(), &shape)?, &options);
    }
    session.run_with(&[], &[store]).map(drop)
}

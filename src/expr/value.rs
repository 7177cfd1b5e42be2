//! What a sub-expression stands for, and how it becomes what an argument wants.

use super::cx::Cx;
use super::stored::{Held, Stored};
use super::syntax::Span;
use crate::{Array, ArrayOperand, Binned, DType, Error, ErrorKind, Index, Result, Scalar, Selection, Weak};

/// The most elements of a literal list.
const MAX_LITERAL: usize = 1 << 20;

/// The value of a sub-expression.
#[derive(Clone, Debug)]
pub enum Val {
    /// A lazy array.
    Array(Array),
    /// What a mask selects, before anyone knows how much that is.
    Selection(Selection),
    /// A Python number: weak.
    Scalar(Weak),
    /// A string.
    Str(String),
    /// `None`
    None,
    /// A dtype, written by its name.
    DType(DType),
    /// `(a, b)`
    Tuple(Vec<Item>),
    /// `[a, b]`
    List(Vec<Item>),
    /// `slice(start, stop, step)`
    Slice(Vec<Item>),
    /// A histogram: only ever a result.
    Histogram(Binned),
    /// A file, a group or a dataset that was not looked at yet.
    Stored(Stored),
    /// The attributes of one of these.
    Attributes(Stored),
    /// Stored strings that were indexed: they can be compared.
    Texts(Stored, Vec<Entry>),
    /// Rows of stored elements that have fields.
    Rows(Stored, Vec<Entry>),
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Item {
    /// The value.
    pub value: Val,
    /// Its place in the text.
    pub span: Span,
}

/// An entry between `[` and `]`.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A whole number, a slice, `None` or `...`.
    Basic(Index),
    /// A list or an array.
    Chosen(Item),
}

impl Entry {
    /// Whether it chooses elements one by one.
    pub fn is_advanced(&self) -> bool {
        matches!(self, Entry::Chosen(_) | Entry::Basic(Index::At(_)))
    }
}

impl Val {
    /// The value of an attribute. The items of a list stand at `span`.
    pub fn of(held: Held, span: Span) -> Val {
        match held {
            Held::Number(w) => Val::Scalar(w),
            Held::Numbers(a) => Val::Array(a),
            Held::Text(text) => Val::Str(text),
            Held::Texts(all) => {
                Val::List(all.into_iter().map(|text| Item { value: Val::Str(text), span }).collect())
            }
        }
    }

    /// What it is, for errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Val::Array(_) | Val::Selection(_) => "an array",
            Val::Scalar(Weak::Bool(_)) => "a bool",
            Val::Scalar(Weak::Int(_)) => "a whole number",
            Val::Scalar(Weak::Float(_)) => "a float",
            Val::Str(_) => "a string",
            Val::None => "None",
            Val::DType(_) => "a dtype",
            Val::Tuple(_) => "a tuple",
            Val::List(_) => "a list",
            Val::Slice(_) => "a slice",
            Val::Histogram(_) => "a histogram",
            Val::Stored(_) => "something stored",
            Val::Attributes(_) => "attributes",
            Val::Texts(..) => "stored strings",
            Val::Rows(..) => "rows with fields",
        }
    }
}

impl Item {
    /// The error that says what was wanted in its place.
    fn wrong(&self, cx: &Cx, what: &str, wanted: &str) -> Error {
        let message = format!("{what} must be {wanted}, not {}", self.value.kind());
        let e = cx.error_of(ErrorKind::Type, self.span, message);
        match &self.value {
            Val::Histogram(_) => e.hint("its counts are histogram(…)[0], its edges histogram(…)[1]"),
            Val::Attributes(_) => e.hint("an attribute is reached by its name, as in x.attrs['units']"),
            Val::Array(_) | Val::Selection(_) => e.hint("it must be known before anything is computed"),
            Val::Texts(..) => e.hint("they are compared, as in x[:3] == 'text', told apart by unique, and may be groups"),
            Val::Rows(..) => e.hint("a field is reached by its name, as in x[:3].name"),
            Val::Str(_) if wanted.starts_with("an array") => e.hint(
                "strings are compared with stored strings and enums, as in (x == 'a') & (y != 'b') with (…) around comparisons, and with times that have units, as in time >= '2001-06'",
            ),
            _ => e,
        }
    }

    /// The number that is known already: Python's, or one with a dtype.
    fn known(&self) -> Option<Weak> {
        match &self.value {
            Val::Scalar(w) => Some(*w),
            Val::Array(a) => a.given_number().map(|v| match v {
                Scalar::Bool(b) => Weak::Bool(b),
                v => v.to_i128().map_or(Weak::Float(v.to_f64()), Weak::Int),
            }),
            _ => None,
        }
    }

    /// A whole number.
    pub fn int(&self, cx: &Cx, what: &str) -> Result<i64> {
        match self.known() {
            Some(Weak::Int(v)) => i64::try_from(v)
                .map_err(|_| cx.error(self.span, format!("{what} is too large: {v} does not fit int64"))),
            _ => Err(self.wrong(cx, what, "a whole number")),
        }
    }

    /// A whole number or several.
    pub fn ints(&self, cx: &Cx, what: &str) -> Result<Vec<i64>> {
        match &self.value {
            Val::Tuple(items) | Val::List(items) => items.iter().map(|i| i.int(cx, what)).collect(),
            _ if matches!(self.known(), Some(Weak::Int(_))) => Ok(vec![self.int(cx, what)?]),
            Val::Str(_) if what == "axis" => {
                let e = self.wrong(cx, what, "a whole number or a tuple of whole numbers");
                Err(e.hint(
                    "axes are numbers from 0 on, in the order in which chunkwise info FILE shows them; those of an array \
                     that is the first argument have the names that its file gives them, too",
                ))
            }
            _ => Err(self.wrong(cx, what, "a whole number or a tuple of whole numbers")),
        }
    }

    /// A shape.
    pub fn shape(&self, cx: &Cx, what: &str) -> Result<Vec<u64>> {
        let lengths = self.ints(cx, what)?.into_iter().map(u64::try_from).collect::<Result<Vec<_>, _>>();
        lengths.map_err(|_| cx.error(self.span, format!("{what} cannot be negative")))
    }

    /// Any number as a float64.
    pub fn float(&self, cx: &Cx, what: &str) -> Result<f64> {
        match self.known() {
            Some(Weak::Bool(b)) => Ok(f64::from(u8::from(b))),
            Some(Weak::Int(v)) => Ok(v as f64),
            Some(Weak::Float(v)) => Ok(v),
            None => Err(self.wrong(cx, what, "a number")),
        }
    }

    /// A number as it is.
    pub fn number(&self, cx: &Cx, what: &str) -> Result<Weak> {
        match self.known() {
            Some(w) => Ok(w),
            None => Err(self.wrong(cx, what, "a number")),
        }
    }

    /// A string.
    pub fn text(&self, cx: &Cx, what: &str) -> Result<&str> {
        match &self.value {
            Val::Str(text) => Ok(text),
            _ => Err(self.wrong(cx, what, "a string")),
        }
    }

    /// `True` or `False`.
    pub fn bool(&self, cx: &Cx, what: &str) -> Result<bool> {
        match self.known() {
            Some(Weak::Bool(b)) => Ok(b),
            _ => Err(self.wrong(cx, what, "True or False")),
        }
    }

    /// A dtype: its bare name, the name as a string, or Python's `bool`, `int`, `float`.
    pub fn dtype(&self, cx: &Cx) -> Result<DType> {
        let name = match &self.value {
            Val::DType(d) => return Ok(*d),
            Val::Str(name) => name,
            _ => return Err(self.wrong(cx, "a dtype", "a name such as float64")),
        };
        dtype_named(name).ok_or_else(|| {
            let e = cx.error(self.span, format!("there is no dtype '{name}'"));
            let all: Vec<&str> = DType::ALL.iter().map(|d| d.name()).collect();
            e.hint(format!("the dtypes are {}", all.join(", ")))
        })
    }

    /// An array, a number or a list of numbers, as an operand of the elementwise rows.
    pub fn operand(self, cx: &Cx, what: &str) -> Result<ArrayOperand> {
        match self.value {
            Val::Scalar(w) => Ok(w.into()),
            _ => Ok(self.array(cx, what)?.into()),
        }
    }

    /// An array; a number or a list of numbers becomes one, and a selection, which takes a run.
    pub fn array(self, cx: &Cx, what: &str) -> Result<Array> {
        match self.value {
            Val::Array(a) => Ok(a),
            Val::Stored(s) => Ok(s.array()?.made_by(&cx.text(self.span))),
            // A run of its own finds where its elements are.
            Val::Selection(s) => {
                cx.beforehand().and_then(|session| session.resolve(&s)).map_err(|e| cx.at(self.span, e))
            }
            Val::Scalar(w) => {
                Ok(Array::scalar(w.to_scalar(w.default_dtype()).map_err(|e| cx.at(self.span, e))?))
            }
            Val::Tuple(_) | Val::List(_) => self.literal(cx),
            _ => Err(self.wrong(cx, what, "an array or a number")),
        }
    }

    /// The items of a tuple or list.
    pub fn items(self, cx: &Cx, what: &str, wanted: &str) -> Result<Vec<Item>> {
        match self.value {
            Val::Tuple(items) | Val::List(items) => Ok(items),
            _ => Err(self.wrong(cx, what, wanted)),
        }
    }

    /// Nested lists of numbers as an array, with the dtype that NumPy gives them.
    fn literal(&self, cx: &Cx) -> Result<Array> {
        let mut shape = Vec::new();
        let mut first = &self.value;
        while let Val::Tuple(items) | Val::List(items) = first {
            shape.push(items.len());
            match items.first() {
                Some(item) => first = &item.value,
                None => break,
            }
        }
        let mut flat = Vec::new();
        self.flatten(cx, &shape, &mut flat)?;
        let all = |f: fn(&Weak) -> bool| !flat.is_empty() && flat.iter().all(f);
        let cast = |dtype: DType| {
            let scalars = flat.iter().map(|w| w.to_scalar(dtype));
            scalars.collect::<Result<Vec<_>>>().map_err(|e| cx.at(self.span, e))
        };
        let wide = |w: &Weak| matches!(w, Weak::Int(v) if *v > i64::MAX as i128);
        let built = if all(|w| matches!(w, Weak::Bool(_))) {
            of(&shape, flat.iter().map(|w| *w == Weak::Bool(true)).collect())
        } else if all(|w| !matches!(w, Weak::Float(_))) && flat.iter().any(wide) {
            of(&shape, cast(DType::U64)?.iter().map(|s| s.to_i128().unwrap_or(0) as u64).collect())
        } else if all(|w| !matches!(w, Weak::Float(_))) {
            of(&shape, cast(DType::I64)?.iter().map(|s| s.to_i128().unwrap_or(0) as i64).collect())
        } else {
            of(&shape, cast(DType::F64)?.iter().map(|s| s.to_f64()).collect())
        };
        built.ok_or_else(|| cx.error(self.span, "the lists do not form a rectangle"))
    }

    fn flatten(&self, cx: &Cx, shape: &[usize], out: &mut Vec<Weak>) -> Result<()> {
        if out.len() > MAX_LITERAL {
            return Err(cx.error(self.span, "the list is too long; store it in a file"));
        }
        match (&self.value, shape) {
            (Val::Scalar(w), []) => out.push(*w),
            (Val::Tuple(items) | Val::List(items), [n, rest @ ..]) if items.len() == *n => {
                items.iter().try_for_each(|i| i.flatten(cx, rest, out))?;
            }
            (Val::Tuple(_) | Val::List(_) | Val::Scalar(_), _) => {
                return Err(cx.error(self.span, "the lists do not form a rectangle"));
            }
            _ => return Err(self.wrong(cx, "an item of a list", "a number")),
        }
        Ok(())
    }
}

fn of<T: crate::Element>(shape: &[usize], data: Vec<T>) -> Option<Array> {
    let array = ndarray::ArrayD::from_shape_vec(shape, data).ok()?;
    Some(Array::from_ndarray(array.into_shared()))
}

/// A dtype by NumPy's name or by that of Python's type.
pub fn dtype_named(name: &str) -> Option<DType> {
    DType::from_name(name).or(match name {
        "int" => Some(DType::I64),
        "float" => Some(DType::F64),
        _ => None,
    })
}

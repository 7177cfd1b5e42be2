//! netCDF classic files, written from the format's specification alone.
//!
//! Elements are given as a file has them, big-endian and without padding, all records of a variable after each
//! other. What a writer may do in several ways is a field.

/// Bytes of an element, by the number of its type from 1 on.
pub const SIZES: [usize; 11] = [1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8];

/// A list of attributes: name, type, values.
pub type Attributes = Vec<(String, u32, Vec<u8>)>;

#[derive(Clone, Default)]
pub struct Variable {
    pub name: String,
    pub dims: Vec<usize>,
    pub kind: u32,
    pub attributes: Attributes,
    pub data: Vec<u8>,
}

#[derive(Clone)]
pub struct File {
    /// 1, 2 or 5.
    pub version: u8,
    pub records: u64,
    /// Whether the header does not say how many records there are.
    pub streaming: bool,
    /// Names and lengths; 0 for that of the records.
    pub dims: Vec<(String, u64)>,
    pub attributes: Attributes,
    pub variables: Vec<Variable>,
    /// What `vsize` says, if not the truth.
    pub vsize: Option<u64>,
    /// Whether empty lists have a tag.
    pub tagged: bool,
    /// Bytes between the header and the first data, and what is in them and in padding.
    pub gap: usize,
    pub filler: u8,
    /// Whether the last padding is left out.
    pub bare_end: bool,
}

impl File {
    pub fn new(version: u8, records: u64) -> File {
        File {
            version,
            records,
            streaming: false,
            dims: Vec::new(),
            attributes: Vec::new(),
            variables: Vec::new(),
            vsize: None,
            tagged: false,
            gap: 0,
            filler: 0,
            bare_end: false,
        }
    }

    pub fn dim(mut self, name: &str, len: u64) -> File {
        self.dims.push((name.into(), len));
        self
    }

    pub fn variable(mut self, name: &str, dims: &[usize], kind: u32, data: Vec<u8>) -> File {
        let (name, dims) = (name.into(), dims.to_vec());
        self.variables.push(Variable { name, dims, kind, attributes: Vec::new(), data });
        self
    }

    fn has_records(&self, v: &Variable) -> bool {
        v.dims.first().is_some_and(|&d| self.dims[d].1 == 0)
    }

    /// Bytes of a variable, or of one of its rows where it has records.
    fn row(&self, v: &Variable) -> usize {
        let lens = v.dims.iter().map(|&d| self.dims[d].1 as usize).filter(|&n| n > 0);
        lens.product::<usize>() * SIZES[v.kind as usize - 1]
    }

    fn count(&self, out: &mut Vec<u8>, n: u64) {
        match self.version {
            5 => out.extend(n.to_be_bytes()),
            _ => out.extend((n as u32).to_be_bytes()),
        }
    }

    fn padded(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend_from_slice(bytes);
        out.extend(vec![self.filler; bytes.len().next_multiple_of(4) - bytes.len()]);
    }

    fn text(&self, out: &mut Vec<u8>, name: &str) {
        self.count(out, name.len() as u64);
        self.padded(out, name.as_bytes());
    }

    fn tag(&self, out: &mut Vec<u8>, tag: u32, n: usize) {
        let tag = if n == 0 && !self.tagged { 0 } else { tag };
        out.extend(tag.to_be_bytes());
        self.count(out, n as u64);
    }

    fn list(&self, out: &mut Vec<u8>, attributes: &Attributes) {
        self.tag(out, 12, attributes.len());
        for (name, kind, values) in attributes {
            self.text(out, name);
            out.extend(kind.to_be_bytes());
            self.count(out, (values.len() / SIZES[*kind as usize - 1]) as u64);
            self.padded(out, values);
        }
    }

    fn header(&self, begins: &[usize]) -> Vec<u8> {
        let mut out = b"CDF".to_vec();
        out.push(self.version);
        self.count(&mut out, if self.streaming { u64::MAX } else { self.records });
        self.tag(&mut out, 10, self.dims.len());
        for (name, len) in &self.dims {
            self.text(&mut out, name);
            self.count(&mut out, *len);
        }
        self.list(&mut out, &self.attributes);
        self.tag(&mut out, 11, self.variables.len());
        for (v, begin) in self.variables.iter().zip(begins) {
            self.text(&mut out, &v.name);
            self.count(&mut out, v.dims.len() as u64);
            v.dims.iter().for_each(|&d| self.count(&mut out, d as u64));
            self.list(&mut out, &v.attributes);
            out.extend(v.kind.to_be_bytes());
            self.count(&mut out, self.vsize.unwrap_or(self.row(v).next_multiple_of(4) as u64));
            match self.version {
                1 => out.extend((*begin as u32).to_be_bytes()),
                _ => out.extend((*begin as u64).to_be_bytes()),
            }
        }
        out
    }

    /// The file, and where the data of each variable begins.
    pub fn bytes(&self) -> (Vec<u8>, Vec<usize>) {
        let header = self.header(&vec![0; self.variables.len()]).len();
        let recorded: Vec<&Variable> = self.variables.iter().filter(|v| self.has_records(v)).collect();
        let alone = recorded.len() == 1;
        let place = |row: usize| if alone { row } else { row.next_multiple_of(4) };
        let mut begins = vec![0; self.variables.len()];
        let mut at = header + self.gap;
        for (v, begin) in self.variables.iter().zip(&mut begins).filter(|(v, _)| !self.has_records(v)) {
            *begin = at;
            at += self.row(v).next_multiple_of(4);
        }
        for (v, begin) in self.variables.iter().zip(&mut begins).filter(|(v, _)| self.has_records(v)) {
            *begin = at;
            at += place(self.row(v));
        }
        let mut out = self.header(&begins);
        assert_eq!(out.len(), header);
        out.extend(vec![self.filler; self.gap]);
        let mut end = out.len();
        for v in self.variables.iter().filter(|v| !self.has_records(v)) {
            assert_eq!(v.data.len(), self.row(v), "{}", v.name);
            self.padded(&mut out, &v.data);
            end = out.len() - (v.data.len().next_multiple_of(4) - v.data.len());
        }
        for r in 0..self.records as usize {
            for v in &recorded {
                let row = self.row(v);
                assert_eq!(v.data.len(), row * self.records as usize, "{}", v.name);
                out.extend_from_slice(&v.data[r * row..][..row]);
                end = out.len();
                out.extend(vec![self.filler; place(row) - row]);
            }
        }
        if self.bare_end {
            out.truncate(end);
        }
        (out, begins)
    }
}

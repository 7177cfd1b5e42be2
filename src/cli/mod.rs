//! The command line: what it reads (the expression language) and how it prints.
pub mod expr;
pub mod render;

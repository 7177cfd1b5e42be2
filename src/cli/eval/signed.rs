//! Expressions that begin with `-`, among options.

use clap::Command;
use std::ffi::OsString;
use std::path::Path;

/// The arguments of a command line, in which an expression of `eval` or `plan` that begins with `-` has a space before it, so that it
/// is not taken for an option. What begins with `--` is one, and `-iNAME=FILE` is an input.
pub fn apart(arguments: Vec<OsString>, eval: &Command) -> Vec<OsString> {
    let mut out: Vec<OsString> = Vec::with_capacity(arguments.len());
    // Whether the argument is the value of the option before it, and whether options are over.
    let (mut is_value, mut over) = (false, false);
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        let signed = !is_value && !over && is_expression(text, eval);
        over |= !is_value && text == "--";
        is_value = !is_value && !over && wants_value(text, eval);
        out.push(if signed { format!(" {text}").into() } else { argument });
    }
    out
}

/// Whether an argument that begins with `-` is no option.
fn is_expression(text: &str, eval: &Command) -> bool {
    let Some(rest) = text.strip_prefix('-').filter(|rest| !rest.is_empty() && !rest.starts_with('-')) else {
        return false;
    };
    let mut chars = rest.chars();
    let short =
        chars.next().filter(|c| *c == 'h' || *c == 'V' || takes_value(&format!("-{c}"), eval).is_some());
    match (short, chars.as_str()) {
        (None, _) => true,
        (Some(_), "") => false,
        // The value of a short option, without a space between them.
        (Some(_), value) => !(value.contains('=') && !value.starts_with('=') || Path::new(value).exists()),
    }
}

/// Whether an option takes a value; nothing if there is no such option.
fn takes_value(text: &str, eval: &Command) -> Option<bool> {
    let is = |a: &&clap::Arg| match text.strip_prefix("--") {
        Some(long) => a.get_long() == Some(long),
        None => a.get_short().is_some_and(|c| text.strip_prefix('-') == Some(c.to_string().as_str())),
    };
    eval.get_arguments().find(is).map(|a| a.get_action().takes_values())
}

fn wants_value(text: &str, eval: &Command) -> bool {
    text.starts_with('-') && takes_value(text, eval) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Args;
    use clap::CommandFactory;

    #[test]
    fn signs_are_told_from_options() {
        let command = Args::command();
        let eval = command.find_subcommand("eval").unwrap();
        let told = |line: &str| {
            let arguments = std::iter::once("chunkwise").chain(line.split('|')).map(OsString::from).collect();
            let out = apart(arguments, eval);
            out[1..].iter().map(|a| a.to_str().unwrap()).collect::<Vec<_>>().join("|")
        };
        for (line, wanted) in [
            ("eval|-x|--json|-1 + y", "eval| -x|--json| -1 + y"),
            ("eval|--axis|-1|-i|-odd.h5|-(a)", "eval|--axis|-1|-i|-odd.h5| -(a)"),
            ("eval|-ix=a.h5:/x|-i*2|-h|-h*2|-.5", "eval|-ix=a.h5:/x| -i*2|-h| -h*2| -.5"),
            (
                "eval|--memory|1GiB|-i|x=a.h5:/x|--memry|-x|--|-y",
                "eval|--memory|1GiB|-i|x=a.h5:/x|--memry| -x|--|-y",
            ),
            ("eval|--let=a=-x|--let|a=-x|-", "eval|--let=a=-x|--let|a=-x|-"),
        ] {
            assert_eq!(told(line), wanted);
        }
    }
}

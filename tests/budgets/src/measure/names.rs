//! Names that stay the same from build to build: without hashes, generic arguments and the folders of this machine.

/// Returns the name of a function without the arguments of generic types.
pub fn function(symbol: &str) -> String {
    // callgrind adds `'2` to a function that calls itself.
    let symbol = symbol.split('\'').next().unwrap_or(symbol);
    without_arguments(&format!("{:#}", rustc_demangle::demangle(symbol)))
}

/// Replaces generic arguments: `a::b::<T>` becomes `a::b`, and `<A<T> as B<T>>::c` becomes `<A<_> as B<_>>::c`.
fn without_arguments(name: &str) -> String {
    let mut short = String::new();
    let mut depth = 0_usize;
    let mut hidden_from = None;
    let mut last = ' ';
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => {
                depth += 1;
                // At the start of a name, or after a separator, the brackets surround a type and its trait.
                let surrounds_type = at == 0 || matches!(last, ' ' | '(' | '&' | '[');
                // Only its argument tells what this function drops.
                let is_drop = short.ends_with("drop_in_place::");
                if hidden_from.is_none() && !surrounds_type && !is_drop {
                    hidden_from = Some(depth);
                    match short.ends_with("::") {
                        true => short.truncate(short.len() - 2),
                        false => short.push_str("<_>"),
                    }
                } else if hidden_from.is_none() {
                    short.push(letter);
                }
            }
            // The arrow of a function type is no bracket.
            '>' if last != '-' => {
                match hidden_from {
                    None => short.push(letter),
                    Some(from) if from == depth => hidden_from = None,
                    Some(_) => {}
                }
                depth = depth.saturating_sub(1);
            }
            _ if hidden_from.is_none() => short.push(letter),
            _ => {}
        }
        last = letter;
    }
    short
}

/// Returns the path of a source file within its package.
pub fn file(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let repository = root.trim_end_matches("tests/budgets/");
    if let Some(path) = path.strip_prefix(repository) {
        return path.to_string();
    }
    // A registry's folder: `…/registry/src/index.crates.io-HASH/httparse-1.10.1/src/lib.rs`.
    if let Some((_, path)) = path.split_once("/registry/src/") {
        return path.split_once('/').map_or(path, |(_, path)| path).to_string();
    }
    // The standard library, as rustup installs it or as it was built: `/rustc/HASH/library/…`.
    for mark in ["/rustlib/src/rust/library/", "/library/"] {
        if let Some((_, path)) = path.split_once(mark) {
            return format!("std: {path}");
        }
    }
    path.trim_start_matches("./").to_string()
}

/// Returns whether a path is in this repository, as `file` returns it.
pub fn is_own(path: &str) -> bool {
    path.starts_with("src/") || path.starts_with("tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_arguments_are_removed() {
        let table = [
            ("a::b::<T>::c", "a::b::c"),
            ("<A<T> as B<u8>>::c::<D<E>>", "<A<_> as B<_>>::c"),
            ("a::f::<fn(u8) -> u8>::{closure#0}", "a::f::{closure#0}"),
            ("<&A as B>::c", "<&A as B>::c"),
            ("<[u8] as B<A<T>>>::c", "<[u8] as B<_>>::c"),
            ("a::drop_in_place::<A<T>>", "a::drop_in_place::<A<_>>"),
            ("malloc", "malloc"),
        ];
        for (name, short) in table {
            assert_eq!(without_arguments(name), short);
        }
    }
}

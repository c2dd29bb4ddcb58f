//! File names that every part of a cluster accepts unchanged.
//!
//! Flink makes URLs of the paths of jars without encoding anything, so `#` and `%20` point elsewhere; its lists are separated
//! by `;` and class paths by `:`, which HDFS does not allow in file names; its REST server decodes `+` as a space; scripts of
//! NodeManagers quote some names and not others; and a JVM in the POSIX locale only finds files with ASCII names.

use std::borrow::Cow;

/// Both file systems allow 255 bytes, and programs that handle a file add prefixes or suffixes to its name.
const LONGEST: usize = 200;

/// Whether a file name can be used unchanged.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with('-')
        && name.chars().all(is_plain_character)
}

/// The name itself, or a similar one that [`is_plain`]; its beginning and end are kept, and with that the suffix.
pub(crate) fn plain(name: &str) -> Cow<'_, str> {
    if is_plain(name) {
        return Cow::Borrowed(name);
    }
    let mut plain: String = name.chars().map(|c| if is_plain_character(c) { c } else { '_' }).collect();
    if plain.is_empty() || plain.starts_with('-') {
        plain.replace_range(..plain.len().min(1), "_");
    }
    // It is ASCII at this point.
    if plain.len() > LONGEST {
        plain.replace_range(LONGEST / 2..plain.len() - LONGEST / 2, "");
    }
    Cow::Owned(plain)
}

fn is_plain_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-=@".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_file_names_are_kept() {
        for (name, expected) in [
            ("word-count-1.0-build_7.jar", "word-count-1.0-build_7.jar"),
            ("dt=2026-01-01", "dt=2026-01-01"),
            ("a b#c%20;d:e+f.jar", "a_b_c_20_d_e_f.jar"),
            ("-c.jar", "_c.jar"),
            ("bücher.tar.gz", "b_cher.tar.gz"),
            ("", "_"),
        ] {
            assert_eq!(plain(name), expected);
        }
        let long = format!("{}.tar.gz", "x".repeat(240));
        assert!(plain(&long).len() == LONGEST && plain(&long).ends_with("x.tar.gz"));
    }

    proptest! {
        #[test]
        fn escaped_file_names_are_plain(name in "\\PC{0,20}|-?[a#é]{195,255}") {
            let once = plain(&name).into_owned();
            prop_assert!(is_plain(&once), "{once}");
            prop_assert_eq!(is_plain(&name), once == name);
        }
    }
}

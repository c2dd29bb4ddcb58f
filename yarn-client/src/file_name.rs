//! Names that every part of a cluster takes as they are.
//!
//! Flink makes URLs of the paths of jars without encoding anything, so `#` and `%20` lead elsewhere; its lists are
//! separated by `;`, class paths by `:`, which HDFS has no file names with; its REST server takes `+` for a blank; scripts of
//! NodeManagers quote some names and not others; and a JVM in the POSIX locale knows no files but those with ASCII names.

use std::borrow::Cow;

/// Both file systems end at 255 bytes, and whoever handles a file puts something before or behind its name.
const LONGEST: usize = 200;

/// Whether a name of a file can stay as it is.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with('-')
        && name.chars().all(is_plain_character)
}

/// The name itself, or one like it that [`is_plain`]; beginning and end stay, and with that the suffix.
pub(crate) fn plain(name: &str) -> Cow<'_, str> {
    if is_plain(name) {
        return Cow::Borrowed(name);
    }
    let mut plain: String = name.chars().map(|c| if is_plain_character(c) { c } else { '_' }).collect();
    if plain.is_empty() || plain.starts_with('-') {
        plain.replace_range(..plain.len().min(1), "_");
    }
    // It is ASCII now.
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
    fn most_names_stay() {
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
        fn what_comes_out_is_plain(name in "\\PC{0,20}|-?[a#é]{195,255}") {
            let once = plain(&name).into_owned();
            prop_assert!(is_plain(&once), "{once}");
            prop_assert_eq!(is_plain(&name), once == name);
        }
    }
}

//! `docs/keys.md`: the table for users.

use std::fmt::Write as _;

use super::{Origin, Row, Treatment, table};

/// The content of the document after its introduction.
fn document() -> String {
    let mut text = String::new();
    type Is = fn(&Treatment) -> bool;
    let parts: [(&str, &str, Is); 6] = [
        ("Honoured", "Read here, with the meaning they have in Flink.", |it| {
            matches!(it, Treatment::Honoured(_))
        }),
        ("Set by default", "Your value wins.", |it| matches!(it, Treatment::Default(_))),
        ("Always set", "Other values are replaced, with a warning if you have set one.", |it| {
            matches!(it, Treatment::Set(_))
        }),
        ("Refused", "Reported as an error before anything is submitted.", |it| {
            matches!(it, Treatment::Refused { .. })
        }),
        ("Without effect", "Reported with a warning.", |it| {
            matches!(it, Treatment::Ignored(_) | Treatment::Removed(_))
        }),
        (
            "Passed to Flink unchanged",
            "Nothing here depends on them. A name that ends with `.` stands for all keys with that prefix.",
            |it| matches!(it, Treatment::Harmless(_)),
        ),
    ];
    for (title, words, is) in parts {
        let _ = write!(text, "\n## {title}\n\n{words}\n\n| keys | |\n|---|---|\n");
        for row in table().filter(|row| is(&row.treatment)) {
            let _ = writeln!(text, "| {} | {} |", names(row), meaning(row));
        }
    }
    text
}

fn names(row: &Row) -> String {
    let names = row.options.iter().map(|option| {
        let older = option.deprecated.iter().map(|older| format!("`{older}`")).collect::<Vec<_>>().join(", ");
        if older.is_empty() {
            format!("`{}`", option.key)
        } else {
            format!("`{}` (older: {older})", option.key)
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

fn meaning(row: &Row) -> String {
    let text = row.treatment.text().replace('<', "\\<");
    match row.treatment {
        Treatment::Refused { harmless: &[value], .. } => {
            format!("{text}. `{value}` is accepted, as it has no effect")
        }
        _ if row.origin == Origin::Ours => format!("of this project: {text}"),
        _ => text,
    }
}

/// Checks that the document is what the table produces.
#[test]
fn keys_page_matches_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/keys.md");
    let text = std::fs::read_to_string(path).unwrap();
    let begin = text.find("\n## ").unwrap();
    let ours = document();
    assert!(text[begin..] == ours, "docs/keys.md should hold, below its first words:\n{ours}");
}

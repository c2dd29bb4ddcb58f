//! `docs/keys.md`: the table for people.

use std::fmt::Write as _;

use super::{Origin, Row, Treatment, table};

/// What the document has below its first words.
fn document() -> String {
    let mut text = String::new();
    type Is = fn(&Treatment) -> bool;
    let parts: [(&str, &str, Is); 6] = [
        ("Honoured", "Read here, and doing what they say.", |it| matches!(it, Treatment::Honoured(_))),
        ("Set unless you do", "Your value wins.", |it| matches!(it, Treatment::Default(_))),
        ("Always set", "Another value is replaced, with a warning where it was somebody's choice.", |it| {
            matches!(it, Treatment::Set(_))
        }),
        ("Refused", "An error before anything is submitted.", |it| matches!(it, Treatment::Refused { .. })),
        ("Without effect", "A warning says so.", |it| {
            matches!(it, Treatment::Ignored(_) | Treatment::Removed(_))
        }),
        (
            "Handed to Flink unchanged",
            "Nothing here depends on them; a name that ends in `.` stands for all below it.",
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
            format!("{text}. `{value}` says nothing, and is fine")
        }
        _ if row.origin == Origin::Ours => format!("of this project: {text}"),
        _ => text,
    }
}

/// The document is what the table prints.
#[test]
fn the_document_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/keys.md");
    let text = std::fs::read_to_string(path).unwrap();
    let begin = text.find("\n## ").unwrap();
    let ours = document();
    assert!(text[begin..] == ours, "docs/keys.md should hold, below its first words:\n{ours}");
}

//! The text forms: `config.yaml`, `flink-conf.yaml`, lists.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest key of a setting, bytes.
const LONGEST_KEY: usize = 4096;

/// A YAML value, as far as Flink distinguishes values.
#[derive(Debug)]
enum Node {
    Null,
    /// A string.
    Text(String),
    /// A number or boolean, in the text that Java would give it.
    Plain(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

struct NodeVisitor;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Plain(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Node, Node>()? {
            let key = match key {
                Node::Text(text) | Node::Plain(text) => text,
                Node::Null => "null".to_owned(),
                Node::List(_) | Node::Map(_) => {
                    return Err(serde::de::Error::custom("a key is neither a string nor a number"));
                }
            };
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

fn parse_node(text: &str) -> Result<Node, String> {
    // Flink reads YAML by the 1.2 core schema: `yes` and `1_000` are strings.
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    options.underscored_numbers_as_strings = true;
    // Without the quoted part of the file, which may contain a password.
    options.with_snippet = false;
    // A few lines of aliases of aliases are millions of values.
    options.alias_limits.max_total_replayed_events = 10_000;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Converts standard YAML, nested or flat, to flat keys (`YamlParserUtils`, `GlobalConfiguration.flatten`). Keys
/// without a value, which Flink rejects, are left out.
pub(crate) fn parse_yaml(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    match parse_node(text)? {
        Node::Null => {}
        Node::Map(entries) => flatten("", entries, &mut values)?,
        _ => return Err("expected a mapping of keys to values".to_owned()),
    }
    Ok(values)
}

/// # Errors
/// A key is too long: each key below it would repeat it.
fn flatten(
    prefix: &str,
    entries: Vec<(String, Node)>,
    values: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, node) in entries {
        let key = format!("{prefix}{key}");
        if key.len() > LONGEST_KEY {
            return Err(format!("a key of {} bytes (the limit is {LONGEST_KEY})", key.len()));
        }
        match node {
            Node::Null => {}
            Node::Text(text) | Node::Plain(text) => {
                values.insert(key, text);
            }
            Node::Map(entries) => flatten(&format!("{key}."), entries, values)?,
            list @ Node::List(_) => {
                let mut text = String::new();
                write_flow(&list, &mut text);
                values.insert(key, text);
            }
        }
    }
    Ok(())
}

/// YAML flow text on one line.
fn write_flow(node: &Node, out: &mut String) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Plain(text) => out.push_str(text),
        Node::Text(text) => write_scalar(text, out),
        Node::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_flow(item, out);
            }
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_scalar(key, out);
                out.push_str(": ");
                write_flow(value, out);
            }
            out.push('}');
        }
    }
}

fn write_scalar(text: &str, out: &mut String) {
    let starts_like_a_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let word = text.to_ascii_lowercase();
    if starts_like_a_word && text.chars().all(plain) && !reserved.contains(&word.as_str()) {
        out.push_str(text);
    } else {
        quote(text, out);
    }
}

/// Writes a double-quoted YAML string; the escapes are also JSON's.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Not printable in YAML, or a line break in it, or a byte order mark.
            '\0'..='\x1f'
            | '\x7f'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Writes one quoted key and quoted value per line.
pub(super) fn write_yaml(values: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in values {
        quote(key, &mut text);
        text.push_str(": ");
        quote(value, &mut text);
        text.push('\n');
    }
    text
}

/// Parses `flink-conf.yaml`, which is not YAML: `#` starts a comment anywhere, `: ` ends the key
/// (`GlobalConfiguration.loadLegacyYAMLResource`). Lines without a key or a value are skipped, as in Flink.
pub(crate) fn parse_legacy(text: &str) -> BTreeMap<String, String> {
    let setting = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (key, value) = line.split_once(": ")?;
        let (key, value) = (key.trim(), value.trim());
        (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    // Java's reader also ends lines at \r.
    text.split(['\n', '\r']).filter_map(setting).collect()
}

/// Why a setting cannot be written to `flink-conf.yaml`, if so.
pub(super) fn legacy_obstacle(key: &str, value: &str) -> Option<&'static str> {
    if key.is_empty() || key.contains(": ") || key.trim() != key || key.contains(['#', '\n', '\r']) {
        return Some("its key contains characters that are special there");
    }
    if value.contains('#') {
        return Some("`#` starts a comment there");
    }
    if value.contains(['\n', '\r']) {
        return Some("a value is a single line there");
    }
    // Java's trim removes everything up to U+0020.
    let outer = |c: Option<char>| c.is_some_and(|c| c <= ' ');
    (outer(value.chars().next()) || outer(value.chars().last()))
        .then_some("leading and trailing blanks are lost there")
}

/// Parses a list value: a YAML list, else separated by `;` with `'` or `"` quoting (`StructuredOptionsSplitter`).
pub(super) fn parse_list(text: &str) -> Vec<String> {
    let trimmed = text.trim();
    if (trimmed.starts_with('[') || trimmed.starts_with("- "))
        && let Ok(Node::List(items)) = parse_node(trimmed)
    {
        return items.into_iter().map(item_text).collect();
    }
    split_quoted(trimmed)
}

fn item_text(item: Node) -> String {
    match item {
        Node::Text(text) | Node::Plain(text) => text,
        other => {
            let mut text = String::new();
            write_flow(&other, &mut text);
            text
        }
    }
}

/// Writes what [`parse_list`] reads: items with special characters are quoted.
pub(super) fn write_list(items: impl IntoIterator<Item = String>) -> String {
    let quoted = items.into_iter().map(|item| {
        let plain = item.trim() == item && !item.contains([';', '\'', '"']) && !item.starts_with(['[', '-']);
        if plain { item } else { format!("'{}'", item.replace('\'', "''")) }
    });
    quoted.collect::<Vec<_>>().join(";")
}

fn split_quoted(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut chars = text.chars().peekable();
    let mut quote_char = None;
    while let Some(c) = chars.next() {
        match quote_char {
            // A doubled quote stands for one quote.
            Some(q) if c == q && chars.peek() == Some(&q) => {
                chars.next();
                item.push(q);
            }
            Some(q) if c == q => quote_char = None,
            Some(_) => item.push(c),
            None if (c == '\'' || c == '"') && item.trim().is_empty() => {
                item.clear();
                quote_char = Some(c);
            }
            None if c == ';' => items.push(std::mem::take(&mut item)),
            None => item.push(c),
        }
    }
    items.push(item);
    items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

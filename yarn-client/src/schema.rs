//! The schema of the JSON that `yarn-flink` prints, read from its documentation (`docs/json.md`): tests check the output against
//! the same tables that people read.
//!
//! An object is a section `## name`, with a table of its fields `| name | type | meaning |`. A line that starts with `All
//! fields of [other](#other)` includes those. Types are `text`, `integer`, `number`, `boolean`, `null`, a link to another
//! object, `list of` one of these, and alternatives with `or`; what is `left out` may be missing. The table of commands says
//! which command prints what: an option has a row of its own, and the row that matches most options applies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The documented objects and commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    objects: BTreeMap<String, Object>,
    commands: Vec<Command>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Object {
    base: Option<String>,
    fields: BTreeMap<String, Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    kinds: Vec<Kind>,
    may_be_missing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Null,
    Text,
    Integer,
    Number,
    Boolean,
    Object(String),
    List(Box<Self>),
}

/// A row of the table of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    words: Vec<String>,
    objects: Vec<String>,
    lines: bool,
}

/// The documentation, or what is checked against it, is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct SchemaError {
    /// A line of the documentation, or a path in a value.
    pub at: String,
    /// What is wrong.
    pub what: String,
}

fn wrong(at: impl Into<String>, what: impl Into<String>) -> SchemaError {
    SchemaError { at: at.into(), what: what.into() }
}

impl Schema {
    /// Reads the documentation.
    ///
    /// # Errors
    /// [`SchemaError`]: a type that is invalid, a broken link, an object that no command prints.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut schema = Self { objects: BTreeMap::new(), commands: Vec::new() };
        let mut section = None;
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                section = Some(title.trim().to_owned());
            } else if let Some(rest) = line.strip_prefix("All fields of ") {
                let name = section.clone().ok_or_else(|| wrong(line, "of an unknown object"))?;
                let base =
                    links(rest).into_iter().next().ok_or_else(|| wrong(line, "does not name an object"))?;
                schema.objects.entry(name).or_default().base = Some(base);
            } else if line.starts_with("| `") {
                let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
                match (section.as_deref(), cells.as_slice()) {
                    (Some("Commands"), [commands, printed, ..]) => schema.command(line, commands, printed)?,
                    (Some(name), [field, kind, meaning]) if !meaning.is_empty() => {
                        let name = name.to_owned();
                        schema.field(line, name, field, kind)?;
                    }
                    _ => return Err(wrong(line, "is not a row of field, type and meaning")),
                }
            }
        }
        schema.is_whole()?;
        Ok(schema)
    }

    fn command(&mut self, line: &str, commands: &str, printed: &str) -> Result<(), SchemaError> {
        let objects = links(printed);
        if objects.is_empty() {
            return Err(wrong(line, "does not print an object"));
        }
        let lines = printed.contains("one per line");
        for command in code(commands) {
            let words = command.split(' ').map(str::to_owned).collect();
            self.commands.push(Command { words, objects: objects.clone(), lines });
        }
        Ok(())
    }

    fn field(&mut self, line: &str, object: String, field: &str, kind: &str) -> Result<(), SchemaError> {
        let name = code(field).into_iter().next().ok_or_else(|| wrong(line, "does not name a field"))?;
        let (kind, may_be_missing) = match kind.strip_suffix(" or left out") {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        let kinds = kind.split(" or ").map(|kind| parse_kind(line, kind)).collect::<Result<_, _>>()?;
        let fields = &mut self.objects.entry(object).or_default().fields;
        match fields.insert(name.to_owned(), Field { kinds, may_be_missing }) {
            None => Ok(()),
            Some(_) => Err(wrong(line, "the field appears twice")),
        }
    }

    /// Checks that every link has a target, and that every object is printed by a command or within another object. Every
    /// command may print errors.
    fn is_whole(&self) -> Result<(), SchemaError> {
        let mut open: Vec<&str> =
            self.commands.iter().flat_map(|row| &row.objects).map(String::as_str).collect();
        open.push("error");
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let object = self.objects.get(name).ok_or_else(|| wrong(name, "is not an object"))?;
            if seen.insert(name) {
                open.extend(object.base.as_deref());
                open.extend(object.fields.values().flat_map(|field| &field.kinds).filter_map(Kind::object));
            }
        }
        match self.objects.keys().find(|name| !seen.contains(name.as_str())) {
            Some(name) => Err(wrong(name, "is not printed by any command")),
            None => Ok(()),
        }
    }

    /// Whether the table of commands contains a command such as `session list`.
    pub fn knows(&self, command: &str) -> bool {
        self.commands.iter().any(|row| row.words.iter().map(String::as_str).eq(command.split(' ')))
    }

    /// Checks one value against an object.
    ///
    /// # Errors
    /// [`SchemaError`]: a field that is missing, unknown, or of another type.
    pub fn check(&self, object: &str, value: &Value) -> Result<(), SchemaError> {
        self.check_at(object, object, value)
    }

    fn check_at(&self, at: &str, object: &str, value: &Value) -> Result<(), SchemaError> {
        let fields = self.fields(object)?;
        let Value::Object(given) = value else { return Err(wrong(at, format!("{value} is not an object"))) };
        if let Some(key) = given.keys().find(|key| !fields.contains_key(key.as_str())) {
            return Err(wrong(format!("{at}.{key}"), "is not documented"));
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            match given.get(name) {
                Some(value) => self.check_field(&at, field, value)?,
                None if field.may_be_missing => {}
                None => return Err(wrong(at, "is missing")),
            }
        }
        Ok(())
    }

    fn check_field(&self, at: &str, field: &Field, value: &Value) -> Result<(), SchemaError> {
        let mut errors = field.kinds.iter().map(|kind| self.check_kind(at, kind, value));
        let first = errors.next().unwrap_or(Ok(()));
        if first.is_ok() || errors.any(|other| other.is_ok()) { Ok(()) } else { first }
    }

    fn check_kind(&self, at: &str, kind: &Kind, value: &Value) -> Result<(), SchemaError> {
        let fits = match (kind, value) {
            (Kind::Null, Value::Null) | (Kind::Text, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => {
                true
            }
            (Kind::Integer, value) => value.is_u64() || value.is_i64(),
            (Kind::Number, value) => value.is_number(),
            (Kind::Object(name), value) => return self.check_at(at, name, value),
            (Kind::List(kind), Value::Array(items)) => {
                let mut items = items.iter().enumerate();
                return items.try_for_each(|(n, item)| self.check_kind(&format!("{at}[{n}]"), kind, item));
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(wrong(at, format!("{value} does not match the documented type"))) }
    }

    fn fields(&self, object: &str) -> Result<BTreeMap<&str, &Field>, SchemaError> {
        let found = self.objects.get(object).ok_or_else(|| wrong(object, "is not an object"))?;
        let mut fields = match &found.base {
            Some(base) => self.fields(base)?,
            None => BTreeMap::new(),
        };
        fields.extend(found.fields.iter().map(|(name, field)| (name.as_str(), field)));
        Ok(fields)
    }

    /// Checks the output of a command against what it may print. `arguments`: the command line's, without those of a program.
    ///
    /// # Errors
    /// [`SchemaError`], also for a command that is not documented, and for output that is not JSON.
    pub fn check_output(&self, arguments: &[&str], output: &str) -> Result<(), SchemaError> {
        let fits = |row: &&Command| row.words.iter().all(|word| arguments.contains(&word.as_str()));
        let row = self.commands.iter().filter(fits).max_by_key(|row| row.words.len());
        let row = row.ok_or_else(|| wrong(arguments.join(" "), "is not in the table of commands"))?;
        let objects: Vec<&str> = row.objects.iter().map(String::as_str).collect();
        let count = self.check_lines(&objects, output)?;
        if count > 1 && !row.lines {
            return Err(wrong(arguments.join(" "), format!("{count} objects where one is documented")));
        }
        Ok(())
    }

    /// Checks the output of an unknown command against all documented objects.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn check_any(&self, output: &str) -> Result<(), SchemaError> {
        let objects: Vec<&str> = self.objects.keys().map(String::as_str).collect();
        self.check_lines(&objects, output).map(drop)
    }

    /// Checks that each line is one of these objects, and returns the number of lines.
    fn check_lines(&self, objects: &[&str], output: &str) -> Result<usize, SchemaError> {
        let lines = output.lines().filter(|line| !line.is_empty());
        let mut count = 0;
        for line in lines {
            count += 1;
            let value: Value = serde_json::from_str(line).map_err(|error| wrong(line, error.to_string()))?;
            let errors: Vec<_> =
                objects.iter().filter_map(|object| self.check(object, &value).err()).collect();
            if errors.len() == objects.len() {
                let what = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                return Err(wrong(line, what));
            }
        }
        Ok(count)
    }
}

impl Kind {
    fn object(&self) -> Option<&str> {
        match self {
            Self::Object(name) => Some(name),
            Self::List(kind) => kind.object(),
            _ => None,
        }
    }
}

fn parse_kind(line: &str, kind: &str) -> Result<Kind, SchemaError> {
    if let Some(item) = kind.strip_prefix("list of ") {
        return Ok(Kind::List(Box::new(parse_kind(line, item)?)));
    }
    Ok(match kind {
        "text" => Kind::Text,
        "integer" => Kind::Integer,
        "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        "null" => Kind::Null,
        link => match links(link).as_slice() {
            [name] => Kind::Object(name.clone()),
            _ => return Err(wrong(line, format!("`{kind}` is not a type"))),
        },
    })
}

/// The text inside each `code` span.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The targets of `[links](#target)`.
fn links(text: &str) -> Vec<String> {
    text.split("](#").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "# Title\n\n## Commands\n| command | prints |\n|---|---|\n| `list`, `list -a` | [all](#all) |\n\
        | `list --follow` | [thing](#thing), one per line |\n\n## all\n| field | type | meaning |\n|---|---|---|\n\
        | `things` | list of [thing](#thing) or null | x |\n\n## thing\nAll fields of [error](#error), and:\n\n\
        | field | type | meaning |\n|---|---|---|\n| `size` | integer or left out | x |\n\n## error\n\n\
        | field | type | meaning |\n|---|---|---|\n| `error` | text or null | x |\n";

    fn schema() -> Schema {
        Schema::parse(TEXT).unwrap()
    }

    fn why(object: &str, value: &Value) -> String {
        schema().check(object, value).unwrap_err().to_string()
    }

    #[test]
    fn values_match_their_documentation() {
        for value in [json!({"error": "a", "size": 1}), json!({"error": null})] {
            schema().check("thing", &value).unwrap();
            schema().check("all", &json!({"things": [value]})).unwrap();
        }
        schema().check("all", &json!({"things": null})).unwrap();
        assert_eq!(why("thing", &json!({"size": 1})), "thing.error: is missing");
        assert_eq!(why("thing", &json!({"error": "a", "new": 1})), "thing.new: is not documented");
        assert_eq!(
            why("all", &json!({"things": [{"error": "a", "size": "b"}]})),
            "all.things[0].size: \"b\" does not match the documented type"
        );
        assert_eq!(why("thing", &json!([])), "thing: [] is not an object");
    }

    #[test]
    fn command_prints_what_its_row_documents() {
        let (schema, one) = (schema(), r#"{"things": []}"#);
        let two = "{\"error\": null}\n{\"error\": null}\n";
        schema.check_output(&["list", "-o", "json"], one).unwrap();
        schema.check_output(&["list", "--follow"], two).unwrap();
        schema.check_output(&["list", "-a"], "").unwrap();
        for (arguments, output) in [
            (&["list"][..], two),
            (&["list"], &format!("{one}\n{one}")),
            (&["list", "--follow"], one),
            (&["other"], one),
            (&["list"], "text"),
        ] {
            assert!(schema.check_output(arguments, output).is_err(), "{arguments:?} {output}");
        }
        schema.check_any(two).unwrap();
        schema.check_any("{}").unwrap_err();
        assert!(schema.knows("list") && !schema.knows("list --b"));
    }

    #[test]
    fn inconsistent_document_is_rejected() {
        for (from, to) in [
            ("[thing](#thing) or null", "[other](#other)"),
            ("integer or left out", "whole"),
            ("## error\n", "## unused\n\n| `a` | text | x |\n\n## error\n"),
            ("| `size` | integer or left out | x |", "| `size` | integer | x |\n| `size` | integer | x |"),
            ("| `size` | integer or left out | x |", "| `size` | integer |"),
        ] {
            assert!(TEXT.contains(from));
            Schema::parse(&TEXT.replacen(from, to, 1)).unwrap_err();
        }
    }
}

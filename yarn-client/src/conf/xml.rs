//! Reads `*-site.xml` files by the rules of Hadoop's `Configuration.Parser`.

use std::path::{Path, PathBuf};

use roxmltree::{Document, Node, ParsingOptions};

use super::ConfError;

/// How deeply files may include each other. Hadoop has no limit and overflows its stack.
const MAX_INCLUDE_DEPTH: usize = 16;
/// Far larger than any real configuration; keeps a wrong path from filling memory.
const MAX_FILE_LEN: u64 = 16 << 20;
/// The parser compares each attribute and each declared namespace with all others of its element, so more than a few thousand would
/// keep it busy for hours.
const MAX_ATTRIBUTES: usize = 1000;
const MAX_NAMESPACES: usize = 64;

/// One `<property>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_final: bool,
    /// The file that contains it: for XInclude, the included one.
    pub(super) path: PathBuf,
    pub(super) line: u32,
}

/// Reads a file and what it includes; the properties are in document order.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, ConfError> {
    let mut entries = Vec::new();
    read_into(path, 0, &mut entries)?;
    Ok(entries)
}

fn read_into(path: &Path, depth: usize, entries: &mut Vec<Entry>) -> Result<(), ConfError> {
    let fail = |source| ConfError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(fail)?.len();
    if len > MAX_FILE_LEN {
        return Err(malformed(path, 1, format!("it is too large for a configuration file ({len} bytes)")));
    }
    parse(path, &std::fs::read(path).map_err(fail)?, depth, entries)
}

/// Parses the content of the file `path`; the name is used for includes and messages.
pub(crate) fn parse(
    path: &Path,
    content: &[u8],
    depth: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), ConfError> {
    let text = decode(path, content)?;
    check(&text).map_err(|reason| malformed(path, 1, reason))?;
    let options = ParsingOptions { allow_dtd: true, nodes_limit: 1 << 20, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).map_err(|error| {
        // The parser repeats the position at the end of its text.
        let text = error.to_string();
        let reason = text.rsplit_once(" at ").map_or(text.as_str(), |(reason, _)| reason);
        malformed(path, error.pos().row, reason.to_owned())
    })?;
    let (file, root) = (File::new(path, &text), document.root_element());
    if root.tag_name().name() != "configuration" {
        let reason = format!("the top-level element is <{}>, not <configuration>", root.tag_name().name());
        return Err(file.malformed(root, reason));
    }
    walk(&file, root, depth, entries)
}

/// Refuses what would take the parser too long.
fn check(text: &str) -> Result<(), String> {
    for tag in text.split('<').filter(|tag| !tag.starts_with(['!', '?', '/'])) {
        let (mut quote, mut attributes) = (None, 0);
        for byte in tag.bytes() {
            match (quote, byte) {
                (Some(open), _) if open == byte => (quote, attributes) = (None, attributes + 1),
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'>') => break,
                _ => {}
            }
        }
        if attributes > MAX_ATTRIBUTES {
            return Err(format!("an element has {attributes} attributes (the limit is {MAX_ATTRIBUTES})"));
        }
    }
    let namespaces = text.matches("xmlns").count();
    if namespaces > MAX_NAMESPACES {
        return Err(format!("it declares {namespaces} namespaces (the limit is {MAX_NAMESPACES})"));
    }
    Ok(())
}

/// A file that is being read.
struct File<'a> {
    path: &'a Path,
    /// Where its lines begin, bytes. The parser would count them anew for each property.
    lines: Vec<usize>,
}

impl<'a> File<'a> {
    fn new(path: &'a Path, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { path, lines: std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    fn line(&self, node: Node<'_, '_>) -> u32 {
        let start = node.range().start;
        u32::try_from(self.lines.partition_point(|line| *line <= start)).unwrap_or(u32::MAX)
    }

    fn malformed(&self, node: Node<'_, '_>, reason: String) -> ConfError {
        malformed(self.path, self.line(node), reason)
    }
}

fn walk(
    file: &File<'_>,
    parent: Node<'_, '_>,
    depth: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), ConfError> {
    for node in parent.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "property" => entries.extend(property(file, node)),
            "include" => include(file, node, depth, entries)?,
            // Hadoop allows a configuration inside a configuration. The depth is limited, so that a hostile file
            // cannot exhaust our stack.
            "configuration" if depth < MAX_INCLUDE_DEPTH => walk(file, node, depth + 1, entries)?,
            "configuration" => return Err(file.malformed(node, "nested too deeply".to_owned())),
            // Unknown elements are ignored, as Hadoop does.
            _ => {}
        }
    }
    Ok(())
}

fn property(file: &File<'_>, node: Node<'_, '_>) -> Option<Entry> {
    // Hadoop also reads the short form <property name="…" value="…"/>.
    let mut name = node.attribute("name").map(str::to_owned);
    let mut value = node.attribute("value").map(str::to_owned);
    let mut is_final = node.attribute("final") == Some("true");
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "name" => name = Some(text(child).trim().to_owned()),
            "value" => value = Some(text(child)),
            "final" => is_final = text(child).trim() == "true",
            _ => {}
        }
    }
    let name = name.filter(|name| !name.is_empty())?;
    Some(Entry { name, value: value?, is_final, path: file.path.to_owned(), line: file.line(node) })
}

/// XInclude as implemented by Hadoop: `href` relative to the including file; `<fallback>` if it is missing.
fn include(
    file: &File<'_>,
    node: Node<'_, '_>,
    depth: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), ConfError> {
    let Some(href) = node.attribute("href") else { return Ok(()) };
    let href = href.trim();
    let local = href.strip_prefix("file://").or_else(|| href.strip_prefix("file:")).unwrap_or(href);
    if local.contains("://") {
        return Err(file.malformed(node, format!("cannot include {href}: only files are supported")));
    }
    let target = file.path.with_file_name("").join(local);
    if depth >= MAX_INCLUDE_DEPTH {
        let reason = format!("includes nest deeper than {MAX_INCLUDE_DEPTH}; does {href} include itself?");
        return Err(file.malformed(node, reason));
    }
    if target.is_file() {
        return read_into(&target, depth + 1, entries);
    }
    match node.children().find(|child| child.tag_name().name() == "fallback") {
        Some(fallback) => walk(file, fallback, depth + 1, entries),
        None => {
            let reason =
                format!("the included file {} does not exist and there is no fallback", target.display());
            Err(file.malformed(node, reason))
        }
    }
}

/// All text below a node: comments and CDATA sections may split it.
fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

fn malformed(path: &Path, line: u32, reason: String) -> ConfError {
    ConfError::Malformed { path: path.to_owned(), line, reason }
}

fn decode(path: &Path, content: &[u8]) -> Result<String, ConfError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    match std::str::from_utf8(content) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let head = String::from_utf8_lossy(content.get(..100).unwrap_or(content)).to_lowercase();
            if head.starts_with("<?xml") && (head.contains("iso-8859-1") || head.contains("latin1")) {
                return Ok(content.iter().map(|byte| char::from(*byte)).collect());
            }
            let before = content.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Err(malformed(path, u32::try_from(line).unwrap_or(u32::MAX), "the file is not UTF-8".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse_text(text: &str) -> Result<Vec<Entry>, ConfError> {
        let mut entries = Vec::new();
        parse(Path::new("/conf/core-site.xml"), text.as_bytes(), 0, &mut entries)?;
        Ok(entries)
    }

    fn pairs(entries: &[Entry]) -> Vec<(&str, &str, bool)> {
        entries.iter().map(|e| (e.name.as_str(), e.value.as_str(), e.is_final)).collect()
    }

    #[test]
    fn reads_properties_in_every_form() {
        let entries = parse_text(
            "<?xml version=\"1.0\"?>\n<!-- c -->\n<configuration>\n\
             <property><name> a </name><value>1<!-- x -->2<![CDATA[<3>]]></value><final>true</final></property>\n\
             <property name=\"b\" value=\"4\" final=\"true\"/>\n\
             <property><name>empty</name><value></value></property>\n\
             <property><name>none</name></property>\n\
             <configuration><property><name>c</name><value>&lt;5</value></property></configuration>\n\
             <other/></configuration>",
        )
        .unwrap();
        assert_eq!(
            pairs(&entries),
            [("a", "12<3>", true), ("b", "4", true), ("empty", "", false), ("c", "<5", false)]
        );
        assert_eq!(entries[0].line, 4);
    }

    #[test]
    fn malformed_files_name_file_and_line() {
        let error = parse_text("<configuration>\n<property>\n</configuration>").unwrap_err().to_string();
        assert!(error.starts_with("/conf/core-site.xml:3: "), "{error}");
        let error = parse_text("<html/>").unwrap_err().to_string();
        assert!(error.contains("core-site.xml:1: the top-level element is <html>"), "{error}");
    }

    #[test]
    fn latin1_is_read_when_declared() {
        let mut entries = Vec::new();
        let text = b"<?xml version='1.0' encoding='ISO-8859-1'?><configuration><property><name>a</name><value>\xfc</value></property></configuration>";
        parse(Path::new("x"), text, 0, &mut entries).unwrap();
        assert_eq!(entries[0].value, "ü");
        let error = parse(Path::new("x"), b"<a>\n\xfc</a>", 0, &mut entries).unwrap_err();
        assert_eq!(error.to_string(), "x:2: the file is not UTF-8");
    }

    #[test]
    fn includes_are_relative_to_the_including_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let main = dir.path().join("core-site.xml");
        let xi = "xmlns:xi=\"http://www.w3.org/2001/XInclude\"";
        std::fs::write(
            &main,
            format!(
                "<configuration {xi}><property><name>a</name><value>1</value></property>\
                 <xi:include href=\"sub/more.xml\"/>\
                 <xi:include href=\"missing.xml\"><xi:fallback><property><name>f</name><value>9</value></property>\
                 </xi:fallback></xi:include></configuration>"
            ),
        )
        .unwrap();
        std::fs::write(
            dir.path().join("sub/more.xml"),
            format!("<configuration {xi}><xi:include href=\"last.xml\"/></configuration>"),
        )
        .unwrap();
        std::fs::write(
            dir.path().join("sub/last.xml"),
            "<configuration>\n<property><name>b</name><value>2</value></property></configuration>",
        )
        .unwrap();
        let entries = read(&main).unwrap();
        assert_eq!(pairs(&entries), [("a", "1", false), ("b", "2", false), ("f", "9", false)]);
        assert_eq!(
            (entries[1].path.as_path(), entries[1].line),
            (dir.path().join("sub/last.xml").as_path(), 2)
        );
    }

    #[test]
    fn includes_that_cannot_be_followed_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.xml");
        for (href, reason) in
            [("a.xml", "includes nest deeper"), ("b.xml", "does not exist"), ("http://h/x", "only files")]
        {
            std::fs::write(&file, format!("<configuration>\n<include href=\"{href}\"/></configuration>"))
                .unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.contains("a.xml:2: ") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn elements_that_take_the_parser_too_long_are_refused() {
        let of = |unit: &dyn Fn(usize) -> String| (0..100_000).map(unit).collect::<String>();
        let attributes =
            format!("<configuration><property {}/></configuration>", of(&|i| format!("a{i}='' ")));
        assert!(parse_text(&attributes).unwrap_err().to_string().contains("attributes"));
        let namespaces = format!("<configuration>{}", of(&|i| format!("<a xmlns:n{i}='u{i}'>")));
        assert!(parse_text(&namespaces).unwrap_err().to_string().contains("namespaces"));
        let value = format!(
            "<configuration><property><name>a</name><value>{}</value></property></configuration>",
            of(&|i| format!("{i}=\"\" "))
        );
        assert_eq!(parse_text(&value).unwrap().len(), 1, "in a value they do no harm");
    }

    #[test]
    fn hostile_nesting_and_entities_are_refused() {
        let deep = format!("{}{}", "<configuration>".repeat(200), "</configuration>".repeat(200));
        assert!(parse_text(&deep).unwrap_err().to_string().contains("nested too deeply"));
        let mut bomb = String::from("<!DOCTYPE c [<!ENTITY a0 \"aaaaaaaaaa\">");
        for i in 1..20 {
            bomb.push_str(&format!("<!ENTITY a{i} \"{}\">", format!("&a{};", i - 1).repeat(10)));
        }
        bomb.push_str(
            "]><configuration><property><name>x</name><value>&a19;</value></property></configuration>",
        );
        assert!(parse_text(&bomb).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(content in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(Path::new("x.xml"), &content, 0, &mut Vec::new());
        }

        /// Pieces of real syntax get past the first characters, unlike random noise.
        #[test]
        fn arbitrary_syntax_never_panics(parts in proptest::collection::vec(prop_oneof![
            Just("<configuration>"), Just("</configuration>"), Just("<property>"), Just("</property>"),
            Just("<name>"), Just("</name>"), Just("<value>"), Just("</value>"), Just("<final>true</final>"),
            Just("<include href='"), Just("'/>"), Just("<![CDATA["), Just("]]>"), Just("<!--"), Just("-->"),
            Just("&a;"), Just("&#x110000;"), Just("<!DOCTYPE c [<!ENTITY a '&a;'>]>"), Just("<?xml ?>"),
            Just("é"), Just("\0"), Just("xmlns:a='b' "), Just("<a:b"), Just("/"), Just("key")
        ], 0..40)) {
            let _ = parse(Path::new("x.xml"), parts.concat().as_bytes(), 0, &mut Vec::new());
        }
    }
}

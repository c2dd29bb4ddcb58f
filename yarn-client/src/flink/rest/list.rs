//! Reads the list in a reply item by item. The lists of TaskManagers and jobs grow with the cluster: ten thousand
//! TaskManagers are ten megabytes, of which a reader keeps one. Only one item is in memory at a time, besides what is kept.

use std::fmt;

use hyper::Method;
use serde::de::{DeserializeOwned, Error as _};

use super::{Client, RestError, empty};

/// No cluster has as many.
const MOST: usize = 1 << 20;
/// Longer than any name of a list.
const LONGEST_KEY: usize = 64;

/// Why a list cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It has more items than any cluster.
    TooMany(usize),
    /// An item is larger than allowed.
    ItemTooLarge,
    /// The reply is something else, or incomplete.
    Malformed(&'static str),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(most) => write!(f, "more than {most} items"),
            Self::ItemTooLarge => f.write_str("an item is too large"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

/// Where in a reply such as `{"jobs": [{…}, {…}]}` reading has arrived. Only as much of JSON's grammar is known here as it
/// takes to find the items; each item is parsed by the caller.
#[derive(Debug)]
pub(super) struct Items {
    key: &'static str,
    /// The largest item, bytes.
    largest: usize,
    /// How many objects and lists are open.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string outside of the list: before a list, this is its name.
    name: Vec<u8>,
    in_list: bool,
    found: bool,
    over: bool,
    item: Vec<u8>,
    count: usize,
}

impl Items {
    /// The list of this name, with items of at most so many bytes.
    pub(super) fn new(key: &'static str, largest: usize) -> Self {
        Self {
            key,
            largest,
            depth: 0,
            in_string: false,
            escaped: false,
            name: Vec::new(),
            in_list: false,
            found: false,
            over: false,
            item: Vec::new(),
            count: 0,
        }
    }

    /// Takes in the next part of the reply, and gives each item that is complete to `each`.
    pub(super) fn read<E: From<Unreadable>>(
        &mut self,
        part: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // Where in this part the item begins or goes on.
        let mut from = 0;
        for (at, byte) in part.iter().enumerate() {
            if self.in_string {
                self.string(*byte);
                continue;
            }
            match byte {
                b'"' if self.depth == 0 => return Err(Unreadable::Malformed("not an object").into()),
                b'"' => {
                    self.in_string = true;
                    self.name.clear();
                }
                b'{' | b'[' => {
                    if self.over || (self.depth == 0 && *byte == b'[') {
                        return Err(Unreadable::Malformed("not an object").into());
                    }
                    self.depth += 1;
                    if self.depth == 2 && *byte == b'[' && !self.found && self.name == self.key.as_bytes() {
                        (self.in_list, self.found) = (true, true);
                        from = at + 1;
                    }
                }
                b',' if self.in_list && self.depth == 2 => {
                    self.item(&part[from..at], each)?;
                    from = at + 1;
                }
                b'}' | b']' => {
                    if self.in_list && self.depth == 2 {
                        if *byte == b'}' {
                            return Err(Unreadable::Malformed("a list that ends as an object").into());
                        }
                        self.item(&part[from..at], each)?;
                        self.in_list = false;
                    }
                    let Some(depth) = self.depth.checked_sub(1) else {
                        return Err(Unreadable::Malformed("more ends than beginnings").into());
                    };
                    self.depth = depth;
                    self.over = depth == 0;
                }
                byte if self.depth == 0 && !byte.is_ascii_whitespace() => {
                    return Err(Unreadable::Malformed("not an object").into());
                }
                _ => {}
            }
        }
        if self.in_list {
            self.add(&part[from.min(part.len())..])?;
        }
        Ok(())
    }

    fn string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.in_string = false;
            return;
        } else {
            self.escaped = byte == b'\\';
        }
        if self.depth == 1 && self.name.len() < LONGEST_KEY {
            self.name.push(byte);
        }
    }

    fn add(&mut self, part: &[u8]) -> Result<(), Unreadable> {
        if self.item.len() + part.len() > self.largest {
            return Err(Unreadable::ItemTooLarge);
        }
        self.item.extend_from_slice(part);
        Ok(())
    }

    /// An item ends with this part.
    fn item<E: From<Unreadable>>(
        &mut self,
        end: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.add(end)?;
        // An empty list has none.
        if !self.item.trim_ascii().is_empty() {
            self.count += 1;
            if self.count > MOST {
                return Err(Unreadable::TooMany(MOST).into());
            }
            each(&self.item)?;
        }
        self.item.clear();
        Ok(())
    }

    /// The reply is complete.
    pub(super) fn end(&self) -> Result<(), Unreadable> {
        match (self.over, self.found) {
            (false, _) => Err(Unreadable::Malformed("the reply is incomplete")),
            (true, false) => Err(Unreadable::Malformed("the list is missing")),
            (true, true) => Ok(()),
        }
    }
}

/// Why a list, or an item of it, cannot be read.
enum Listed {
    Unreadable(Unreadable),
    Item(serde_json::Error),
}

impl From<Unreadable> for Listed {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

impl Client {
    /// All items of the list of this name.
    pub(super) async fn collect<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        key: &'static str,
    ) -> Result<Vec<T>, RestError> {
        let mut all = Vec::new();
        self.each(path, key, |item| all.push(item)).await?;
        Ok(all)
    }

    /// Reads the list of this name from a response, item by item.
    pub(super) async fn each<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &'static str,
        mut each: impl FnMut(T) + Send,
    ) -> Result<(), RestError> {
        let mut items = Items::new(key, self.options.max_body);
        let unreadable = |error| match error {
            Listed::Item(source) => self.not_understood(path, source),
            Listed::Unreadable(Unreadable::ItemTooLarge) => self.too_large(path),
            Listed::Unreadable(other) => self.not_understood(path, serde_json::Error::custom(other)),
        };
        let mut take = |part: &[u8]| {
            let mut parse = |item: &[u8]| -> Result<(), Listed> {
                each(serde_json::from_slice(item).map_err(Listed::Item)?);
                Ok(())
            };
            items.read(part, &mut parse).map_err(unreadable)
        };
        self.receive(Method::GET, path, None, empty(), &mut take).await?;
        items.end().map_err(|error| unreadable(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of a reply that arrives in parts of this size.
    fn items(reply: &str, part: usize) -> Result<Vec<String>, Unreadable> {
        let mut items = Items::new("jobs", 100);
        let mut found = Vec::new();
        let mut each = |item: &[u8]| -> Result<(), Unreadable> {
            found.push(String::from_utf8_lossy(item).trim().to_owned());
            Ok(())
        };
        for part in reply.as_bytes().chunks(part) {
            items.read(part, &mut each)?;
        }
        items.end()?;
        Ok(found)
    }

    #[test]
    fn items_are_found_wherever_a_reply_is_cut() {
        let table: [(&str, &[&str]); 7] = [
            (r#"{"jobs":[]}"#, &[]),
            (r#" {"jobs" : [ ] } "#, &[]),
            (
                r#"{"jobs":[{"a":1},{"b":[2,{"c":"],}"}]} , {}]}"#,
                &[r#"{"a":1}"#, r#"{"b":[2,{"c":"],}"}]}"#, "{}"],
            ),
            (r#"{"jobs":["a,b",1,null,"\"]"],"more":[{}]}"#, &[r#""a,b""#, "1", "null", r#""\"]""#]),
            (r#"{"x":{"jobs":[1]},"y":"jobs","z":[2],"jobs":[3],"jobs":[4]}"#, &["3"]),
            (r#"{"x":["jobs",[1]],"jobs":[[5,6],[7]]}"#, &["[5,6]", "[7]"]),
            (r#"{"\"jobs":[1],"jobs":[2]}"#, &["2"]),
        ];
        for (reply, expected) in table {
            for part in 1..=reply.len() {
                assert_eq!(
                    items(reply, part).as_deref(),
                    Ok(expected.map_owned().as_slice()),
                    "{reply} {part}"
                );
            }
        }
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|it| (*it).to_owned()).collect()
        }
    }

    #[test]
    fn what_is_no_such_list_is_an_error() {
        for reply in [
            "",
            "{",
            "[",
            "]",
            "}",
            "null",
            "\"jobs\"",
            "<html>",
            r#"{"jobs":[1}"#,
            r#"{"jobs":[1]"#,
            r#"{"jobs":[1"#,
            r#"{"jobs":[1]}]"#,
            r#"{"jobs":[1]}{"#,
            r#"{"jobs":[1]} x"#,
            r#"{"jobs":null}"#,
            r#"{"other":[]}"#,
            "{}",
            r#"{"jobs":["]}"#,
        ] {
            for part in 1..=reply.len().max(1) {
                assert!(items(reply, part).is_err(), "{reply} {part}");
            }
        }
    }

    #[test]
    fn a_list_is_limited_by_its_items_and_not_by_its_length() {
        let item = format!(r#"{{"name":"{}"}}"#, "x".repeat(80));
        let many = format!(r#"{{"jobs":[{}]}}"#, vec![item; 10_000].join(","));
        assert_eq!(items(&many, 8192).map(|items| items.len()), Ok(10_000));
        let large = format!(r#"{{"jobs":[1,"{}"]}}"#, "x".repeat(100));
        for part in [1, 7, 1000] {
            assert_eq!(items(&large, part), Err(Unreadable::ItemTooLarge));
        }
        let mut endless = Items::new("jobs", 100);
        let mut count = 0;
        let mut each = |_: &[u8]| -> Result<(), Unreadable> {
            count += 1;
            Ok(())
        };
        let mut read = endless.read(br#"{"jobs":["#, &mut each);
        while read == Ok(()) {
            read = endless.read(b"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,", &mut each);
        }
        assert_eq!((read, count), (Err(Unreadable::TooMany(MOST)), MOST));
    }
}

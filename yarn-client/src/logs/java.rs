//! The part of Java's object serialization stream (Java Object Serialization Specification, chapter 6) that an index of logs
//! needs: objects with their declared fields, strings, lists, maps, enumerations, and references back to all of them.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Nothing that a NodeManager writes is nested deeper.
const DEPTH: u32 = 64;
/// Values of one stream, each counted as often as it is referred to: otherwise a few kilobytes of lists that refer to one another
/// stand for billions of files, and for a chain that is too long to be dropped. An index of ten thousand files has a tenth of this.
const VALUES: u32 = 1 << 20;
/// Start value of references.
const FIRST_HANDLE: u32 = 0x7e_0000;

/// A value of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Java {
    Null,
    Number(i64),
    /// A value of a type that is not needed here.
    Other,
    Text(Rc<str>),
    /// `ArrayList`, arrays.
    List(Rc<Vec<Self>>),
    /// `HashMap`: keys and values in the stream's order.
    Map(Rc<Vec<(Self, Self)>>),
    /// Fields by name.
    Object(Rc<BTreeMap<Rc<str>, Self>>),
}

impl Java {
    /// A field of an object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(name),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

/// A class description.
#[derive(Debug, Clone)]
struct Class {
    name: String,
    flags: u8,
    /// Type code and name.
    fields: Vec<(u8, Rc<str>)>,
    parent: Option<Rc<Self>>,
    /// How many superclasses it has.
    ancestors: u32,
}

/// What a reference may refer to.
#[derive(Debug, Clone)]
enum Known {
    Class(Rc<Class>),
    /// With the number of values in it.
    Value(Java, u32),
    /// Not complete yet.
    Pending,
}

/// Reads the first object of a stream.
///
/// # Errors
/// A description of what is wrong.
pub(crate) fn read(bytes: &[u8]) -> Result<Java, String> {
    let mut reader = Reader { bytes, known: Vec::new(), values: 0 };
    if reader.u16()? != 0xaced || reader.u16()? != 5 {
        return Err("it is not a Java serialization stream".to_owned());
    }
    reader.value(0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    known: Vec<Known>,
    /// So far.
    values: u32,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or("the stream ends too soon")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn unsigned(&mut self, length: usize) -> Result<u64, String> {
        Ok(self.take(length)?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::try_from(self.unsigned(2)?).unwrap_or(0))
    }

    fn i32(&mut self) -> Result<i32, String> {
        Ok(u32::try_from(self.unsigned(4)?).unwrap_or(0).cast_signed())
    }

    fn utf(&mut self, length: usize) -> Result<String, String> {
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn short_utf(&mut self) -> Result<String, String> {
        let length = self.u16()?;
        self.utf(length.into())
    }

    fn keep(&mut self, known: Known) -> usize {
        self.known.push(known);
        self.known.len() - 1
    }

    fn referred(&mut self) -> Result<Known, String> {
        let handle = u32::try_from(self.unsigned(4)?).unwrap_or(0);
        let at = handle.checked_sub(FIRST_HANDLE).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.known.get(at)).cloned().ok_or_else(|| "a dangling reference".to_owned())
    }

    fn count(&mut self, values: u32) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        if self.values > VALUES {
            return Err(format!("it holds more than {VALUES} values"));
        }
        Ok(())
    }

    fn value(&mut self, depth: u32) -> Result<Java, String> {
        if depth > DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        self.count(1)?;
        match self.u8()? {
            0x70 => Ok(Java::Null),
            0x71 => match self.referred()? {
                Known::Value(value, values) => {
                    self.count(values)?;
                    Ok(value)
                }
                Known::Pending => Ok(Java::Other),
                Known::Class(_) => Err("a class instead of a value".to_owned()),
            },
            0x74 => {
                let text = self.short_utf()?;
                Ok(self.text(text))
            }
            0x7c => {
                let length = usize::try_from(self.unsigned(8)?).unwrap_or(usize::MAX);
                let text = self.utf(length)?;
                Ok(self.text(text))
            }
            0x73 => self.object(depth),
            0x7e => {
                // An enumeration's constant: its class, and its name.
                self.class(depth)?;
                let at = self.keep(Known::Pending);
                let name = self.value(depth + 1)?;
                self.known[at] = Known::Value(name.clone(), 1);
                Ok(name)
            }
            0x75 => {
                let before = self.values;
                let class = self.class(depth)?.ok_or("an array without a class")?;
                let at = self.keep(Known::Pending);
                let length = self.i32()?;
                let kind = class.name.as_bytes().get(1).copied().unwrap_or(b'L');
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(self.field_value(kind, depth)?);
                }
                let list = Java::List(Rc::new(items));
                self.known[at] = Known::Value(list.clone(), self.values - before);
                Ok(list)
            }
            other => Err(format!("unexpected type code {other:#x}")),
        }
    }

    fn text(&mut self, text: String) -> Java {
        let text = Java::Text(text.into());
        self.keep(Known::Value(text.clone(), 1));
        text
    }

    fn object(&mut self, depth: u32) -> Result<Java, String> {
        let before = self.values;
        let class = self.class(depth)?.ok_or("an object without a class")?;
        let at = self.keep(Known::Pending);
        let mut lineage = Vec::new();
        let mut next = Some(Rc::clone(&class));
        while let Some(class) = next.take() {
            next.clone_from(&class.parent);
            lineage.push(class);
        }
        let mut fields = BTreeMap::new();
        let mut special = None;
        for class in lineage.iter().rev() {
            for (kind, name) in &class.fields {
                let value = self.field_value(*kind, depth)?;
                fields.insert(Rc::clone(name), value);
            }
            if class.flags & 1 != 0 {
                let written = self.written(class, &fields, depth)?;
                special = special.or(written);
            }
        }
        let value = special.unwrap_or_else(|| Java::Object(Rc::new(fields)));
        self.known[at] = Known::Value(value.clone(), self.values - before);
        Ok(value)
    }

    /// Reads what a class writes after its fields with a method of its own.
    fn written(
        &mut self,
        class: &Class,
        fields: &BTreeMap<Rc<str>, Java>,
        depth: u32,
    ) -> Result<Option<Java>, String> {
        let special = match class.name.as_str() {
            "java.util.HashMap" => {
                // A block of 8 bytes: capacity, and number of entries.
                let block = self.block()?;
                let count = block.get(4..8).ok_or("a map without a size")?;
                let count = count.iter().fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
                let mut entries = Vec::new();
                for _ in 0..count {
                    entries.push((self.value(depth + 1)?, self.value(depth + 1)?));
                }
                Some(Java::Map(Rc::new(entries)))
            }
            "java.util.ArrayList" => {
                self.block()?;
                let count = fields.get("size").and_then(Java::number).unwrap_or(0);
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(depth + 1)?);
                }
                Some(Java::List(Rc::new(items)))
            }
            _ => None,
        };
        loop {
            match self.bytes.first() {
                Some(0x78) => {
                    self.take(1)?;
                    return Ok(special);
                }
                Some(0x77 | 0x7a) => drop(self.block()?),
                _ => drop(self.value(depth + 1)?),
            }
        }
    }

    fn block(&mut self) -> Result<Vec<u8>, String> {
        let length = match self.u8()? {
            0x77 => usize::from(self.u8()?),
            0x7a => usize::try_from(self.i32()?).map_err(|_| "a block of negative length")?,
            other => return Err(format!("type code {other:#x} instead of data")),
        };
        Ok(self.take(length)?.to_vec())
    }

    fn field_value(&mut self, kind: u8, depth: u32) -> Result<Java, String> {
        self.count(1)?;
        Ok(match kind {
            b'B' | b'Z' => Java::Number(i64::from(self.u8()?)),
            b'C' | b'S' => Java::Number(i64::from(self.u16()?.cast_signed())),
            b'I' => Java::Number(i64::from(self.i32()?)),
            b'J' => Java::Number(self.unsigned(8)?.cast_signed()),
            b'F' => {
                self.take(4)?;
                Java::Other
            }
            b'D' => {
                self.take(8)?;
                Java::Other
            }
            _ => self.value(depth + 1)?,
        })
    }

    fn class(&mut self, depth: u32) -> Result<Option<Rc<Class>>, String> {
        if depth > DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        self.count(1)?;
        match self.u8()? {
            0x70 => Ok(None),
            0x71 => match self.referred()? {
                Known::Class(class) => Ok(Some(class)),
                _ => Err("a value instead of a class".to_owned()),
            },
            0x72 => {
                let name = self.short_utf()?;
                self.take(8)?;
                let at = self.keep(Known::Pending);
                let flags = self.u8()?;
                let count = self.u16()?;
                let mut fields = Vec::new();
                for _ in 0..count {
                    self.count(1)?;
                    let kind = self.u8()?;
                    let name = self.short_utf()?;
                    if matches!(kind, b'L' | b'[') {
                        // The field's type.
                        self.value(depth + 1)?;
                    }
                    fields.push((kind, name.into()));
                }
                while self.bytes.first() != Some(&0x78) {
                    self.value(depth + 1)?;
                }
                self.take(1)?;
                let parent = self.class(depth + 1)?;
                let ancestors = parent.as_ref().map_or(0, |parent| parent.ancestors + 1);
                if ancestors > DEPTH {
                    return Err("a class with too many superclasses".to_owned());
                }
                let class = Rc::new(Class { name, flags, fields, parent, ancestors });
                self.known[at] = Known::Class(Rc::clone(&class));
                Ok(Some(class))
            }
            other => Err(format!("type code {other:#x} instead of a class")),
        }
    }
}

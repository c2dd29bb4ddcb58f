//! What `logs --list` prints.

use proto::ids::ApplicationId;
use serde::Serialize;
use yarn_client::logs::LogFile;

use crate::render::{Align, Table};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogFileView {
    pub(crate) container: String,
    pub(crate) node: String,
    pub(crate) file: String,
    /// Length in bytes.
    pub(crate) length: u64,
    /// `LOCAL` or `AGGREGATED`.
    pub(crate) aggregation: &'static str,
}

/// The output of `logs --list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogsView {
    pub(crate) application_id: String,
    pub(crate) files: Vec<LogFileView>,
}

/// One line in the output of `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogLineView<'a> {
    pub(crate) container: &'a str,
    pub(crate) node: &'a str,
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    /// Whether the line ends here.
    pub(crate) complete: bool,
}

/// What `logs --out` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogCopiesView {
    pub(crate) application_id: String,
    pub(crate) directory: String,
    pub(crate) files: Vec<String>,
}

impl LogsView {
    pub(crate) fn new(application: ApplicationId, files: &[LogFile]) -> Self {
        let view = |file: &LogFile| LogFileView {
            container: file.container.clone(),
            node: file.node.clone(),
            file: file.name.clone(),
            length: file.length,
            aggregation: file.origin.name(),
        };
        Self { application_id: application.to_string(), files: files.iter().map(view).collect() }
    }

    pub(crate) fn text(&self) -> String {
        let mut table = Table::new(&[
            ("CONTAINER", Align::Left),
            ("NODE", Align::Left),
            ("FILE", Align::Left),
            ("BYTES", Align::Right),
            ("WHERE", Align::Left),
        ]);
        for file in &self.files {
            table.row(vec![
                file.container.clone(),
                file.node.clone(),
                file.file.clone(),
                file.length.to_string(),
                file.aggregation.to_owned(),
            ]);
        }
        table.render()
    }
}

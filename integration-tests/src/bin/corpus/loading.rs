//! Programs that the JobManager cannot load from their place in HDFS: no client has seen their content.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use integration_tests::cluster::java;
use integration_tests::prerequisites;

use crate::bench::{Bench, Fault, nothing};
use crate::programs::pack;

const CODE: &str = "program_not_loaded";

pub(crate) async fn fails(bench: &Bench<'_>) -> Result<()> {
    let names = [
        "no such class in HDFS",
        "main() is not public",
        "superclass left out",
        "truncated jar in HDFS",
        "empty jar in HDFS",
    ];
    if !bench.wants_any(&names) {
        return Ok(());
    }
    let folder = bench.cluster.scratch("loading")?;
    let odd = odd_classes(&folder).await?;
    let whole = fs::read(&bench.jar).context("cannot read the jar of the jobs")?;
    let half = whole.get(..whole.len() / 2).unwrap_or_default().to_vec();
    let odd = fs::read(&odd).context("cannot read the jar of odd classes")?;
    // The end of central directory of an archive without entries.
    let empty = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    let [such, hidden, orphan, cut, none] = names;
    for (name, how, class, jar, words) in [
        (
            such,
            "-c names a class that is not in the jar in HDFS",
            "NoSuchClass",
            whole,
            "ClassNotFoundException",
        ),
        (
            hidden,
            "the program's main() is not public",
            "Hidden",
            odd.clone(),
            "does not have a main(String[]) method",
        ),
        (orphan, "the program's superclass is not in its jar", "Orphan", odd, "example.LeftOut"),
        (cut, "the second half of the jar in HDFS is missing", "OneSecond", half, "OneSecond"),
        (none, "the jar in HDFS has no entries", "OneSecond", empty, "OneSecond"),
    ] {
        if !bench.wants(name) {
            continue;
        }
        let path = format!("/user/{}/loading-{:08x}.jar", bench.cluster.user(), rand::random::<u32>());
        bench.cluster.hdfs()?.put(&path, jar).await?;
        let jar = PathBuf::from(format!("{}{path}", bench.cluster.default_fs()));
        let fault = Fault::new(name, how, CODE).runs(&[class]).jar(jar).says(words);
        bench.tries(fault, nothing, async || Ok(())).await?;
    }
    Ok(())
}

/// A class whose `main` is only visible to its package, and one without its superclass.
async fn odd_classes(folder: &Path) -> Result<PathBuf> {
    let (classes, jar) = (folder.join("classes"), folder.join("odd.jar"));
    let mut javac = Command::new(prerequisites::java_tool("javac"));
    javac.args(["--release", "11", "-d"]).arg(&classes);
    for (name, text) in [
        ("Hidden", "public final class Hidden { static void main(String[] args) {} }"),
        ("LeftOut", "public class LeftOut { public static void main(String[] args) {} }"),
        ("Orphan", "public final class Orphan extends LeftOut { public static void main(String[] args) {} }"),
    ] {
        let source = folder.join(format!("{name}.java"));
        fs::write(&source, format!("package example;\n{text}\n"))?;
        javac.arg(source);
    }
    java::output(javac).await?.success()?;
    fs::remove_file(classes.join("example/LeftOut.class")).context("no class to leave out")?;
    pack(&jar, &classes).await?;
    Ok(jar)
}

//! Names and paths that users give their files, each as odd as a file system allows, many in one application.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::FS_SHELL;
use integration_tests::flink::Flink;
use integration_tests::versions::FLINK_1_20;
use integration_tests::{prerequisites, shared};

use crate::session::Session;
use crate::tool::{GONE, Ran, command, end, every, finish, jar, nothing_left, run_args, text, yarn_flink};

/// A name of 200 characters with everything that a local file's name may contain.
fn odd(end: &str) -> String {
    let begin = "-a b\t#c%20d;e:f'g\"h$HOME`i\\+ü&(*)=~";
    format!("{begin}{}{end}", "x".repeat(200 - begin.chars().count() - end.len()))
}

/// The same for a file in HDFS, without what it refuses (`:`) and what a NodeManager's script cannot handle.
fn odd_in_hdfs(end: &str) -> String {
    format!("-a b #c%20d;e'+ü&(*)=~{end}")
}

/// Jars built from the classes of the example jobs.
struct Jars {
    folder: PathBuf,
    classes: PathBuf,
}

impl Jars {
    fn new(folder: &Path) -> Result<Self> {
        let classes = folder.join("classes");
        fs::create_dir_all(&classes)?;
        let mut extract = Command::new(prerequisites::java_tool("jar"));
        extract.arg("--extract").arg("--file").arg(jar()?).current_dir(&classes);
        ensure!(extract.status()?.success(), "jar --extract");
        Ok(Self { folder: folder.to_owned(), classes })
    }

    /// A jar of the classes whose simple names start like this, and of the contents of a directory of libraries.
    fn make(&self, name: &str, classes: &[&str], libraries: Option<&Path>) -> Result<PathBuf> {
        let plain = self.folder.join("made.jar");
        let mut create = Command::new(prerequisites::java_tool("jar"));
        create.arg("--create").arg("--file").arg(&plain);
        if let Some(main) = classes.first() {
            create.args(["--main-class", &format!("example.{main}")]);
        }
        for entry in fs::read_dir(self.classes.join("example"))? {
            let class = entry?.file_name().to_string_lossy().into_owned();
            if classes.iter().any(|wanted| class.starts_with(wanted)) {
                create.arg("-C").arg(&self.classes).arg(format!("example/{class}"));
            }
        }
        if let Some(libraries) = libraries {
            create.arg("-C").arg(libraries).arg("lib");
        }
        ensure!(create.status()?.success(), "jar --create {name}");
        let path = self.folder.join(name);
        fs::rename(plain, &path)?;
        Ok(path)
    }

    /// The program that reads the shipped files; its jar contains `example.Library` in a jar.
    fn program(&self, name: &str) -> Result<PathBuf> {
        let libraries = self.folder.join("libraries");
        fs::create_dir_all(libraries.join("lib/deep er"))?;
        let library = self.make("library.jar", &["Library"], None)?;
        fs::rename(library, libraries.join("lib/deep er/li#b.jar"))?;
        self.make(name, &["ReadsShipped", "WordCount"], Some(&libraries))
    }
}

/// An archive with one file in it.
fn archive(folder: &Path, name: &str) -> Result<PathBuf> {
    fs::write(folder.join("inside ü.txt"), "archived\n")?;
    let plain = folder.join("archive.zip");
    let mut zip = Command::new(prerequisites::java_tool("jar"));
    zip.args(["--create", "--no-manifest", "--file"]).arg(&plain).arg("inside ü.txt").current_dir(folder);
    ensure!(zip.status()?.success(), "jar --create");
    let path = folder.join(name);
    fs::rename(plain, &path)?;
    Ok(path)
}

/// Flink's libraries, and one more in a subdirectory.
fn libraries(folder: &Path, jars: &Jars) -> Result<PathBuf> {
    let lib = folder.join("flink lib/lib");
    fs::create_dir_all(lib.join("be#low"))?;
    for entry in fs::read_dir(Flink::download(FLINK_1_20)?.home().join("lib"))? {
        let path = entry?.path();
        std::os::unix::fs::symlink(&path, lib.join(path.file_name().context("no name")?))?;
    }
    let below = jars.make("below.jar", &["Sleep"], None)?;
    fs::rename(below, lib.join("be#low/a b.jar"))?;
    Ok(lib)
}

/// Puts a file under an odd name into an HDFS directory with Hadoop's own client, as WebHDFS takes `+` for a blank.
async fn put(cluster: &Cluster, file: &Path, directory: &str, end: &str) -> Result<String> {
    let above = cluster.scratch("put")?;
    fs::copy(file, above.join(odd_in_hdfs(end)))?;
    cluster.hdfs()?.mkdirs(directory).await?;
    let from = above.display().to_string();
    cluster.java_tool(FS_SHELL, &["-put", &from, directory]).await?.success()?;
    let name = above.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(format!("{directory}/{name}/{}", odd_in_hdfs(end)))
}

/// The lines written by the program.
async fn lines(cluster: &Cluster, directory: &str) -> Result<Vec<String>> {
    let hdfs = cluster.hdfs()?;
    let mut lines = Vec::new();
    for (path, _) in hdfs.files(directory).await? {
        lines.extend(String::from_utf8_lossy(&hdfs.read(&path).await?).lines().map(str::to_owned));
    }
    lines.sort();
    Ok(lines)
}

/// Runs a jar with small containers, in an environment with one more variable.
async fn run(cluster: &Cluster, lib: &Path, options: &[&str], jar: &str, program: &[&str]) -> Result<Ran> {
    let mut args = run_args(options, &["-"])?;
    args.truncate(args.len() - 3);
    // A jar's name may look like an option.
    args.extend(["--", jar].iter().chain(program).map(|arg| (*arg).to_owned()));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut command = command(cluster, &args)?;
    finish(command.env("FLINK_LIB_DIR", lib).spawn()?).await
}

#[tokio::test]
async fn jars_and_shipped_files_may_have_any_name() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let folder = cluster.scratch("names")?;
    let base = format!("/tmp/{} ü#%20", folder.file_name().unwrap_or_default().to_string_lossy());
    let jars = Jars::new(&folder)?;
    let lib = libraries(&folder, &jars)?;
    let program = jars.program(&odd(".jar"))?;
    let more = jars.make("more #1.jar", &["Talks"], None)?;
    let zip = archive(&folder, &odd(".zip"))?;
    let (file, directory) = (folder.join(odd(".txt")), folder.join(odd("")));
    fs::write(&file, "a file\n")?;
    fs::create_dir_all(directory.join("in it"))?;
    fs::write(directory.join("in it").join(odd("")), "in a directory\n")?;
    fs::write(folder.join("remote.txt"), "in HDFS\n")?;
    let remote = put(cluster, &folder.join("remote.txt"), &base, ".txt").await?;
    let in_hdfs = put(cluster, &program, &base, ".jar").await?;
    let hdfs = cluster.hdfs()?;

    let at = |path: &Path| path.display().to_string();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let listed = |path: String| format!("'{}'", path.replace('\'', "''"));
    let everything = [
        (name(&file), "a file"),
        (format!("{}/in it/{}", name(&directory), odd("")), "in a directory"),
        (odd_in_hdfs(".txt"), "in HDFS"),
        (format!("{}/inside ü.txt", name(&zip)), "archived"),
    ];
    let classes = ["example.Library", "example.Talks", "example.Sleep"];
    let mut expected: Vec<_> = everything.iter().map(|(name, content)| format!("{name}={content}")).collect();
    expected.extend(classes.iter().map(|class| format!("{class}=loaded")));
    expected.sort();
    let files = everything.map(|(name, _)| name).join(",");
    let classes = classes.join(",");

    let key = format!("--key=-k é #1 %20/{}", odd(""));
    let called = format!("names é \"#1\" %20 {}", std::process::id());
    let settings = [
        format!("pipeline.jars={};{}", listed(at(&program)), listed(at(&more))),
        format!(
            "yarn.ship-files={};{}",
            listed(at(&directory)),
            listed(format!("{}{remote}", cluster.default_fs()))
        ),
        format!("yarn.ship-archives={}", listed(at(&zip))),
    ];
    let of_jar = async |jar: &str, options: &[&str], target: &str| {
        let output = format!("{}{base}/{target}", cluster.default_fs());
        let options: Vec<_> =
            settings.iter().flat_map(|setting| ["-D", setting]).chain(options.iter().copied()).collect();
        let (ship, arguments) = (at(&file), ["--files", &files, "--classes", &classes, "--output", &output]);
        let options = [&options[..], &["--ship", &ship, "--name", &called, "-d"]].concat();
        let id = run(cluster, &lib, &options, jar, &arguments).await?.expect(0)?.application()?;
        let status = end(cluster, &id).await?;
        ensure!(text(&status, "final_status") == "SUCCEEDED", "{status}");
        ensure!(text(&status, "name") == called, "{status}");
        ensure!(
            lines(cluster, &format!("{base}/{target}")).await? == expected,
            "{:?}",
            lines(cluster, &format!("{base}/{target}")).await?
        );
        nothing_left(cluster, &id, GONE).await
    };
    let here = program.display().to_string();
    let there = format!("{}{in_hdfs}", cluster.default_fs());
    let class_path = ["-D", "yarn.classpath.include-user-jar=FIRST"];
    let keyed = [key.as_str()];
    let (local, remote) =
        tokio::join!(of_jar(&here, &keyed, "out é #1"), of_jar(&there, &class_path, "out of 'HDFS'"));
    every([local, remote])?;
    ensure!(hdfs.delete(&base).await?);
    Ok(())
}

#[tokio::test]
async fn sessions_their_jars_and_savepoints_may_have_any_name() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let folder = cluster.scratch("names")?;
    let base = format!("/tmp/{} é#%20", folder.file_name().unwrap_or_default().to_string_lossy());
    let jars = Jars::new(&folder)?;
    let program = jars.program(&odd(".jar"))?;
    let in_hdfs = put(cluster, &program, &base, ".jar").await?;
    let session = Session::start(cluster, "a session é \"#1\" %20/", &[]).await?;
    fs::write(folder.join("a.txt"), "a\n")?;
    let file = folder.join("a.txt").display().to_string();
    for (number, jar) in
        [program.display().to_string(), format!("{}{in_hdfs}", cluster.default_fs())].iter().enumerate()
    {
        let output = format!("{}{base}/out {number}", cluster.default_fs());
        let begin = ["run", "--session", &session.name, "--", jar];
        let arguments = ["--files", &file, "--classes", "example.Library", "--output", &output];
        yarn_flink(cluster, &[&begin[..], &arguments].concat()).await?.expect(0)?;
        let written = lines(cluster, &format!("{base}/out {number}")).await?;
        ensure!(written == [format!("{file}=a"), "example.Library=loaded".to_owned()], "{written:?}");
    }

    let directory = format!("{}{base}/savepoints é #1 %41;", cluster.default_fs());
    let first = session.submit(&["Run"]).await?;
    session.runs(&first).await?;
    let stopped = yarn_flink(cluster, &["stop", &session.name, &first, "-p", &directory]).await?.expect(0)?;
    let savepoint = stopped.stdout.lines().find_map(|line| line.strip_prefix("savepoint: "));
    let savepoint = savepoint.with_context(|| format!("no savepoint: {stopped:?}"))?;
    ensure!(savepoint.starts_with(&directory), "{savepoint}");
    let second = session.submit_with(&["-s", savepoint], &["Run"]).await?;
    session.runs(&second).await?;
    yarn_flink(cluster, &["cancel", &session.name, &second]).await?.expect(0)?;
    session.stop().await?;
    ensure!(cluster.hdfs()?.delete(&base).await?);
    Ok(())
}

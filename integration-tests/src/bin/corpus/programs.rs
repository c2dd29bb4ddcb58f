//! What can be wrong with programs and their options.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use integration_tests::cluster::java;
use integration_tests::prerequisites;

use crate::bench::{Bench, Fault, nothing};

async fn fine() -> Result<()> {
    Ok(())
}

pub(crate) async fn of_the_job(bench: &Bench<'_>) -> Result<()> {
    let misbehaves = |how: &'static str| ["Misbehaves", "--how", how];
    let faults = [
        Fault::new("task throws", "a map function throws", "job_failed")
            .runs(&["FailingTask"])
            .says("this task was asked to fail"),
        Fault::new("main() throws", "the program's main() throws", "job_failed")
            .runs(&["ThrowInMain"])
            .says("this is the root of it"),
        Fault::new("System.exit in main()", "the program calls System.exit", "job_failed")
            .runs(&["ExitInMain"])
            .says("called `System.exit(3)`"),
        Fault::new("no execute()", "the program never calls execute()", "job_failed")
            .runs(&["NoExecute"])
            .says("contains no execute() calls"),
        Fault::new("two execute()", "the program calls execute() twice", "job_failed")
            .runs(&["TwoExecutes"])
            .says("more than one job"),
        Fault::new("Java heap", "a task keeps all it allocates", "out_of_memory").runs(&misbehaves("heap")),
        Fault::new("direct memory", "a task keeps direct buffers", "out_of_memory")
            .runs(&misbehaves("direct")),
        Fault::new("metaspace", "a task defines classes without end", "out_of_memory")
            .runs(&misbehaves("metaspace"))
            .set("taskmanager.memory.jvm-metaspace.size=100m"),
        Fault::new("class for a newer Java", "a class file of a later version", "java_too_old")
            .runs(&misbehaves("newer")),
        // A node may be added, so nothing ends.
        Fault::waiting("job larger than the cluster", "parallelism 60 on two nodes", "cluster_too_small")
            .set("parallelism.default=60")
            .says("the job needs 60 slots")
            .within(90),
        Fault::new(
            "program of another's directory",
            "the task writes where its user may not",
            "permission_denied",
        )
        .runs(&[
            "Misbehaves",
            "--how",
            "write",
            "--path",
            &format!("{}/forbidden/file", bench.cluster.default_fs()),
        ])
        .user("guest"),
    ];
    for fault in faults {
        bench.tries(fault, nothing, fine).await?;
    }
    if bench.wants_any(&["class left out", "class in an older version"]) {
        let folder = bench.cluster.scratch("library")?;
        let stripped = without_library(bench, &folder).await?;
        let fault = Fault::new("class left out", "a class of the program is not in its jar", "class_missing");
        bench.tries(fault.runs(&misbehaves("library")).jar(stripped), nothing, fine).await?;
        let older = older_library(&folder).await?;
        let fault = Fault::new(
            "class in an older version",
            "an older version of a class on the class path",
            "class_conflict",
        )
        .runs(&misbehaves("library"))
        .set(format!("yarn.ship-files={}", older.display()))
        .set("classloader.resolve-order=parent-first");
        bench.tries(fault, nothing, fine).await?;
    }
    Ok(())
}

/// The example jobs without one class.
async fn without_library(bench: &Bench<'_>, folder: &Path) -> Result<PathBuf> {
    let (classes, jar) = (folder.join("classes"), folder.join("stripped.jar"));
    fs::create_dir(&classes)?;
    let mut extract = Command::new(prerequisites::java_tool("jar"));
    extract.arg("--extract").arg("--file").arg(&bench.jar).current_dir(&classes);
    java::output(extract).await?.success()?;
    fs::remove_file(classes.join("example/Library.class")).context("no class to leave out")?;
    pack(&jar, &classes).await?;
    Ok(jar)
}

/// The class as it was before it got the method.
async fn older_library(folder: &Path) -> Result<PathBuf> {
    let (source, classes) = (folder.join("Library.java"), folder.join("older"));
    fs::write(
        &source,
        "package example;\npublic final class Library { public static String former() { return \"former\"; } }\n",
    )?;
    let mut javac = Command::new(prerequisites::java_tool("javac"));
    javac.args(["--release", "11", "-d"]).arg(&classes).arg(&source);
    java::output(javac).await?.success()?;
    let lib = folder.join("lib");
    fs::create_dir(&lib)?;
    let jar = lib.join("older.jar");
    pack(&jar, &classes).await?;
    Ok(jar)
}

pub(crate) async fn pack(jar: &Path, classes: &Path) -> Result<()> {
    let mut command = Command::new(prerequisites::java_tool("jar"));
    command.arg("--create").arg("--file").arg(jar).arg("-C").arg(classes).arg(".");
    java::output(command).await?.success()?;
    Ok(())
}

pub(crate) async fn of_the_processes(bench: &Bench<'_>) -> Result<()> {
    let grows = "-Xms1200m -Xmx1200m -XX:+AlwaysPreTouch";
    let faults = [
        Fault::new("TaskManager beyond its memory", "its JVM touches more than the container has", "memory_limit")
            .set(format!("env.java.opts.taskmanager={grows} -agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=0")),
        Fault::new("JobManager beyond its memory", "its JVM touches more than the container has", "memory_limit")
            .set(format!("env.java.opts.jobmanager={grows} -agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=0"))
            .set("yarn.application-attempts=1"),
        Fault::new("no Java for TaskManagers", "containerized.taskmanager.env.JAVA_HOME is wrong", "java_missing")
            .set("containerized.taskmanager.env.JAVA_HOME=/nonexistent"),
        Fault::new("no Java for the JobManager", "containerized.master.env.JAVA_HOME is wrong", "java_missing")
            .set("containerized.master.env.JAVA_HOME=/nonexistent"),
        Fault::new("JobManager's JVM options", "env.java.opts.jobmanager has an option the JVM refuses", "job_manager_failed")
            .set("env.java.opts.jobmanager=-XX:MaxMetaspaceSize=none"),
        Fault::new("TaskManagers' JVM options", "env.java.opts.taskmanager has an option the JVM refuses", "task_managers_fail_to_start")
            .set("env.java.opts.taskmanager=-XX:MaxMetaspaceSize=none"),
        Fault::new("unknown state backend", "state.backend.type names no class", "class_missing")
            .set("state.backend.type=org.example.NoSuchBackend"),
        Fault::new("too few network buffers", "one task needs more buffers than there are", "job_failed")
            .says("Insufficient number of network buffers")
            .set("taskmanager.memory.network.min=64kb")
            .set("taskmanager.memory.network.max=64kb"),
    ];
    for fault in faults {
        bench.tries(fault, nothing, fine).await?;
    }
    let name = "port in use";
    if bench.wants(name) {
        let taken = TcpListener::bind("0.0.0.0:0").context("no free port")?;
        let port = taken.local_addr()?.port();
        let fault = Fault::new(name, "another process has rest.bind-port", "port_in_use");
        bench.tries(fault.set(format!("rest.bind-port={port}")), nothing, fine).await?;
    }
    Ok(())
}

//! The web page and Flink's dashboard behind it, through YARN's proxy, and who gets no further.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::{http, prerequisites, shared};
use proto::ids::ApplicationId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use yarn_client::cluster::Gateway;
use yarn_client::conf::Environment;
use yarn_client::control::{Identity, certificate_file};

use crate::tool::{GONE, LIMIT, eventually, job_in_state, nothing_left, run, text, yarn_flink};

/// Time limit for a browser's attempt; Chromium hangs now and then when told that time is virtual.
const TRY: Duration = Duration::from_secs(60);
const TRIES: u32 = 3;

#[tokio::test]
async fn web_page_is_served_only_through_the_proxy() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json"], &["Run"]).await?.expect(0)?.json()?;
    let (id, job) = (text(&submitted, "application_id").to_owned(), text(&submitted, "job_id").to_owned());
    job_in_state(cluster, &id, "RUNNING").await?;
    let proxy = format!("{}/proxy/{id}", cluster.rm_web());

    let dashboard = http::get(&format!("{proxy}/")).await?.success()?.text();
    ensure!(dashboard.contains("Apache Flink Web Dashboard"), "{dashboard}");
    let page = http::get(&format!("{proxy}/am/")).await?.success()?.text();
    ensure!(page.contains("<title>Flink on YARN</title>"), "{page}");
    let seen = http::get_json(&format!("{proxy}/am/status")).await?;
    ensure!(text(&seen, "application_id") == id, "{seen}");
    ensure!(seen["jobs"][0]["job_id"] == job.as_str() && seen["jobs"][0]["job_state"] == "RUNNING", "{seen}");
    let logs = seen["containers"][0]["logs"].as_str().context("no link to logs")?;
    ensure!(http::get(logs).await?.success()?.text().contains("taskmanager.log"), "{logs}");
    let events = http::get_json(&format!("{proxy}/am/events")).await?;
    let told = yarn_flink(cluster, &["events", "-o", "json", &id]).await?.expect(0)?.stdout;
    let first: serde_json::Value = serde_json::from_str(told.lines().next().context("no events")?)?;
    ensure!(events[0] == first, "{events}\n{told}");
    let metrics = http::get(&format!("{proxy}/am/metrics")).await?.success()?.text();
    ensure!(metrics.contains("yarn_flink_containers{state=\"registered\"} 1\n"), "{metrics}");
    ensure!(metrics.contains("yarn_flink_jobs{state=\"RUNNING\"} 1\n"), "{metrics}");

    direct(cluster, &id).await?;
    certificates(cluster, &id).await?;
    seen_by_a_browser(cluster, &id, &job, &proxy).await?;
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    cluster.wait_for_end(&id, LIMIT).await?;
    nothing_left(cluster, &id, GONE).await
}

/// Requests that bypass the proxy are redirected to it, and may change nothing. Flink's own port cannot be reached.
async fn direct(cluster: &Cluster, id: &str) -> Result<()> {
    let report = gateway(cluster)?.application(id.parse::<ApplicationId>()?).await?;
    let web = report.original_tracking_url.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = web.parse().with_context(|| web.to_owned())?;
    let answer = ask(address, "GET /jobs/overview?x=1 HTTP/1.1").await?;
    let to = format!("location: {}/proxy/redirect/{id}/jobs/overview?x=1", cluster.rm_web());
    ensure!(
        answer.starts_with("HTTP/1.1 302") && answer.to_lowercase().contains(&to.to_lowercase()),
        "{answer}"
    );
    let answer = ask(address, "PATCH /jobs/0?mode=cancel HTTP/1.1").await?;
    ensure!(answer.starts_with("HTTP/1.1 403"), "{answer}");

    // Its REST server is on the node's loopback only.
    let (listens, port) = cluster.rest_address(id).context("no JobManager")?;
    TcpStream::connect(format!("{listens}:{port}")).await.context("nobody listens")?;
    let host = report.host;
    ensure!(listens == "127.0.0.1", "Flink listens on {listens}");
    ensure!(TcpStream::connect(format!("{host}:{port}")).await.is_err(), "Flink listens on {host}:{port}");
    Ok(())
}

fn gateway(cluster: &Cluster) -> Result<Gateway> {
    Ok(Gateway::open(&Environment::from_iter(cluster.client_environment()), None)?)
}

/// Sends one request from an address that is not a proxy's. Returns the head of the response.
async fn ask(address: SocketAddr, line: &str) -> Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.9:0".parse()?)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Flink through the control plane's port: with the application's certificate, and with no other.
async fn certificates(cluster: &Cluster, id: &str) -> Result<()> {
    let application: ApplicationId = id.parse()?;
    let gateway = gateway(cluster)?;
    let report = gateway.application(application).await?;
    let address = format!("{}:{}", report.host, report.rpc_port);
    let path = format!("/user/{}/.yarn-flink/apps/{id}/{}", cluster.user(), certificate_file(1));
    let files = gateway.file_systems()?;
    let pem = files.default_fs().read(&path, 64 * 1024).await?;
    let request = "GET /overview HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    let mut stream = Identity::parse(application, &pem)?.connect(&address, "http/1.1").await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("flink-version"), "{answer}");

    let mut plain = TcpStream::connect(&address).await?;
    plain.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    ensure!(!answer.starts_with(b"HTTP"), "answered without TLS");

    let other = ApplicationId { id: application.id + 1, ..application };
    let another = app_master::control::certificates::Certificates::issue(other)?.client;
    let refused = Identity::parse(application, &another)?.connect(&address, "http/1.1").await;
    ensure!(refused.is_err(), "another application's certificate is taken");
    Ok(())
}

/// Flink's page lists the running job, and ours its container. Screenshots are kept as artefacts.
async fn seen_by_a_browser(cluster: &Cluster, id: &str, job: &str, proxy: &str) -> Result<()> {
    prerequisites::check_browser()?;
    let folder = cluster.scratch("screenshots")?;
    let dashboard = shows(&format!("{proxy}/#/job/running"), &folder, "dashboard", |page| {
        // By its name, as the id is behind a click on the row.
        page.contains(">Run</td>") && page.contains("RUNNING")
    })
    .await?;
    ensure!(dashboard.contains("Apache Flink Dashboard"), "{dashboard}");
    shows(&format!("{proxy}/am/"), &folder, "am", |page| {
        page.contains(id)
            && page.contains(job)
            && page.contains("container_")
            && page.contains("task_manager_registered")
    })
    .await?;
    Ok(())
}

/// The page's document, once its scripts have run and it contains what is wanted.
async fn shows(url: &str, folder: &Path, name: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let picture = folder.join(format!("{name}.png"));
    let mut last = String::new();
    for attempt in 0..TRIES {
        let profile = folder.join(format!("profile-{name}-{attempt}"));
        let browse = |what: String| {
            let mut command = Command::new("chromium");
            command
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--no-first-run",
                ])
                .args(["--virtual-time-budget=15000", "--window-size=1400,900"])
                .arg(format!("--user-data-dir={}", profile.display()))
                .args([what.as_str(), url])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .kill_on_drop(true);
            command
        };
        let document = tokio::time::timeout(TRY, browse("--dump-dom".to_owned()).output()).await;
        let Ok(output) = document else { continue };
        last = String::from_utf8_lossy(&output.context("chromium cannot be run")?.stdout).into_owned();
        if wanted(&last) {
            let taken = browse(format!("--screenshot={}", picture.display())).stdout(Stdio::null()).status();
            let _ = tokio::time::timeout(TRY, taken).await;
            return Ok(last);
        }
    }
    bail!("{url} does not show what it should:\n{last}")
}

#[tokio::test]
async fn open_rest_exposes_flinks_own_port() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json", "--open-rest"], &["Run"]).await?.expect(0)?.json()?;
    let id = text(&submitted, "application_id").to_owned();
    job_in_state(cluster, &id, "RUNNING").await?;
    let (host, port) = cluster.rest_address(&id).context("no JobManager")?;
    ensure!(host != "127.0.0.1", "nobody else reaches {host}");
    let url = format!("http://{host}:{port}/jobs/overview");
    ensure!(http::get(&url).await?.success()?.text().contains("RUNNING"));
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    cluster.wait_for_end(&id, LIMIT).await?;
    eventually("nothing is left", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) }).await
}

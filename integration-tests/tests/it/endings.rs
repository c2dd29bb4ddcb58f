//! Every way a job can end, detached and attached.

use anyhow::Result;
use integration_tests::shared;

use crate::tool::{GONE, end, nothing_left, run, text};

#[tokio::test]
async fn detached_job_that_finishes() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json"], &["OneSecond"]).await?.expect(0)?;
    let id = submitted.application()?;
    let status = end(cluster, &id).await?;
    assert_eq!(
        (text(&status, "state"), text(&status, "final_status")),
        ("FINISHED", "SUCCEEDED"),
        "{status}"
    );
    let job = submitted.json()?;
    assert_eq!(text(&status, "diagnostics"), format!("Job {} FINISHED", text(&job, "job_id")));
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn attached_job_whose_task_fails() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran =
        run(cluster, &["-o", "json"], &["FailingTask", "--message", "no such luck"]).await?.expect(1)?;
    let id = ran.application()?;
    let result = ran.json()?;
    assert_eq!((text(&result, "state"), text(&result, "final_status")), ("FINISHED", "FAILED"), "{result}");
    assert_eq!(text(&result, "job_state"), "FAILED", "{result}");
    assert!(text(&result, "diagnostics").contains("no such luck"), "{result}");
    nothing_left(cluster, &id, GONE).await
}

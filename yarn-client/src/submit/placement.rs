//! `--placement`: where TaskManagers may run.

use proto::launch::Placement;

use super::error::PreflightError;
use super::keys;
use crate::flink::FlinkConfig;

/// Parses the values of `--placement`: `spread`, `host=NAME`, `rack=/NAME`, `label=EXPRESSION`. A label is an option of
/// Flink's own and is added to the configuration.
///
/// # Errors
/// [`PreflightError::Value`] for anything else.
pub(super) fn parse(values: &[String], config: &mut FlinkConfig) -> Result<Placement, PreflightError> {
    let mut placement = Placement::default();
    for value in values.iter().flat_map(|values| values.split(',')) {
        match value.split_once('=').map_or((value, ""), |(kind, name)| (kind, name.trim())) {
            ("spread", "") => placement.spread = true,
            ("host", name) if !name.is_empty() => placement.hosts.push(name.to_owned()),
            // Racks are paths in Hadoop's topology.
            ("rack", name) if name.starts_with('/') => placement.racks.push(name.to_owned()),
            ("label", name) if !name.is_empty() => config.set(keys::TASK_MANAGER_NODE_LABEL.key, name),
            _ => {
                return Err(PreflightError::Value {
                    key: "--placement",
                    value: value.to_owned(),
                    reason: "is not a placement (expected one of: spread, host=NAME, rack=/NAME, label=NAME)"
                        .to_owned(),
                });
            }
        }
    }
    Ok(placement)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(values: &[&str]) -> Result<(Placement, FlinkConfig), PreflightError> {
        let mut config = FlinkConfig::new();
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        parse(&values, &mut config).map(|placement| (placement, config))
    }

    #[test]
    fn places_are_collected() {
        let (placement, config) =
            parsed(&["host=a,host=b", "rack=/r1", "spread", "label=fast"]).expect("all are good");
        assert_eq!(placement.hosts, ["a", "b"]);
        assert_eq!(placement.racks, ["/r1"]);
        assert!(placement.spread);
        assert_eq!(config.get("yarn.taskmanager.node-label"), Some("fast"));
        assert_eq!(parsed(&[]).expect("nothing").0, Placement::default());
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["host", "host=", "rack=r1", "label=", "everywhere", "spread=2"] {
            let error = parsed(&[wrong]).expect_err(wrong).to_string();
            assert!(error.contains("--placement") && error.contains(wrong), "{error}");
        }
    }
}

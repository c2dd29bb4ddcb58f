//! The list of materials, in the JSON of CycloneDX 1.5.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::components::Component;
use super::target::Target;

/// The project and every component of its programs.
pub(crate) fn json(components: &[Component], version: &str, target: Target, time: u64) -> Result<String> {
    let time = Timestamp::from_second(i64::try_from(time)?).context("SOURCE_DATE_EPOCH")?;
    let root = format!("pkg:generic/yarn-flink@{version}?arch={}&os=linux", target.architecture());
    let listed: Vec<Value> = components.iter().map(component).collect();
    let programs: BTreeSet<String> = components
        .iter()
        .filter(|it| ["yarn-client", "app-master"].contains(&it.name.as_str()))
        .map(reference)
        .collect();
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": programs })];
    dependencies.extend(components.iter().map(|it| {
        let uses: Vec<String> = it.uses.iter().map(|(name, version)| purl(name, version)).collect();
        json!({ "ref": reference(it), "dependsOn": uses })
    }));
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": serial(&root, &listed),
        "version": 1,
        "metadata": {
            "timestamp": time.to_string(),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "yarn-flink",
                "version": version,
                "purl": root,
                "licenses": [{ "expression": "Apache-2.0" }],
            },
        },
        "components": listed,
        "dependencies": dependencies,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// The same for the same components.
fn serial(root: &str, components: &[Value]) -> String {
    let mut digest = Sha256::new();
    digest.update(root);
    components.iter().for_each(|component| digest.update(component.to_string()));
    let hash: Vec<String> = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hash[range].concat();
    // Version 8 of RFC 9562, whose bits are one's own.
    let (third, fourth) = (&part(6..8)[1..], &part(8..10)[1..]);
    format!("urn:uuid:{}-{}-8{third}-8{fourth}-{}", part(0..4), part(4..6), part(10..16))
}

fn purl(name: &str, version: &str) -> String {
    // A build's metadata follows a plus, which stands for a blank there.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn reference(component: &Component) -> String {
    purl(&component.name, &component.version)
}

fn component(it: &Component) -> Value {
    let mut value = json!({
        "type": "library",
        "bom-ref": reference(it),
        "name": it.name,
        "version": it.version,
        "purl": reference(it),
        "licenses": [{ "expression": it.licence }],
    });
    if let Some(checksum) = &it.checksum {
        value["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = &it.repository {
        value["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::component;

    fn components() -> Vec<Component> {
        let mut client = component("yarn-client", "Apache-2.0", None);
        client.uses.insert(("a".to_owned(), "1.0.0".to_owned()));
        vec![component("a", "MIT OR Apache-2.0", Some("0f")), client]
    }

    #[test]
    fn components_are_listed_with_what_they_use() {
        let text = json(&components(), "0.1.0", Target::Aarch64, 1_700_000_000).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
        assert_eq!(document["components"][0]["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(document["components"][0]["hashes"][0]["content"], "0f");
        assert_eq!(document["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(document["components"][1].get("hashes"), None);
        // Every reference is to something that is there, and everything has its own.
        let named = |value: &Value| value["bom-ref"].as_str().unwrap().to_owned();
        let mut known: BTreeSet<String> =
            document["components"].as_array().unwrap().iter().map(named).collect();
        known.insert(named(&document["metadata"]["component"]));
        let dependencies = document["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), known.len());
        for dependency in dependencies {
            let used = dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]);
            used.for_each(|it| assert!(known.contains(it.as_str().unwrap()), "{it}"));
        }
        assert_eq!(dependencies[0]["dependsOn"][0], "pkg:cargo/yarn-client@1.0.0");
        assert_eq!(dependencies[2]["dependsOn"][0], "pkg:cargo/a@1.0.0");
    }

    #[test]
    fn the_same_components_have_the_same_number() {
        let of = |components: &[Component]| {
            let text = json(components, "0.1.0", Target::X86_64, 1).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()["serialNumber"].as_str().unwrap().to_owned()
        };
        let serial = of(&components());
        assert_eq!(serial, of(&components()));
        assert_ne!(serial, of(&components()[1..]));
        let uuid = uuid_of(&serial);
        assert_eq!((uuid.len(), &uuid[14..15], &uuid[19..20]), (36, "8", "8"));
    }

    fn uuid_of(serial: &str) -> &str {
        serial.strip_prefix("urn:uuid:").unwrap()
    }

    #[test]
    fn metadata_of_a_build_is_escaped() {
        assert_eq!(purl("zstd-sys", "2.0.16+zstd.1.5.7"), "pkg:cargo/zstd-sys@2.0.16%2Bzstd.1.5.7");
    }
}

use proptest::prelude::*;
use prost::Message;

use super::*;

#[test]
fn resources_keep_their_other_types_and_take_memory_from_its_own_field() {
    let entry = |key: &str, value| wire::ResourceInformationProto {
        key: key.to_owned(),
        value: Some(value),
        ..Default::default()
    };
    let message = wire::ResourceProto {
        memory: Some(2048),
        virtual_cores: Some(2),
        resource_value_map: vec![entry("memory-mb", 1), entry("vcores", 1), entry("yarn.io/gpu", 4)],
    };
    let resource = Resource::from_wire(&message);
    assert_eq!(resource.to_string(), "<memory:2048, vCores:2, yarn.io/gpu: 4>");
    assert_eq!(Resource::from_wire(&resource.to_wire()), resource);
    assert_eq!(resource.to_string().parse(), Ok(resource.clone()));
    for text in
        ["", "<>", "memory:1, vCores:1", "<memory:1>", "<memory:-1, vCores:1>", "<memory:1, vCores:1, gpu>"]
    {
        let error = text.parse::<Resource>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{text}` is not an amount")), "{error}");
    }
    assert!(Resource::new(2048, 2).fits_in(&resource));
    assert!(!resource.fits_in(&Resource::new(4096, 4)), "no gpu there");
}

#[test]
fn an_application_without_an_attempt_has_none() {
    let mut message = wire::ApplicationReportProto {
        current_application_attempt_id: Some(wire::ApplicationAttemptIdProto {
            application_id: None,
            attempt_id: Some(-1),
        }),
        application_tags: vec!["b".to_owned(), "a".to_owned()],
        ..Default::default()
    };
    let report = ApplicationReport::from_wire(message.clone());
    assert_eq!((report.attempt, &report.tags[..]), (None, &["a".to_owned(), "b".to_owned()][..]));
    message.current_application_attempt_id.as_mut().unwrap().attempt_id = Some(1);
    assert_eq!(ApplicationReport::from_wire(message).attempt.unwrap().attempt, 1);
}

proptest! {
    #[test]
    fn arbitrary_reports_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = &bytes[..];
        let _ = wire::ApplicationReportProto::decode(bytes).map(ApplicationReport::from_wire);
        let _ = wire::ApplicationAttemptReportProto::decode(bytes).map(AttemptReport::from_wire);
        let _ = wire::NodeReportProto::decode(bytes).map(NodeReport::from_wire);
        let _ = wire::QueueInfoProto::decode(bytes).map(QueueInfo::from_wire);
        let _ = wire::ContainerReportProto::decode(bytes).map(ContainerReport::from_wire);
        let _ = wire::ContainerProto::decode(bytes).map(|container| AllocatedContainer::from_wire(&container));
        let _ = wire::ContainerStatusProto::decode(bytes).map(|status| ContainerStatus::from_wire(&status));
    }
}

use proptest::prelude::*;
use prost::Message;

use super::*;

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

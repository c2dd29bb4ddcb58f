//! The methods of the three YARN protocols: which message calls which method, and what may be repeated.
//!
//! Whether a call is safe follows the annotations on `ApplicationClientProtocol` and `ApplicationMasterProtocol`.

use proto::hadoop::common::{
    CancelDelegationTokenRequestProto, CancelDelegationTokenResponseProto, GetDelegationTokenRequestProto,
    GetDelegationTokenResponseProto, RenewDelegationTokenRequestProto, RenewDelegationTokenResponseProto,
};
use proto::hadoop::yarn::*;

use crate::rpc::calls;

const CLIENT: &str = "org.apache.hadoop.yarn.api.ApplicationClientProtocolPB";
const MASTER: &str = "org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB";
const CONTAINERS: &str = "org.apache.hadoop.yarn.api.ContainerManagementProtocolPB";

calls! {
    CLIENT."getNewApplication": GetNewApplicationRequestProto => GetNewApplicationResponseProto, Idempotent;
    CLIENT."submitApplication": SubmitApplicationRequestProto => SubmitApplicationResponseProto, Idempotent;
    CLIENT."forceKillApplication": KillApplicationRequestProto => KillApplicationResponseProto, Idempotent;
    CLIENT."getApplicationReport": GetApplicationReportRequestProto => GetApplicationReportResponseProto, Idempotent;
    CLIENT."getApplications": GetApplicationsRequestProto => GetApplicationsResponseProto, Idempotent;
    CLIENT."getApplicationAttempts": GetApplicationAttemptsRequestProto => GetApplicationAttemptsResponseProto, Idempotent;
    CLIENT."getContainers": GetContainersRequestProto => GetContainersResponseProto, Idempotent;
    CLIENT."getClusterMetrics": GetClusterMetricsRequestProto => GetClusterMetricsResponseProto, Idempotent;
    CLIENT."getClusterNodes": GetClusterNodesRequestProto => GetClusterNodesResponseProto, Idempotent;
    CLIENT."getQueueInfo": GetQueueInfoRequestProto => GetQueueInfoResponseProto, Idempotent;
    CLIENT."getDelegationToken": GetDelegationTokenRequestProto => GetDelegationTokenResponseProto, Idempotent;
    CLIENT."renewDelegationToken": RenewDelegationTokenRequestProto => RenewDelegationTokenResponseProto, Idempotent;
    CLIENT."cancelDelegationToken": CancelDelegationTokenRequestProto => CancelDelegationTokenResponseProto, Idempotent;

    MASTER."registerApplicationMaster": RegisterApplicationMasterRequestProto => RegisterApplicationMasterResponseProto, Idempotent;
    MASTER."allocate": AllocateRequestProto => AllocateResponseProto, AtMostOnce;
    MASTER."finishApplicationMaster": FinishApplicationMasterRequestProto => FinishApplicationMasterResponseProto, AtMostOnce;

    // A second start of the same container is rejected; the caller must check before repeating it.
    CONTAINERS."startContainers": StartContainersRequestProto => StartContainersResponseProto, Unsafe;
    CONTAINERS."stopContainers": StopContainersRequestProto => StopContainersResponseProto, Idempotent;
    CONTAINERS."getContainerStatuses": GetContainerStatusesRequestProto => GetContainerStatusesResponseProto, Idempotent;
}

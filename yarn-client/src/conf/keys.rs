//! Hadoop configuration keys that we read, with Hadoop's defaults (core-default.xml, hdfs-default.xml,
//! yarn-default.xml, `YarnConfiguration`).

/// Default file system, such as `hdfs://nameservice`. Hadoop's default, `file:///`, is never assumed.
pub const FS_DEFAULT_FS: &str = "fs.defaultFS";
/// `simple` or `kerberos`.
pub const SECURITY_AUTHENTICATION: &str = "hadoop.security.authentication";
/// Hadoop's default of [`SECURITY_AUTHENTICATION`].
pub const SECURITY_AUTHENTICATION_DEFAULT: &str = "simple";
/// Rules that make short names of principals.
pub const AUTH_TO_LOCAL: &str = "hadoop.security.auth_to_local";
/// How they are meant: `hadoop` (default) or `mit`.
pub const AUTH_TO_LOCAL_MECHANISM: &str = "hadoop.security.auth_to_local.mechanism";
/// Whether a secure client speaks to a server without security. `false` unless set.
pub const FALLBACK_TO_SIMPLE: &str = "ipc.client.fallback-to-simple-auth-allowed";
/// Quality of protection of RPC: any of `authentication`, `integrity`, `privacy`.
pub const RPC_PROTECTION: &str = "hadoop.rpc.protection";

/// Parent of home directories on HDFS.
pub const DFS_USER_HOME_PREFIX: &str = "dfs.user.home.dir.prefix";
/// Hadoop's default of [`DFS_USER_HOME_PREFIX`].
pub const DFS_USER_HOME_PREFIX_DEFAULT: &str = "/user";
/// Prefix of `dfs.ha.namenodes.<name service>`: the ids of its NameNodes.
pub const DFS_HA_NAMENODES_PREFIX: &str = "dfs.ha.namenodes.";
/// Prefix of `dfs.namenode.rpc-address.<name service>[.<NameNode id>]`.
pub const DFS_NAMENODE_RPC_ADDRESS_PREFIX: &str = "dfs.namenode.rpc-address.";
/// Principal of NameNodes; may hold `_HOST`.
pub const DFS_NAMENODE_PRINCIPAL: &str = "dfs.namenode.kerberos.principal";
/// Port of a NameNode whose URI has none (`HdfsClientConfigKeys.DFS_NAMENODE_RPC_PORT_DEFAULT`).
pub const DFS_NAMENODE_RPC_PORT_DEFAULT: u16 = 8020;
/// The number of times that a client fails over to the next NameNode of a name service.
pub const DFS_FAILOVER_MAX_ATTEMPTS: &str = "dfs.client.failover.max.attempts";
/// Number of copies of a block.
pub const DFS_REPLICATION: &str = "dfs.replication";

/// Host of the ResourceManager, the fallback for each address. With suffix `.<id>` for high availability.
pub const RM_HOSTNAME: &str = "yarn.resourcemanager.hostname";
/// Address of ApplicationClientProtocol.
pub const RM_ADDRESS: &str = "yarn.resourcemanager.address";
/// Default port of [`RM_ADDRESS`].
pub const RM_PORT_DEFAULT: u16 = 8032;
/// Address of ApplicationMasterProtocol.
pub const RM_SCHEDULER_ADDRESS: &str = "yarn.resourcemanager.scheduler.address";
/// Default port of [`RM_SCHEDULER_ADDRESS`].
pub const RM_SCHEDULER_PORT_DEFAULT: u16 = 8030;
/// Address of ResourceManagerAdministrationProtocol.
pub const RM_ADMIN_ADDRESS: &str = "yarn.resourcemanager.admin.address";
/// Default port of [`RM_ADMIN_ADDRESS`].
pub const RM_ADMIN_PORT_DEFAULT: u16 = 8033;
/// Address of the web interface over HTTP.
pub const RM_WEBAPP_ADDRESS: &str = "yarn.resourcemanager.webapp.address";
/// Default port of [`RM_WEBAPP_ADDRESS`].
pub const RM_WEBAPP_PORT_DEFAULT: u16 = 8088;
/// Address of the web interface over HTTPS.
pub const RM_WEBAPP_HTTPS_ADDRESS: &str = "yarn.resourcemanager.webapp.https.address";
/// Default port of [`RM_WEBAPP_HTTPS_ADDRESS`].
pub const RM_WEBAPP_HTTPS_PORT_DEFAULT: u16 = 8090;
/// `HTTP_ONLY` (default) or `HTTPS_ONLY`.
pub const YARN_HTTP_POLICY: &str = "yarn.http.policy";
/// Whether there are several ResourceManagers.
pub const RM_HA_ENABLED: &str = "yarn.resourcemanager.ha.enabled";
/// Their ids.
pub const RM_HA_IDS: &str = "yarn.resourcemanager.ha.rm-ids";
/// Principal of the ResourceManager, the renewer of delegation tokens; may contain `_HOST`.
pub const RM_PRINCIPAL: &str = "yarn.resourcemanager.principal";
/// The maximum number of attempts of an application.
pub const RM_AM_MAX_ATTEMPTS: &str = "yarn.resourcemanager.am.max-attempts";
/// How long a client tries to reach a ResourceManager, ms. Hadoop waits 15 minutes.
pub const RM_CONNECT_MAX_WAIT_MS: &str = "yarn.resourcemanager.connect.max-wait.ms";
/// Pause between two attempts, ms. Hadoop's default is 30 s.
pub const RM_CONNECT_RETRY_INTERVAL_MS: &str = "yarn.resourcemanager.connect.retry-interval.ms";
/// Address of a web proxy that runs separately from the ResourceManager.
pub const WEB_PROXY_ADDRESS: &str = "yarn.web-proxy.address";
/// Default port of [`WEB_PROXY_ADDRESS`].
pub const WEB_PROXY_PORT_DEFAULT: u16 = 9099;
/// Class path of YARN applications.
pub const YARN_APPLICATION_CLASSPATH: &str = "yarn.application.classpath";

/// Formats of aggregated logs, by name; NodeManagers write the first. `TFile` by default.
pub const LOG_AGGREGATION_FORMATS: &str = "yarn.log-aggregation.file-formats";

/// What `${…}` expands to for a key that no file sets. Only values that other settings commonly refer to; the addresses
/// among Hadoop's defaults are left out on purpose (0.0.0.0).
pub(super) const SUBSTITUTION_DEFAULTS: &[(&str, &str)] = &[
    ("hadoop.tmp.dir", "/tmp/hadoop-${user.name}"),
    ("yarn.nodemanager.hostname", "0.0.0.0"),
    ("yarn.timeline-service.hostname", "0.0.0.0"),
];

/// Old names that are still found in configurations, and their current names (`Configuration.DeprecationContext`,
/// `HdfsConfiguration`).
pub(super) const DEPRECATED: &[(&str, &str)] = &[
    ("fs.default.name", FS_DEFAULT_FS),
    ("dfs.federation.nameservices", "dfs.nameservices"),
    ("dfs.block.size", "dfs.blocksize"),
    ("dfs.umaskmode", "fs.permissions.umask-mode"),
    ("dfs.socket.timeout", "dfs.client.socket-timeout"),
];

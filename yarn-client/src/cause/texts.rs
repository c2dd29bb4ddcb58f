//! Diagnostics of applications, copied from runs on Hadoop 3.4.1 (CapacityScheduler, `DefaultContainerExecutor`). Paths
//! and addresses are replaced, and long stack traces shortened.

pub(crate) const CLUSTER_EMPTY: &str = r#"[Mon Nov 23 01:30:32 +0000 2026] Application is added to the scheduler and is not yet activated. Skipping AM assignment as cluster resource is empty.  Details : AM Partition = <DEFAULT_PARTITION>; AM Resource Request = <memory:128, vCores:1>; Queue Resource Limit for AM = <memory:0, vCores:0>; User AM Resource Limit of the queue = <memory:0, vCores:0>; Queue AM Resource Usage = <memory:0, vCores:0>; "#;

pub(crate) const QUEUE_AM_LIMIT: &str = r#"[Mon Nov 23 01:31:08 +0000 2026] Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.  Details : AM Partition = <DEFAULT_PARTITION>; AM Resource Request = <memory:128, vCores:1>; Queue Resource Limit for AM = <memory:128, vCores:1>; User AM Resource Limit of the queue = <memory:64, vCores:1>; Queue AM Resource Usage = <memory:128, vCores:1>; "#;

pub(crate) const USER_AM_LIMIT: &str = r#"[Mon Nov 23 01:33:53 +0000 2026] Application is added to the scheduler and is not yet activated. User's AM resource limit exceeded.  Details : AM Partition = <DEFAULT_PARTITION>; AM Resource Request = <memory:192, vCores:1>; Queue Resource Limit for AM = <memory:2048, vCores:1>; User AM Resource Limit of the queue = <memory:256, vCores:1>; Queue AM Resource Usage = <memory:192, vCores:1>; "#;

pub(crate) const LABEL_WITHOUT_NODES: &str = r#"[Mon Nov 23 01:30:40 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = gpu ; Partition Resource = <memory:0, vCores:0> ; Queue's Absolute capacity = 100.0 % ; Queue's Absolute used capacity = 0.0 % ; Queue's Absolute max capacity = 100.0 % ; Queue's capacity (absolute resource) = <memory:0, vCores:0> ; Queue's used capacity (absolute resource) = <memory:0, vCores:0> ; Queue's max capacity (absolute resource) = <memory:0, vCores:0> ; "#;

pub(crate) const LABEL_NOT_IN_QUEUE: &str = r#"[Mon Nov 23 01:31:26 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = gpu ; Partition Resource = <memory:0, vCores:0> ; Queue's Absolute capacity = 0.0 % ; Queue's Absolute used capacity = 0.0 % ; Queue's Absolute max capacity = 0.0 % ; Queue's capacity (absolute resource) = <memory:0, vCores:0> ; Queue's used capacity (absolute resource) = <memory:0, vCores:0> ; Queue's max capacity (absolute resource) = <memory:0, vCores:0> ; "#;

pub(crate) const LARGER_THAN_ANY_NODE: &str = r#"[Mon Nov 23 01:33:51 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = <DEFAULT_PARTITION> ; Partition Resource = <memory:2048, vCores:8> ; Queue's Absolute capacity = 40.0 % ; Queue's Absolute used capacity = 0.0 % ; Queue's Absolute max capacity = 100.0 % ; Queue's capacity (absolute resource) = <memory:819, vCores:3> ; Queue's used capacity (absolute resource) = <memory:0, vCores:0> ; Queue's max capacity (absolute resource) = <memory:2048, vCores:8> ; "#;

pub(crate) const QUEUE_FULL: &str = r#"[Mon Nov 23 01:31:19 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = <DEFAULT_PARTITION> ; Partition Resource = <memory:1024, vCores:8> ; Queue's Absolute capacity = 10.0 % ; Queue's Absolute used capacity = 6.25 % ; Queue's Absolute max capacity = 10.0 % ; Queue's capacity (absolute resource) = <memory:102, vCores:0> ; Queue's used capacity (absolute resource) = <memory:64, vCores:1> ; Queue's max capacity (absolute resource) = <memory:102, vCores:0> ; "#;

pub(crate) const LAUNCHED: &str = r#"AM container is launched, waiting for AM container to Register with RM"#;

pub(crate) const RECOVERED: &str = r#"Attempt recovered after RM restart"#;

pub(crate) const KILLED_BY_CLI: &str =
    r#"Application application_1795397430664_0035 was killed by user root at 127.0.0.1"#;

pub(crate) const KILLED_BY_REST: &str =
    r#"Application application_1795397430664_0001 was killed by user alice"#;

pub(crate) const QUEUE_STOPPED: &str = r#"org.apache.hadoop.security.AccessControlException: Queue root.stopped is STOPPED. Cannot accept submission of application: application_1795397430664_0017"#;

pub(crate) const QUEUE_UNKNOWN: &str =
    r#"Application application_1795397430664_0019 submitted by user alice to unknown queue: nosuch"#;

pub(crate) const QUEUE_APPLICATIONS: &str = r#"org.apache.hadoop.security.AccessControlException: Queue root.capped already has 3 applications, cannot accept submission of application: application_1795397430664_0016"#;

pub(crate) const EXIT_0: &str = r#"Application application_1795397430664_0025 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0025_000001 exited with  exitCode: 0
Failing this attempt.Diagnostics: For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0025 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const EXIT_1: &str = r#"Application application_1795397430664_0026 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0026_000001 exited with  exitCode: 1
Failing this attempt.Diagnostics: [2026-11-23 01:31:44.558]Exception from container-launch.
Container id: container_1795397430664_0026_01_000001
Exit code: 1

[2026-11-23 01:31:44.603]Container exited with a non-zero exit code 1. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :

[2026-11-23 01:31:44.603]Container exited with a non-zero exit code 1. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0026 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const KILLED_9: &str = r#"Application application_1795397430664_0027 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0027_000001 exited with  exitCode: 137
Failing this attempt.Diagnostics: [2026-11-23 01:31:44.968]Container killed on request. Exit code is 137
[2026-11-23 01:31:44.968]Container exited with a non-zero exit code 137. 
[2026-11-23 01:31:44.968]Killed by external signal
For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0027 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const KILLED_15: &str = r#"Application application_1795397430664_0028 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0028_000001 exited with  exitCode: 143
Failing this attempt.Diagnostics: [2026-11-23 01:31:45.238]Container killed on request. Exit code is 143
[2026-11-23 01:31:45.238]Container exited with a non-zero exit code 143. 
[2026-11-23 01:31:45.238]Killed by external signal
For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0028 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const EXIT_3: &str = r#"Application application_1795397430664_0030 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0030_000001 exited with  exitCode: 3
Failing this attempt.Diagnostics: [2026-11-23 01:31:45.895]Exception from container-launch.
Container id: container_1795397430664_0030_01_000001
Exit code: 3

[2026-11-23 01:31:45.898]Container exited with a non-zero exit code 3. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
error: something is wrong

[2026-11-23 01:31:45.898]Container exited with a non-zero exit code 3. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
error: something is wrong

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0030 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const EXIT_7: &str = r#"Application application_1795397430664_0032 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0032_000001 exited with  exitCode: 7
Failing this attempt.Diagnostics: [2026-11-23 01:31:46.763]Exception from container-launch.
Container id: container_1795397430664_0032_01_000001
Exit code: 7

[2026-11-23 01:31:46.766]Container exited with a non-zero exit code 7. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
first line
java.lang.X


[2026-11-23 01:31:46.766]Container exited with a non-zero exit code 7. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
first line
java.lang.X


For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0032 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const JAVA_MISSING: &str = r#"Application application_1795397430664_0031 failed 2 times due to AM Container for appattempt_1795397430664_0031_000002 exited with  exitCode: 127
Failing this attempt.Diagnostics: [2026-11-23 01:31:46.495]Exception from container-launch.
Container id: container_1795397430664_0031_02_000001
Exit code: 127

[2026-11-23 01:31:46.501]Container exited with a non-zero exit code 127. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
/bin/bash: line 1: /nonexistent/bin/java: No such file or directory


[2026-11-23 01:31:46.501]Container exited with a non-zero exit code 127. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
/bin/bash: line 1: /nonexistent/bin/java: No such file or directory


For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0031 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const MEMORY: &str = r#"Application application_1795397430664_0033 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0033_000001 exited with  exitCode: -104
Failing this attempt.Diagnostics: [2026-11-23 01:31:47.660]Container [pid=7400,containerID=container_1795397430664_0033_01_000001] is running 373915648B beyond the 'PHYSICAL' memory limit. Current usage: 484.6 MB of 128 MB physical memory used; 490.5 MB of 268.8 MB virtual memory used. Killing container.
Dump of the process-tree for container_1795397430664_0033_01_000001 :
	|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE
	|- 7400 7398 7400 7400 (python3) 6 41 514297856 124056 python3 -c import time; x=b"x"*500000000; time.sleep(60) 

[2026-11-23 01:31:47.761]Container killed on request. Exit code is 143
[2026-11-23 01:31:47.763]Container exited with a non-zero exit code 143. 
For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0033 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const NO_CLASS: &str = r#"Application application_1795397430664_0034 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0034_000001 exited with  exitCode: 1
Failing this attempt.Diagnostics: [2026-11-23 01:31:48.293]Exception from container-launch.
Container id: container_1795397430664_0034_01_000001
Exit code: 1

[2026-11-23 01:31:48.295]Container exited with a non-zero exit code 1. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
Error: Could not find or load main class NoSuchClass
Caused by: java.lang.ClassNotFoundException: NoSuchClass


[2026-11-23 01:31:48.295]Container exited with a non-zero exit code 1. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
Error: Could not find or load main class NoSuchClass
Caused by: java.lang.ClassNotFoundException: NoSuchClass


For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0034 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const MISSING_FILE: &str = r#"Application application_1795397430664_0036 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0036_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:31:52.144]File file:/srv/none.txt does not exist
java.io.FileNotFoundException: File file:/srv/none.txt does not exist
	at org.apache.hadoop.yarn.util.FSDownload.verifyAndCopy(FSDownload.java:283)
	at org.apache.hadoop.yarn.util.FSDownload.access$000(FSDownload.java:72)

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0036 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const CHANGED_FILE: &str = r#"Application application_1795397430664_0037 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0037_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:31:52.504]Resource file:/srv/r.txt changed on src filesystem - expected: "1970-01-01T00:00:01.000+0000", was: "2026-11-23T01:31:51.781+0000", current time: "2026-11-23T01:31:52.500+0000"
java.io.IOException: Resource file:/srv/r.txt changed on src filesystem - expected: "1970-01-01T00:00:01.000+0000", was: "2026-11-23T01:31:51.781+0000", current time: "2026-11-23T01:31:52.500+0000"
	at org.apache.hadoop.yarn.util.FSDownload.verifyAndCopy(FSDownload.java:290)
	at org.apache.hadoop.yarn.util.FSDownload.access$000(FSDownload.java:72)

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0037 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const BAD_ARCHIVE: &str = r#"Application application_1795397430664_0038 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0038_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:31:52.872]chmod: cannot access '/srv/nm1/local/usercache/alice/appcache/application_1795397430664_0038/filecache/10_tmp/bad.zip': No such file or directory

ExitCodeException exitCode=1: chmod: cannot access '/srv/nm1/local/usercache/alice/appcache/application_1795397430664_0038/filecache/10_tmp/bad.zip': No such file or directory

	at org.apache.hadoop.yarn.util.FSDownload$3.run(FSDownload.java:498)
	at org.apache.hadoop.yarn.util.FSDownload$3.run(FSDownload.java:496)

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0038 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const NOT_PUBLIC: &str = r#"Application application_1795397430664_0039 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0039_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:31:53.163]Failed to download resource { { file:/srv/r.txt, 1795397511781, FILE, null },pending,[(container_1795397430664_0039_01_000001)],25723398203424,DOWNLOADING} java.io.IOException: Resource file:/srv/r.txt is not publicly accessible and as such cannot be part of the public cache.
For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0039 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const NO_NAME_NODE: &str = r#"Application application_1795397430664_0040 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397430664_0040_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:31:53.861]Call From node/127.0.0.1 to localhost:1 failed on connection exception: java.net.ConnectException: Connection refused; For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused
java.net.ConnectException: Call From node/127.0.0.1 to localhost:1 failed on connection exception: java.net.ConnectException: Connection refused; For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused
	at org.apache.hadoop.yarn.util.FSDownload.verifyAndCopy(FSDownload.java:283)
	at org.apache.hadoop.yarn.util.FSDownload.access$000(FSDownload.java:72)
Caused by: java.net.ConnectException: Connection refused
	... 39 more
Caused by: Connection refused
java.net.ConnectException: Connection refused

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397430664_0040 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const NODE_LOST: &str = r#"Application application_1795397645686_0001 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795397645686_0001_000001 exited with  exitCode: -100
Failing this attempt.Diagnostics: Container released on a *lost* nodeFor more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795397645686_0001 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const AM_TIMED_OUT: &str = r#"Application application_1795397645686_0002 failed 1 times (global limit =2; local limit is =1) due to ApplicationMaster for attempt appattempt_1795397645686_0002_000001 timed out. Failing the application."#;

pub(crate) const AM_NOT_BACK: &str = r#"Application application_1795397626201_0010 failed 1 times (global limit =2; local limit is =1) due to Attempt recovered after RM restartApplicationMaster for attempt appattempt_1795397626201_0010_000001 timed out. Failing the application."#;

pub(crate) const LIFETIME: &str =
    r#"Application is killed by ResourceManager as it has exceeded the lifetime period."#;

pub(crate) const VIRTUAL_MEMORY: &str = r#"Application application_1795398948134_0003 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795398948134_0003_000001 exited with  exitCode: -103
Failing this attempt.Diagnostics: [2026-11-23 01:56:07.004]Container [pid=18850,containerID=container_1795398948134_0003_01_000001] is running 2732475200B beyond the 'VIRTUAL' memory limit. Current usage: 7.9 MB of 128 MB physical memory used; 2.8 GB of 268.8 MB virtual memory used. Killing container.
Dump of the process-tree for container_1795398948134_0003_01_000001 :
	|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE
	|- 18850 18848 18850 18850 (python3) 0 1 3014332416 2024 python3 -c import mmap,time; m=mmap.mmap(-1,3000000000); time.sleep(60) 

[2026-11-23 01:56:07.018]Container killed on request. Exit code is 143
[2026-11-23 01:56:07.019]Container exited with a non-zero exit code 143. 
For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795398948134_0003 Then click on links to logs of each attempt.
. Failing the application."#;

pub(crate) const NO_SPACE: &str = r#"Application application_1795398948134_0007 failed 1 times (global limit =2; local limit is =1) due to AM Container for appattempt_1795398948134_0007_000001 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 01:56:28.243]java.io.IOException: No space left on device
org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device
	at org.apache.hadoop.yarn.util.FSDownload.unpack(FSDownload.java:401)
	at org.apache.hadoop.yarn.util.FSDownload.downloadAndUnpack(FSDownload.java:322)
	Suppressed: org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device
		at org.apache.hadoop.fs.RawLocalFileSystem$LocalFSFileOutputStream.write(RawLocalFileSystem.java:486)
		at java.base/java.io.BufferedOutputStream.flushBuffer(BufferedOutputStream.java:81)
		at java.base/java.io.BufferedOutputStream.flush(BufferedOutputStream.java:142)
		at java.base/java.io.FilterOutputStream.close(FilterOutputStream.java:182)
		at org.apache.hadoop.fs.FSDataOutputStream$PositionCache.close(FSDataOutputStream.java:77)
		at org.apache.hadoop.fs.FSDataOutputStream.close(FSDataOutputStream.java:106)
		at org.apache.hadoop.fs.ChecksumFileSystem$ChecksumFSOutputSummer.close(ChecksumFileSystem.java:648)
		at org.apache.hadoop.fs.FSDataOutputStream$PositionCache.close(FSDataOutputStream.java:77)
		at org.apache.hadoop.fs.FSDataOutputStream.close(FSDataOutputStream.java:106)
		at org.apache.hadoop.yarn.util.FSDownload.unpack(FSDownload.java:402)
		... 18 more
	Caused by: java.io.IOException: No space left on device
		at java.base/java.io.FileOutputStream.writeBytes(Native Method)
		at java.base/java.io.FileOutputStream.write(FileOutputStream.java:349)
		at org.apache.hadoop.fs.RawLocalFileSystem$LocalFSFileOutputStream.write(RawLocalFileSystem.java:482)
		... 27 more
Caused by: java.io.IOException: No space left on device
	... 33 more
Caused by: No space left on device
java.io.IOException: No space left on device

For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1795398948134_0007 Then click on links to logs of each attempt.
. Failing the application."#;

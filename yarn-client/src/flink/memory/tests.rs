use super::*;
use crate::flink::FlinkConfig;

fn config(text: &str) -> FlinkConfig {
    let mut config = FlinkConfig::new();
    for setting in text.split_whitespace() {
        config.apply_dynamic(setting).unwrap();
    }
    config
}

fn jm(text: &str) -> JobManagerMemory {
    JobManagerMemory::derive(&config(text)).unwrap()
}

fn tm(text: &str) -> TaskManagerMemory {
    TaskManagerMemory::derive(&config(text)).unwrap()
}

/// Flink's own results: settings; heap, metaspace, overhead, flink, process.
const JOB_MANAGER: &[(&str, [u64; 5])] = &[
    ("process.size=1600m", [1_073_741_824, 268_435_456, 201_326_592, 1_207_959_552, 1_677_721_600]),
    ("process.size=1g", [469_762_048, 268_435_456, 201_326_592, 603_979_776, 1_073_741_824]),
    ("process.size=600m", [25_165_824, 268_435_456, 201_326_592, 159_383_552, 629_145_600]),
    ("process.size=4g", [3_462_817_376, 268_435_456, 429_496_736, 3_597_035_104, 4_294_967_296]),
    ("process.size=16g", [15_703_474_176, 268_435_456, 1_073_741_824, 15_837_691_904, 17_179_869_184]),
    ("flink.size=1280m", [1_207_959_552, 268_435_456, 201_326_592, 1_342_177_280, 1_811_939_328]),
    ("heap.size=1g process.size=2g", [1_073_741_824, 268_435_456, 671_088_640, 1_207_959_552, 2_147_483_648]),
];

#[test]
fn job_manager_is_exact() {
    for (settings, expected) in JOB_MANAGER {
        let text: Vec<_> = settings.split(' ').map(|s| format!("jobmanager.memory.{s}")).collect();
        let m = jm(&text.join(" "));
        let got = [m.heap, m.metaspace, m.overhead, m.flink(), m.process()].map(|s| s.bytes());
        assert_eq!(&got, expected, "{settings}");
        assert_eq!(m.off_heap.bytes(), 134_217_728, "{settings}");
    }
}

/// Flink's own results: settings; heap, direct, metaspace, overhead, flink, network, managed.
const TASK_MANAGER: &[(&str, [u64; 7])] = &[
    (
        "process.size=1728m",
        [536_870_902, 268_435_458, 268_435_456, 201_326_592, 1_342_177_280, 134_217_730, 536_870_920],
    ),
    (
        "process.size=1g",
        [161_061_270, 201_326_592, 268_435_456, 201_326_592, 603_979_776, 67_108_864, 241_591_914],
    ),
    (
        "process.size=4g",
        [1_664_299_798, 493_921_243, 268_435_456, 429_496_736, 3_597_035_104, 359_703_515, 1_438_814_063],
    ),
    (
        "process.size=32g",
        [
            16_374_562_570,
            3_435_973_886,
            268_435_456,
            1_073_741_824,
            33_017_561_088,
            3_301_756_158,
            13_207_024_632,
        ],
    ),
    (
        "task.heap.size=1g managed.size=512m",
        [1_207_959_552, 343_000_863, 268_435_456, 261_807_424, 2_087_831_327, 208_783_135, 536_870_912],
    ),
    (
        "process.size=2g managed.fraction=0",
        [1_363_652_112, 300_647_712, 268_435_456, 214_748_368, 1_664_299_824, 166_429_984, 0],
    ),
    (
        "process.size=4g task.heap.size=1g",
        [1_207_959_552, 950_261_489, 268_435_456, 429_496_736, 3_597_035_104, 816_043_761, 1_438_814_063],
    ),
    (
        "process.size=4g flink.size=3g",
        [1_476_394_984, 456_340_280, 268_435_456, 805_306_368, 3_221_225_472, 322_122_552, 1_288_490_208],
    ),
    (
        "process.size=4g network.max=256m task.off-heap.size=256m",
        [1_487_132_401, 671_088_640, 268_435_456, 429_496_736, 3_597_035_104, 268_435_456, 1_438_814_063],
    ),
];

#[test]
fn task_manager_is_exact() {
    for (settings, expected) in TASK_MANAGER {
        let text: Vec<_> = settings.split(' ').map(|s| format!("taskmanager.memory.{s}")).collect();
        let m = tm(&text.join(" "));
        let got = [m.heap(), m.direct(), m.metaspace, m.overhead, m.flink(), m.network, m.managed]
            .map(|s| s.bytes());
        assert_eq!(&got, expected, "{settings}");
    }
    let m = tm("taskmanager.memory.process.size=1728m");
    assert_eq!((m.task_heap.bytes(), m.process_mib(), m.vcores()), (402_653_174, 1728, 1));
    assert_eq!(tm("taskmanager.memory.process.size=4g").task_heap.bytes(), 1_530_082_070);
    let fine = tm("taskmanager.memory.task.heap.size=1g taskmanager.memory.managed.size=512m");
    assert_eq!((fine.process().bytes(), fine.process_mib()), (2_618_074_207, 2_618_074_207 >> 20));
}

#[test]
fn cpu_follows_cores_then_vcores_then_slots() {
    let base = "taskmanager.memory.process.size=4g taskmanager.numberOfTaskSlots=4";
    assert_eq!((tm(base).cpu_cores, tm(base).slots, tm(base).vcores()), (4.0, 4, 4));
    assert_eq!(tm(&format!("{base} yarn.containers.vcores=2")).vcores(), 2);
    assert_eq!(tm(&format!("{base} yarn.containers.vcores=-1")).vcores(), 4);
    assert_eq!(tm(&format!("{base} yarn.containers.vcores=2 taskmanager.cpu.cores=2.5")).vcores(), 3);
    assert_eq!(tm(&format!("{base} taskmanager.cpu.cores=0.1")).vcores(), 1);
    for bad in ["taskmanager.cpu.cores=0", "taskmanager.cpu.cores=NaN", "taskmanager.numberOfTaskSlots=0"] {
        assert!(TaskManagerMemory::derive(&config(&format!("{base} {bad}"))).is_err(), "{bad}");
    }
}

#[test]
fn gives_the_jvm_and_flink_all_they_need() {
    let m = jm("jobmanager.memory.process.size=1600m");
    assert_eq!(m.jvm_args(), ["-Xmx1073741824", "-Xms1073741824", "-XX:MaxMetaspaceSize=268435456"]);
    assert_eq!(
        m.dynamic_properties(),
        [
            "jobmanager.memory.heap.size=1073741824b",
            "jobmanager.memory.off-heap.size=134217728b",
            "jobmanager.memory.jvm-metaspace.size=268435456b",
            "jobmanager.memory.jvm-overhead.min=201326592b",
            "jobmanager.memory.jvm-overhead.max=201326592b",
        ]
    );
    let limited =
        jm("jobmanager.memory.process.size=1600m jobmanager.memory.enable-jvm-direct-memory-limit=true");
    assert!(limited.jvm_args().contains(&"-XX:MaxDirectMemorySize=134217728".to_owned()));
    assert!(m.warning().is_none() && jm("jobmanager.memory.process.size=600m").warning().is_some());

    let m = tm(
        "taskmanager.memory.process.size=1728m external-resources=gpu;none external-resource.gpu.amount=2",
    );
    assert_eq!(
        m.jvm_args(),
        [
            "-Xmx536870902",
            "-Xms536870902",
            "-XX:MaxDirectMemorySize=268435458",
            "-XX:MaxMetaspaceSize=268435456"
        ]
    );
    assert_eq!(
        m.dynamic_properties(),
        [
            "taskmanager.cpu.cores=1.0",
            "taskmanager.memory.framework.heap.size=134217728b",
            "taskmanager.memory.framework.off-heap.size=134217728b",
            "taskmanager.memory.task.heap.size=402653174b",
            "taskmanager.memory.task.off-heap.size=0b",
            "taskmanager.memory.network.min=134217730b",
            "taskmanager.memory.network.max=134217730b",
            "taskmanager.memory.managed.size=536870920b",
            "taskmanager.memory.jvm-metaspace.size=268435456b",
            "taskmanager.memory.jvm-overhead.min=201326592b",
            "taskmanager.memory.jvm-overhead.max=201326592b",
            "taskmanager.numberOfTaskSlots=1",
            "external-resources=gpu",
            "external-resource.gpu.amount=2",
        ]
    );
}

#[test]
fn deprecated_keys_apply() {
    assert_eq!(jm("jobmanager.heap.size=1600m"), jm("jobmanager.memory.process.size=1600m"));
    assert_eq!(jm("jobmanager.heap.mb=1600"), jm("jobmanager.memory.process.size=1600m"));
    assert_eq!(
        jm("jobmanager.heap.size=9g jobmanager.memory.process.size=1g"),
        jm("jobmanager.memory.process.size=1g")
    );
    assert_eq!(tm("taskmanager.heap.size=1728m"), tm("taskmanager.memory.process.size=1728m"));
    let old = tm(
        "taskmanager.memory.process.size=4g taskmanager.memory.size=512m taskmanager.network.memory.max=256m",
    );
    assert_eq!((old.managed.mib(), old.network.mib()), (512, 256));
    let buffers = tm("taskmanager.memory.process.size=4g taskmanager.network.numberOfBuffers=4096");
    assert_eq!(buffers.network.mib(), 128);
}

#[test]
fn errors_name_keys_and_sizes() {
    let jm_error = |text: &str| JobManagerMemory::derive(&config(text)).unwrap_err();
    let tm_error = |text: &str| TaskManagerMemory::derive(&config(text)).unwrap_err();

    let error = jm_error("a=b");
    assert!(matches!(&error, MemoryError::NotConfigured { keys } if keys.len() == 3), "{error}");
    for key in
        ["jobmanager.memory.heap.size", "jobmanager.memory.flink.size", "jobmanager.memory.process.size"]
    {
        assert!(error.to_string().contains(key), "{error}");
    }
    assert!(error.hint().unwrap().contains("jobmanager.memory.process.size"));
    let error = tm_error("a=b").to_string();
    assert!(
        error.contains("taskmanager.memory.task.heap.size and taskmanager.memory.managed.size"),
        "{error}"
    );

    let error = jm_error("jobmanager.memory.process.size=400m");
    assert!(error.to_string().contains("exceed configured Total Process Memory"), "{error}");
    assert!(error.to_string().contains("400.000mb (419430400 bytes)"), "{error}");
    assert!(error.hint().unwrap().contains("jobmanager.memory.jvm-metaspace.size"), "{error}");

    let error = tm_error("taskmanager.memory.process.size=700m").to_string();
    assert!(error.contains("252.000mb") && error.contains("Total Flink Memory"), "{error}");

    let error = jm_error("jobmanager.memory.process.size=1g jobmanager.memory.off-heap.size=1g").to_string();
    assert!(error.contains("jobmanager.memory.off-heap.size"), "{error}");
    let error = jm_error("jobmanager.memory.heap.size=1g jobmanager.memory.process.size=8g").to_string();
    assert!(error.contains("is not in configured JVM Overhead range"), "{error}");
    let error = jm_error("jobmanager.memory.heap.size=2g jobmanager.memory.flink.size=1g").to_string();
    assert!(error.contains("exceeds the configured Total Flink Memory"), "{error}");
    let error = jm_error("jobmanager.memory.process.size=lots").to_string();
    assert!(error.contains("`jobmanager.memory.process.size`: `lots` is not a memory size"), "{error}");
    let error = tm_error(
        "taskmanager.memory.process.size=4g taskmanager.memory.network.min=2g \
                          taskmanager.memory.network.max=1g",
    )
    .to_string();
    assert!(error.contains("Inconsistently configured Network Memory"), "{error}");
    let error =
        tm_error("taskmanager.memory.process.size=4g taskmanager.memory.task.heap.size=3g").to_string();
    assert!(error.contains("taskmanager.memory.task.heap.size"), "{error}");
    let error =
        tm_error("taskmanager.memory.process.size=2g taskmanager.memory.managed.fraction=1.5").to_string();
    assert!(error.contains("taskmanager.memory.managed.fraction"), "{error}");
}

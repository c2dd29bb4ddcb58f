use std::ops::ControlFlow;

use bytes::Bytes;
use futures::future::BoxFuture;
use proptest::prelude::*;

use super::*;
use crate::conf::Configuration;
use crate::hdfs::{FileRead, HdfsError};

/// Written by Hadoop 3.4.1: one container with two files, uncompressed, compressed, and as an indexed file.
const TFILE: &str = "d111d36891b5d7b639df414092bae15009000756455253494f4e040000000111000f4150504c49434154494f4e5f41434c11\
     0008564945575f4150500005616c6963651300114150504c49434154494f4e5f4f574e4552070005616c696365280026636f\
     6e7461696e65725f313730303030303030303030305f303030375f30315f3030303030322900067374646572720001356f6f\
     70730a00067374646f75740002313368656c6c6f207374646f75740a0001000004000a09000756455253494f4e2a28002663\
     6f6e7461696e65725f313730303030303030303030305f303030375f30315f30303030303204046e6f6e650110cca2cca203\
     11646174613a424346696c652e696e646578046e6f6e65ccee0b0b10646174613a5446696c652e696e646578046e6f6e65cc\
     b836360f646174613a5446696c652e6d657461046e6f6e65ccb2060600000000000000f900010000d111d36891b5d7b639df\
     414092bae150";
const TFILE_ZLIB: &str = "d111d36891b5d7b639df414092bae150789ce364600f730d0af6f4f763616060601464e0770c08f0f174760c010ac53b3afb\
     0832708479ba86c703851958137332935385190491d5f887fbb906b143e53418d492f3f34a1233f3528be20dcd0d10201e88\
     cde30d0ce3c13c234d06b6e29294d4a2220646d3fcfc82622e303fbfb48481c9d038233527275f01c2e70200428729a50001\
     00000400789ce3e264600f730d0af6f4f7d3d260504bcecf2b49cccc4b2d8a37343740807820368f37308c07f38c58006603\
     0cbe789c634aaf621438d3726611000df503b30311646174613a424346696c652e696e64657802677accca11091064617461\
     3a5446696c652e696e64657802677acc9a30360f646174613a5446696c652e6d657461046e6f6e65cc940606000000000000\
     00db00010000d111d36891b5d7b639df414092bae150";
const INDEXED: &str = "63766642d568707b397b9addf209494d687026d766c0cc4588e28957ad1fa9c8789ccbcf2f28e60200062c01cc789ccb48cd\
     c9c957282e49c92f2de1020023b204e2aced00057372006e6f72672e6170616368652e6861646f6f702e7961726e2e6c6f67\
     6167677265676174696f6e2e66696c65636f6e74726f6c6c65722e6966696c652e4c6f674167677265676174696f6e496e64\
     6578656446696c65436f6e74726f6c6c657224496e64657865644c6f67734d65746100000001443de92d0200064900077665\
     7273696f6e4c000461636c7374000f4c6a6176612f7574696c2f4d61703b4c000c636f6d70726573734e616d657400124c6a\
     6176612f6c616e672f537472696e673b4c00086c6f674d657461737400104c6a6176612f7574696c2f4c6973743b4c00066e\
     6f6465496471007e00024c00047573657271007e0002787000000001737200116a6176612e7574696c2e486173684d617005\
     07dac1c31660d103000246000a6c6f6164466163746f724900097468726573686f6c6478703f400000000000007708000000\
     100000000078740002677a737200136a6176612e7574696c2e41727261794c6973747881d21d99c7619d0300014900047369\
     7a657870000000017704000000017372007b6f72672e6170616368652e6861646f6f702e7961726e2e6c6f67616767726567\
     6174696f6e2e66696c65636f6e74726f6c6c65722e6966696c652e4c6f674167677265676174696f6e496e64657865644669\
     6c65436f6e74726f6c6c657224496e64657865645065724167677265676174696f6e4c6f674d65746100000000ea3455cf02\
     00034a000f75706c6f616454696d655374616d704c00086c6f674d6574617371007e00014c001572656d6f74654e6f64654c\
     6f6746696c654e616d6571007e00027870000001a20434b1fd7371007e00053f4000000000000c7708000000100000000174\
     0026636f6e7461696e65725f313730303030303030303030305f303030375f30315f3030303030327371007e000800000002\
     770400000002737200716f72672e6170616368652e6861646f6f702e7961726e2e6c6f676167677265676174696f6e2e6669\
     6c65636f6e74726f6c6c65722e6966696c652e4c6f674167677265676174696f6e496e646578656446696c65436f6e74726f\
     6c6c657224496e646578656446696c654c6f674d65746100000000000000010200064a001266696c65436f6d707265737365\
     6453697a654a000866696c6553697a654a00106c6173744d6f64696669656454696d654a000a7374617274496e6465784c00\
     0b636f6e7461696e6572496471007e00024c000866696c654e616d6571007e00027870000000000000000d00000000000000\
     05000001a20434b008000000000000002071007e000d7400067374646572727371007e000f00000000000000150000000000\
     00000d000001a20434b008000000000000002d71007e000d7400067374646f757478787400096e6d315f3435343534787400\
     096e6d313a3435343534740004726f6f740000041b63766642d568707b397b9addf209494d687026d766c0cc4588e28957ad\
     1fa9c8";
const CONTAINER: &str = "container_1700000000000_0007_01_000002";

struct Memory(Bytes);

impl FileRead for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, HdfsError>> {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let end = begin.saturating_add(length).min(self.0.len());
        Box::pin(std::future::ready(Ok(self.0.slice(begin..end))))
    }
}

#[derive(Default)]
struct Kept(Vec<(LogFile, Vec<u8>)>);

impl Sink for Kept {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        self.0.push((file.clone(), Vec::new()));
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (_, content) = self.0.last_mut().expect("a file has begun");
        content.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        Ok(())
    }
}

fn bytes(hex: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

async fn read(content: Bytes, wanted: &Wanted) -> Result<Kept, LogsError> {
    let (kept, failed) = read_all(content, wanted).await?;
    failed.into_iter().next().map_or(Ok(kept), Err)
}

async fn read_all(content: Bytes, wanted: &Wanted) -> Result<(Kept, Vec<LogsError>), LogsError> {
    let (file, mut seen, mut kept) = (Memory(content), Seen::default(), Kept::default());
    if file.0.starts_with(&tfile::MAGIC) {
        tfile::read(&file, "file", "nm1_45454", 17, wanted, &mut seen, &mut kept).await?;
    } else {
        indexed::read(&file, "file", "nm1_45454", None, wanted, &mut seen, &mut kept).await?;
    }
    Ok((kept, seen.failed))
}

#[tokio::test]
async fn logs_written_by_hadoop_are_read() {
    for (name, hex) in [("tfile", TFILE), ("zlib", TFILE_ZLIB), ("indexed", INDEXED)] {
        let kept = read(bytes(hex), &Wanted::default()).await.expect(name);
        let found: Vec<_> = kept
            .0
            .iter()
            .map(|(file, content)| (file.name.as_str(), file.length, content.as_slice()))
            .collect();
        assert_eq!(
            found,
            [("stderr", 5, b"oops\n".as_slice()), ("stdout", 13, b"hello stdout\n".as_slice())],
            "{name}"
        );
        assert!(
            kept.0.iter().all(|(file, _)| file.container == CONTAINER && file.node == "nm1_45454"),
            "{name}"
        );
    }
    let times: Vec<_> = read(bytes(INDEXED), &Wanted::default()).await.expect("indexed").0;
    assert_eq!(times[0].0.modified_ms, Some(0x1a2_0434_b008));
}

#[tokio::test]
async fn only_selected_logs_are_read() {
    for hex in [TFILE, INDEXED] {
        let wanted = Wanted { files: vec!["stdout".to_owned()], ..Wanted::default() };
        let kept = read(bytes(hex), &wanted).await.expect("a file").0;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].1, b"hello stdout\n");
        let masters = Wanted { masters: true, ..Wanted::default() };
        assert!(read(bytes(hex), &masters).await.expect("a file").0.is_empty());
    }
}

#[tokio::test]
async fn truncated_logs_are_errors() {
    for hex in [TFILE, TFILE_ZLIB, INDEXED] {
        let whole = bytes(hex);
        for length in 32..whole.len() {
            read(whole.slice(..length), &Wanted::default()).await.err().expect("an error");
        }
    }
}

/// The first file's bytes are damaged: the second one is still read, and the error names the first.
#[tokio::test]
async fn damaged_log_does_not_hide_the_others() {
    let mut content = bytes(INDEXED).to_vec();
    content[0x20..0x2d].fill(0xff);
    let (kept, failed) =
        read_all(Bytes::from(content), &Wanted::default()).await.expect("its index is whole");
    let found: Vec<_> = kept.0.iter().map(|(file, content)| (file.name.as_str(), content.len())).collect();
    assert_eq!(found, [("stderr", 0), ("stdout", 13)]);
    let told: Vec<_> = failed.iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].contains(&format!("stderr of {CONTAINER}")), "{told:?}");
}

/// A node that serves one file of one container.
async fn node() -> String {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        loop {
            let mut stream = BufReader::new(listener.accept().await.expect("a client").0);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                stream.read_line(&mut request).await.expect("a request");
            }
            let body = match request.contains("/logs/") {
                true => "LogType:out\nLogLength:3\nLogContents:\nabc\nEnd of LogType:out",
                false => r#"{"containerLogsInfo":{"containerLogInfo":{"fileName":"out","fileSize":"3"}}}"#,
            };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.expect("an answer");
        }
    });
    address
}

#[tokio::test]
async fn unresponsive_node_does_not_hide_other_logs() {
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound");
    let running = |number: u32, address: &str| Running {
        id: format!("container_1_0001_01_{number:06}"),
        node: "n1:1".to_owned(),
        address: address.to_owned(),
        web: crate::yarn::web::Client::default(),
    };
    let gone = format!("http://{gone}");
    let logs = |running: Vec<Running>| Logs {
        application: "application_1_0001".parse().expect("an id"),
        collected: Vec::new(),
        running,
        incomplete: false,
        failed: Vec::new(),
    };
    let some = logs(vec![running(1, &gone), running(2, &gone), running(3, &node().await)]);
    let mut kept = Kept::default();
    let read = some.read(&Wanted::default(), &mut kept).await.expect("memory");
    assert_eq!(kept.0.iter().map(|(_, content)| content.as_slice()).collect::<Vec<_>>(), [b"abc"]);
    let told: Vec<_> = read.failed.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains(&gone) && told[0].contains("container_1_0001_01_000001"), "{told:?}");
    // A request for something that may exist does not fail with "not found".
    let wanted = Wanted { files: vec!["other".to_owned()], ..Wanted::default() };
    assert_eq!(some.read(&wanted, &mut Kept::default()).await.expect("memory").failed.len(), 2);
    let one = logs(vec![running(3, &node().await)]);
    assert!(matches!(one.read(&wanted, &mut Kept::default()).await, Err(LogsError::NoSuchFile { .. })));
}

#[test]
fn a_mark_is_the_hash_of_the_applications_id() {
    assert!(bytes(INDEXED).starts_with(&indexed::mark("application_1700000000000_0007")));
}

#[tokio::test]
async fn tfile_numbers_are_decoded() {
    for (hex, number) in [
        ("00", 0),
        ("7f", 127),
        ("cc80", 128),
        ("ccff", 255),
        ("cd00", 256),
        ("a8ffff", 65535),
        ("a90000", 65536),
        ("ff", -1),
        ("cb90", -112),
        ("e0", -32),
        ("cbdf", -33),
        ("840080000000", 2_147_483_648),
        ("85010000000000", 1_099_511_627_776),
    ] {
        let file = Memory(bytes(hex));
        let mut blob = blob::Blob::new(&file, "file", 0, 16, blob::Compression::None);
        assert_eq!(tfile::vlong(&mut blob).await.expect(hex), number, "{hex}");
    }
}

#[test]
fn old_and_new_log_directories_are_found() {
    let conf = |entries: &[(&str, &str)]| {
        Configuration::from_flat(
            entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>(),
        )
    };
    let id = "application_1700000000000_12345".parse().expect("an id");
    assert_eq!(
        places(&conf(&[]), id, "alice"),
        [
            "/tmp/logs/alice/bucket-logs-tfile/2345/application_1700000000000_12345",
            "/tmp/logs/alice/logs-tfile/application_1700000000000_12345",
            "/tmp/logs/alice/logs/application_1700000000000_12345",
        ]
    );
    let both = conf(&[
        ("yarn.nodemanager.remote-app-log-dir", "hdfs://nn/logs"),
        ("yarn.log-aggregation.file-formats", "IFile, TFile"),
        ("yarn.log-aggregation.IFile.remote-app-log-dir", "hdfs://nn/ilogs/"),
        ("yarn.log-aggregation.IFile.remote-app-log-dir-suffix", "i"),
    ]);
    let found = places(&both, id, "alice");
    assert_eq!(found[0], "hdfs://nn/ilogs/alice/bucket-i/2345/application_1700000000000_12345");
    assert!(
        found.contains(
            &"hdfs://nn/logs/alice/bucket-logs-tfile/2345/application_1700000000000_12345".to_owned()
        ),
        "{found:?}"
    );
}

#[test]
fn header_and_footer_match_yarns() {
    let file = LogFile {
        container: "container_1".to_owned(),
        node: "n1_8041".to_owned(),
        name: "a.log".to_owned(),
        length: 5,
        modified_ms: Some(0),
        modified: None,
        origin: Origin::Aggregated,
    };
    assert_eq!(
        header(&file, "Thu Jan 01 00:00:00 +0000 1970") + "hello" + &footer(&file),
        format!(
            "Container: container_1 on n1_8041\nLogAggregationType: AGGREGATED\n{}\nLogType:a.log\n\
             LogLastModifiedTime:Thu Jan 01 00:00:00 +0000 1970\nLogLength:5\nLogContents:\nhello\nEnd of LogType:a.log\n{}\n\n",
            "=".repeat(33),
            "*".repeat(70)
        )
    );
}

#[test]
fn checksum_file_marks_the_end() {
    assert_eq!(indexed::checksum(b"\0\0\0\x02n1\0\0\0\0\0\0\x01\0"), Ok(("n1".to_owned(), 256)));
    for cut in [&b""[..], b"\0\0\0\x02n", b"\xff\xff\xff\xff"] {
        indexed::checksum(cut).expect_err("cut off");
    }
}

/// A stream with an array of objects that `items` are made into: each may refer to those before it, by their handles.
fn array(length: u32, item: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let class = [b"\x72\x00\x13[Ljava.lang.Object;".as_slice(), &[0; 8], &[2, 0, 0, 0x78, 0x70]].concat();
    let items: Vec<u8> = (0..length).flat_map(item).collect();
    [b"\xac\xed\x00\x05\x75".as_slice(), &class, &length.to_be_bytes(), &items].concat()
}

/// The object with this number, where the array's class has 0 and the array 1.
fn reference(number: u32) -> [u8; 5] {
    let [a, b, c, d] = (0x7e_0000 + number).to_be_bytes();
    [0x71, a, b, c, d]
}

/// An array of `times` the one before it.
fn array_of_the_last(nth: u32, times: u32) -> Vec<u8> {
    let last = if nth == 0 { vec![0x70] } else { reference(nth + 1).to_vec() };
    let (class, length) = (reference(0), times.to_be_bytes());
    [&[0x75][..], &class, &length, &last.repeat(times as usize)].concat()
}

#[test]
fn few_references_do_not_stand_for_many_values() {
    java::read(&array(10, |nth| array_of_the_last(nth, 2))).expect("some thousand values");
    let error = java::read(&array(60, |nth| array_of_the_last(nth, 2))).expect_err("2^60 values");
    assert!(error.contains("values"), "{error}");
    // So deep that it could not even be dropped.
    java::read(&array(100_000, |nth| array_of_the_last(nth, 1))).expect_err("nested too deeply");
}

#[test]
fn classes_have_few_ancestors() {
    let class = |parent: Vec<u8>| {
        let name = [b"\x75\x72\x00\x02[B".as_slice(), &[0; 8], &[2, 0, 0, 0x78]].concat();
        [name, parent, 0_u32.to_be_bytes().to_vec()].concat()
    };
    let chain = |nth: u32| class(if nth == 0 { vec![0x70] } else { reference(nth * 2).to_vec() });
    java::read(&array(10, chain)).expect("ten classes");
    let error = java::read(&array(100_000, chain)).expect_err("too many");
    assert!(error.contains("superclasses"), "{error}");
}

/// An index that names the same stretch again and again makes much of little.
#[tokio::test]
async fn overlapping_pieces_of_a_log_are_not_read() {
    let content = bytes(INDEXED);
    let compressed = 0x0d_u64.to_be_bytes();
    let at = content.windows(8).position(|window| window == compressed).expect("a compressed size");
    let (mut content, beyond) = (content.to_vec(), content.len() as u64 + 1);
    content[at..at + 8].copy_from_slice(&beyond.to_be_bytes());
    let error = read(content.into(), &Wanted::default()).await.err().expect("an error");
    assert!(error.to_string().contains("larger than it is"), "{error}");
}

proptest! {
    /// Whatever another program has left in the directory: an error, not a panic, and not an endless loop.
    #[test]
    fn arbitrary_log_bytes_never_panic(
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = bytes([TFILE, TFILE_ZLIB, INDEXED][which]).to_vec();
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        drop(runtime.block_on(read(Bytes::from(content), &Wanted::default())));
    }

    #[test]
    fn arbitrary_java_streams_never_panic(content in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(java::read(&[&[0xac, 0xed, 0, 5][..], &content].concat()));
    }
}

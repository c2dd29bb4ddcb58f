package example;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Map;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Reads local files inside a TaskManager: {@code --files a.txt,archive.zip/b.txt --output PATH}, each path relative to
 * the working directory of the container; writes one line "path=content" for each.
 */
public final class ReadsShipped {
    private ReadsShipped() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        env.fromData(WordCount.required(options, "files").split(","))
                .map(file -> file + "=" + Files.readString(Paths.get(file)).trim())
                .name("read")
                .sinkTo(
                        FileSink.forRowFormat(
                                        new Path(WordCount.required(options, "output")),
                                        new SimpleStringEncoder<String>("UTF-8"))
                                .build());
        env.execute("Reads shipped files");
    }
}

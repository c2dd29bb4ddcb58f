package example;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Reads local files inside a TaskManager: {@code --files a.txt,archive.zip/b.txt --output PATH}, each path relative to
 * the working directory of the container; writes one line "path=content" for each. {@code --classes a.B,c.D}: a line
 * "class=loaded" for each that the program and its tasks can load.
 */
public final class ReadsShipped {
    private static final String CLASS = "class:";

    private ReadsShipped() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        List<String> wanted = new ArrayList<>(List.of(WordCount.required(options, "files").split(",")));
        for (String name : options.getOrDefault("classes", "").split(",")) {
            if (!name.isEmpty()) {
                wanted.add(CLASS + load(name));
            }
        }
        env.fromData(wanted)
                .map(ReadsShipped::read)
                .name("read")
                .sinkTo(
                        FileSink.forRowFormat(
                                        new Path(WordCount.required(options, "output")),
                                        new SimpleStringEncoder<String>("UTF-8"))
                                .build());
        env.execute("Reads shipped files");
    }

    private static String read(String wanted) throws Exception {
        if (wanted.startsWith(CLASS)) {
            return load(wanted.substring(CLASS.length())) + "=loaded";
        }
        return wanted + "=" + Files.readString(Paths.get(wanted)).trim();
    }

    private static String load(String name) throws ClassNotFoundException {
        return Class.forName(name, false, Thread.currentThread().getContextClassLoader()).getName();
    }
}

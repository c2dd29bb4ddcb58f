package example;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

/** Counts the words of a text: {@code --input PATH --output PATH}; one line "word count" for each word. */
public final class WordCount {
    private WordCount() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = options(args);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        FileSource<String> source =
                FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(required(options, "input")))
                        .build();
        DataStream<String> lines = env.fromSource(source, WatermarkStrategy.noWatermarks(), "lines");
        DataStream<Tuple2<String, Long>> counts =
                lines.flatMap(WordCount::split)
                        .returns(Types.TUPLE(Types.STRING, Types.LONG))
                        .name("words")
                        .keyBy(pair -> pair.f0)
                        .sum(1)
                        .name("count");
        FileSink<String> sink =
                FileSink.forRowFormat(
                                new Path(required(options, "output")), new SimpleStringEncoder<String>("UTF-8"))
                        .build();
        counts.map(pair -> pair.f0 + " " + pair.f1).returns(Types.STRING).name("lines out").sinkTo(sink);
        env.execute("Word count");
    }

    private static void split(String line, Collector<Tuple2<String, Long>> out) {
        for (String word : line.toLowerCase(Locale.ROOT).split("[^\\p{L}]+")) {
            if (!word.isEmpty()) {
                out.collect(Tuple2.of(word, 1L));
            }
        }
    }

    /** Reads {@code --key value} pairs. */
    static Map<String, String> options(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            if (!args[i].startsWith("--") || i + 1 == args.length) {
                throw new IllegalArgumentException("expected --key value, not " + args[i]);
            }
            options.put(args[i].substring(2), args[i + 1]);
        }
        return options;
    }

    static String required(Map<String, String> options, String key) {
        String value = options.get(key);
        if (value == null) {
            throw new IllegalArgumentException("the option --" + key + " is missing");
        }
        return value;
    }
}

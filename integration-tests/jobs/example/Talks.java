package example;

import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job that writes much to standard output: {@code --megabytes N}. */
public final class Talks {
    private Talks() {}

    /** Runs until it has written everything. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        long lines = Long.parseLong(options.getOrDefault("megabytes", "1")) * 10_000;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, lines)
                .map(
                        number -> {
                            System.out.printf("%09d %s%n", number, "x".repeat(89));
                            return number;
                        })
                .sinkTo(new DiscardingSink<>());
        env.execute("Talks");
    }
}

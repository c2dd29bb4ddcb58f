package example;

import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A job that writes much: {@code --megabytes N} to standard output, or with {@code --to log} to the log. {@code --then-wait
 * SECONDS}: it goes on that much longer.
 */
public final class Talks {
    private static final Logger LOG = LoggerFactory.getLogger(Talks.class);

    private Talks() {}

    /** Runs until it has written everything. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        long lines = Long.parseLong(options.getOrDefault("megabytes", "1")) * 10_000;
        boolean log = "log".equals(options.get("to"));
        long wait = Long.parseLong(options.getOrDefault("then-wait", "0")) * 1_000;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, lines)
                .map(
                        number -> {
                            if (log) {
                                LOG.info("{} {}", number, "x".repeat(89));
                            } else {
                                System.out.printf("%09d %s%n", number, "x".repeat(89));
                            }
                            if (number == lines) {
                                Thread.sleep(wait);
                            }
                            return number;
                        })
                .sinkTo(new DiscardingSink<>());
        env.execute("Talks");
    }
}

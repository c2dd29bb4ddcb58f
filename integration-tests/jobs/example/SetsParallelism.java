package example;

import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A program with a parallelism of its own: {@code [--parallelism N] [--seconds N]}, whatever it was started with. */
public final class SetsParallelism {
    private SetsParallelism() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        int parallelism = Integer.parseInt(options.getOrDefault("parallelism", "4"));
        long seconds = Long.parseLong(options.getOrDefault("seconds", "1"));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(parallelism);
        // With an exchange all tasks run at the same time or none; without it, the first would take all the work.
        env.fromSequence(1, 10L * parallelism)
                .rebalance()
                .map(
                        number -> {
                            Thread.sleep(seconds * 100);
                            return number;
                        })
                .name("parallel")
                .sinkTo(new DiscardingSink<>());
        env.execute("Sets parallelism");
    }
}

package example;

import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job that ends well after a while: {@code [--seconds N]}, 10 by default; every subtask sleeps that long. */
public final class Sleep {
    private Sleep() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        long seconds = Long.parseLong(options.getOrDefault("seconds", "10"));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        int parallelism = env.getParallelism();
        env.fromSequence(1, 10L * parallelism)
                .map(
                        number -> {
                            Thread.sleep(seconds * 100);
                            return number;
                        })
                .name("sleep")
                .sinkTo(new DiscardingSink<>());
        env.execute("Sleep");
    }
}

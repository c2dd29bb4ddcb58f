package example;

import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job whose task throws: {@code [--after-ms N] [--message TEXT]}; without a restart strategy the job is FAILED. */
public final class FailingTask {
    private FailingTask() {}

    /** Runs the job, whose failure is thrown by execute(). */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        long after = Long.parseLong(options.getOrDefault("after-ms", "500"));
        String message = options.getOrDefault("message", "this task was asked to fail");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, Long.MAX_VALUE)
                .map(
                        number -> {
                            Thread.sleep(after);
                            return fail(message);
                        })
                .name("failing")
                .sinkTo(new DiscardingSink<>());
        env.execute("Failing task");
    }

    private static Long fail(String message) {
        throw new IllegalStateException(message);
    }
}

package example;

import java.util.Arrays;
import java.util.List;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A program with two jobs, one after the other: {@code [--same-environment]}, else each has an environment of its own;
 * {@code [--side-by-side]}; {@code [--second-fails]}; {@code [--slow]}: each lasts seconds.
 */
public final class TwoExecutes {
    private TwoExecutes() {}

    /** Runs both jobs. */
    public static void main(String[] args) throws Exception {
        List<String> options = Arrays.asList(args);
        boolean same = options.contains("--same-environment");
        boolean sideBySide = options.contains("--side-by-side");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        JobClient first = null;
        for (int i = 1; i <= 2; i++) {
            if (i > 1 && !same) {
                env = StreamExecutionEnvironment.getExecutionEnvironment();
            }
            long pause = options.contains("--slow") ? 500 : 0;
            boolean fails = i == 2 && options.contains("--second-fails");
            env.fromSequence(1, 10)
                    .map(
                            number -> {
                                if (fails) {
                                    throw new IllegalStateException("the second was asked to fail");
                                }
                                Thread.sleep(pause);
                                return number;
                            })
                    .sinkTo(new DiscardingSink<>());
            if (i == 1 && sideBySide) {
                first = env.executeAsync("Job 1 of 2");
            } else {
                env.execute("Job " + i + " of 2");
            }
        }
        if (first != null) {
            first.getJobExecutionResult().get();
        }
    }
}

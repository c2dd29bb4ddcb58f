package example;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A program with two jobs, one after the other: {@code [--same-environment]}, else each has an environment of its own. */
public final class TwoExecutes {
    private TwoExecutes() {}

    /** Runs both jobs. */
    public static void main(String[] args) throws Exception {
        boolean same = args.length > 0 && args[0].equals("--same-environment");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        for (int i = 1; i <= 2; i++) {
            if (i > 1 && !same) {
                env = StreamExecutionEnvironment.getExecutionEnvironment();
            }
            env.fromSequence(1, 10).sinkTo(new DiscardingSink<>());
            env.execute("Job " + i + " of 2");
        }
    }
}

package example;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A program with two jobs, one after the other. */
public final class TwoExecutes {
    private TwoExecutes() {}

    /** Runs both jobs. */
    public static void main(String[] args) throws Exception {
        for (int i = 1; i <= 2; i++) {
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
            env.fromSequence(1, 10).sinkTo(new DiscardingSink<>());
            env.execute("Job " + i + " of 2");
        }
    }
}

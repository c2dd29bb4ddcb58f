package example;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job of 1000 records and about one second of work, for measurements of everything around it. */
public final class OneSecond {
    private OneSecond() {}

    /** Runs the job and waits for its end. */
    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 1000)
                .map(
                        number -> {
                            Thread.sleep(1);
                            return number;
                        })
                .sinkTo(new DiscardingSink<>());
        env.execute("One second");
    }
}

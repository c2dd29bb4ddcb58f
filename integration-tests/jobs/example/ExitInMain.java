package example;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A program that ends its virtual machine: {@code [CODE] [after]}, 3 by default. With {@code after} it runs a job first; a
 * negative code makes that job fail, and is given without its sign.
 */
public final class ExitInMain {
    private ExitInMain() {}

    /** Exits. */
    public static void main(String[] args) throws Exception {
        int code = args.length == 0 ? 3 : Integer.parseInt(args[0]);
        if (args.length > 1) {
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
            env.fromSequence(1, 10)
                    .map(
                            number -> {
                                if (code < 0) {
                                    throw new IllegalStateException("it was to fail");
                                }
                                return number;
                            })
                    .sinkTo(new DiscardingSink<>());
            try {
                env.execute("Before the exit");
            } catch (Exception e) {
                System.exit(-code);
            }
        }
        System.exit(code);
    }
}

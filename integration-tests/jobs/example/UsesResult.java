package example;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A program that looks at its arguments before and at its job's result after: {@code OUTPUT [ARGUMENT...]}. Writes to
 * the file OUTPUT one line for each argument, then the number of records and the runtime in ms.
 */
public final class UsesResult {
    private UsesResult() {}

    /** Runs the job, waits for its end and writes the file. */
    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 100).map(new Count()).name("count").sinkTo(new DiscardingSink<>());
        JobExecutionResult result = env.execute("Uses result");
        Long records = result.getAccumulatorResult("records");
        Path path = new Path(args[0]);
        try (PrintWriter writer =
                new PrintWriter(
                        new OutputStreamWriter(
                                FileSystem.get(path.toUri()).create(path, FileSystem.WriteMode.OVERWRITE),
                                StandardCharsets.UTF_8))) {
            for (int i = 1; i < args.length; i++) {
                writer.println("argument=" + args[i]);
            }
            writer.println("records=" + records);
            writer.println("runtime-ms=" + result.getNetRuntime());
        }
    }

    private static final class Count extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private final LongCounter records = new LongCounter();

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("records", records);
        }

        @Override
        public Long map(Long number) {
            records.add(1L);
            return number;
        }
    }
}

package example;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * A batch job of two stages, one after the other: {@code --meet FOLDER [--parallelism N] [--records N]
 * [--seconds N]}.
 *
 * <p>Each task of the first stage, which has the parallelism, waits for the others (in the folder), so that no two of them
 * use one slot; it writes as many records and leaves them with its TaskManager. The second stage, a single task, reads
 * them for {@code --seconds}. Fails when it has not read each of them once.
 */
public final class TwoStages {
    /** Characters of each record: what is on its way between two TaskManagers must not be all of it. */
    private static final int LENGTH = 4000;

    private static final int PAUSES = 100;

    private TwoStages() {}

    /** Runs the job and looks at what it has read. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        int parallelism = Integer.parseInt(options.getOrDefault("parallelism", "4"));
        long each = Long.parseLong(options.getOrDefault("records", "2000"));
        long records = parallelism * each;
        long pause = 1000 * Long.parseLong(options.getOrDefault("seconds", "20")) / PAUSES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        env.fromSequence(1, 1)
                .setParallelism(1)
                .broadcast()
                .flatMap(new Write(WordCount.required(options, "meet"), each))
                .setParallelism(parallelism)
                .name("first stage")
                .map(new Read(records / PAUSES, pause))
                .setParallelism(1)
                .name("second stage")
                .sinkTo(new DiscardingSink<>())
                .setParallelism(1);
        JobExecutionResult result = env.execute("Two stages");
        Long[] read = {result.getAccumulatorResult("records"), result.getAccumulatorResult("sum")};
        if (read[0] != records || read[1] != records * (records + 1) / 2) {
            throw new IllegalStateException("read " + read[0] + " records with the sum " + read[1]);
        }
    }

    /** Not a source, whose first reader could have all there is. */
    private static final class Write extends RichFlatMapFunction<Long, String> {
        private static final long serialVersionUID = 1L;
        private final String folder;
        private final long each;

        Write(String folder, long each) {
            this.folder = folder;
            this.each = each;
        }

        @Override
        public void flatMap(Long once, Collector<String> out) throws Exception {
            TaskInfo task = getRuntimeContext().getTaskInfo();
            Path own = Path.of(folder, Integer.toString(task.getIndexOfThisSubtask()));
            if (!Files.exists(own)) {
                Files.createFile(own);
            }
            for (int i = 0; i < task.getNumberOfParallelSubtasks(); i++) {
                while (!Files.exists(Path.of(folder, Integer.toString(i)))) {
                    Thread.sleep(20);
                }
            }
            long before = each * task.getIndexOfThisSubtask();
            for (long number = before + 1; number <= before + each; number++) {
                out.collect(number + " " + "x".repeat(LENGTH));
            }
        }
    }

    private static final class Read extends RichMapFunction<String, Long> {
        private static final long serialVersionUID = 1L;
        private final long every;
        private final long pause;
        private final LongCounter records = new LongCounter();
        private final LongCounter sum = new LongCounter();

        Read(long every, long pause) {
            this.every = every;
            this.pause = pause;
        }

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("records", records);
            getRuntimeContext().addAccumulator("sum", sum);
        }

        @Override
        public Long map(String record) throws Exception {
            long number = Long.parseLong(record.substring(0, record.indexOf(' ')));
            records.add(1L);
            sum.add(number);
            if (records.getLocalValuePrimitive() % every == 0) {
                Thread.sleep(pause);
            }
            return number;
        }
    }
}

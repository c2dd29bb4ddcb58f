package example;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.Collector;

/**
 * A batch job of three stages, one after the other: {@code --meet FOLDER [--parallelism N] [--records N] [--seconds N]}.
 *
 * <p>Each task of the first stage, which has the parallelism, waits for the others (in the folder), so that no two of them
 * use one slot; it writes as many records and leaves them with its TaskManager. The second stage, a single task, reads
 * them for {@code --seconds}, and fails when it has not read each of them once. The third has hardly anything to do.
 */
public final class Stages {
    /** Characters of each record: what is on its way between two TaskManagers must not be all of it. */
    private static final int LENGTH = 4000;

    private static final int PAUSES = 100;

    private Stages() {}

    /** Runs the job. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        int parallelism = Integer.parseInt(options.getOrDefault("parallelism", "4"));
        long each = Long.parseLong(options.getOrDefault("records", "2000"));
        long pause = 1000 * Long.parseLong(options.getOrDefault("seconds", "20")) / PAUSES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        env.fromSequence(0, parallelism - 1)
                .setParallelism(parallelism)
                .flatMap(new Write(WordCount.required(options, "meet"), parallelism, each))
                .setParallelism(parallelism)
                .name("first stage")
                .transform("second stage", Types.LONG, new Read(parallelism * each, pause))
                .setParallelism(1)
                .rebalance()
                .sinkTo(new DiscardingSink<>())
                .setParallelism(1)
                .name("third stage");
        env.execute("Stages");
    }

    private static final class Write implements FlatMapFunction<Long, String> {
        private static final long serialVersionUID = 1L;
        private final String folder;
        private final int all;
        private final long each;

        Write(String folder, int all, long each) {
            this.folder = folder;
            this.all = all;
            this.each = each;
        }

        @Override
        public void flatMap(Long part, Collector<String> out) throws Exception {
            Path own = Path.of(folder, part.toString());
            if (!Files.exists(own)) {
                Files.createFile(own);
            }
            for (int i = 0; i < all; i++) {
                while (!Files.exists(Path.of(folder, Integer.toString(i)))) {
                    Thread.sleep(20);
                }
            }
            for (long number = part * each + 1; number <= (part + 1) * each; number++) {
                out.collect(number + " " + "x".repeat(LENGTH));
            }
        }
    }

    private static final class Read extends AbstractStreamOperator<Long>
            implements OneInputStreamOperator<String, Long>, BoundedOneInput {
        private static final long serialVersionUID = 1L;
        private final long all;
        private final long pause;
        private long records;
        private long sum;

        Read(long all, long pause) {
            this.all = all;
            this.pause = pause;
        }

        @Override
        public void processElement(StreamRecord<String> element) throws Exception {
            String record = element.getValue();
            sum += Long.parseLong(record.substring(0, record.indexOf(' ')));
            records++;
            if (records % (all / PAUSES) == 0) {
                Thread.sleep(pause);
            }
        }

        @Override
        public void endInput() {
            if (records != all || sum != all * (all + 1) / 2) {
                throw new IllegalStateException("read " + records + " records with the sum " + sum);
            }
        }
    }
}

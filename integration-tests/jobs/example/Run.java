package example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A streaming job that never ends, or after a number of records: {@code [--delay-ms N] [--checkpoint-ms N]
 * [--parallelism N] [--records N] [--hurry FILE] [--swell FILE] [--snapshot-ms N] [--storage URI] [--retention POLICY]
 * [--fail FILE] [--halt FILE]}.
 *
 * <p>Counts what it has seen in keyed state and fails when the count is not the sequence number, so that a restore that
 * loses or repeats records is seen. Once the file of {@code --hurry} is there, records take no time. Whoever finds the
 * file of {@code --swell} removes it and holds on to a gigabyte. A snapshot of the count takes {@code --snapshot-ms}.
 * Where checkpoints go and what becomes of them ({@code --storage}, {@code --retention}) is set as programs do it, not as
 * configurations do. While the file of {@code --fail} is there, counting throws. Once the file of {@code --halt} is
 * there, it is removed, and the program's virtual machine ends with the exit code that is its content.
 */
public final class Run {
    private Run() {}

    /** Runs until it is cancelled, or has counted all its records. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        long delay = Long.parseLong(options.getOrDefault("delay-ms", "10"));
        String hurry = options.get("hurry");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        if (options.containsKey("checkpoint-ms")) {
            env.enableCheckpointing(Long.parseLong(options.get("checkpoint-ms")));
        }
        if (options.containsKey("storage")) {
            Configuration storage = new Configuration();
            storage.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, options.get("storage"));
            env.configure(storage);
        }
        if (options.containsKey("retention")) {
            env.getCheckpointConfig()
                    .setExternalizedCheckpointRetention(
                            ExternalizedCheckpointRetention.valueOf(options.get("retention")));
        }
        if (options.containsKey("halt")) {
            haltOnce(Path.of(options.get("halt")));
        }
        if (options.containsKey("parallelism")) {
            env.setParallelism(Integer.parseInt(options.get("parallelism")));
        }
        env.fromSequence(1, Long.parseLong(options.getOrDefault("records", "" + Long.MAX_VALUE)))
                .setParallelism(1)
                .map(
                        number -> {
                            if (hurry == null || !Files.exists(Path.of(hurry))) {
                                Thread.sleep(delay);
                            }
                            return number;
                        })
                .setParallelism(1)
                .keyBy(number -> 0)
                .map(
                        new Count(
                                options.get("swell"),
                                options.get("fail"),
                                Long.parseLong(options.getOrDefault("snapshot-ms", "0"))))
                .name("count")
                .sinkTo(new DiscardingSink<>());
        env.execute("Run");
    }

    /**
     * Waits beside the program for the file; ends without the hooks that an orderly end would run. Flink intercepts what a
     * program's own thread does to the virtual machine, and what inherits from that.
     */
    private static void haltOnce(Path file) {
        Thread thread =
                new Thread(
                        null,
                        () -> {
                            try {
                                while (!Files.exists(file)) {
                                    Thread.sleep(50);
                                }
                                int code = Integer.parseInt(Files.readString(file).trim());
                                Files.delete(file);
                                Runtime.getRuntime().halt(code);
                            } catch (IOException | InterruptedException e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        "halt",
                        0,
                        false);
        thread.setDaemon(true);
        thread.start();
    }

    private static final class Count extends RichMapFunction<Long, Long> implements CheckpointedFunction {
        private static final long serialVersionUID = 1L;
        private final String swell;
        private final String fail;
        private final long snapshot;
        private transient ValueState<Long> seen;
        private transient List<byte[]> ballast;

        Count(String swell, String fail, long snapshot) {
            this.swell = swell;
            this.fail = fail;
            this.snapshot = snapshot;
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {}

        @Override
        public void snapshotState(FunctionSnapshotContext context) throws Exception {
            Thread.sleep(snapshot);
        }

        @Override
        public void open(OpenContext context) {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Long.class));
        }

        @Override
        public Long map(Long number) throws Exception {
            Long before = seen.value();
            long count = before == null ? 1 : before + 1;
            seen.update(count);
            if (count != number) {
                throw new IllegalStateException("record " + number + " is the one with count " + count);
            }
            if (fail != null && Files.exists(Path.of(fail))) {
                throw new IllegalStateException("this job was told to fail");
            }
            if (swell != null && Files.deleteIfExists(Path.of(swell))) {
                ballast = new ArrayList<>();
                for (int i = 0; i < 64; i++) {
                    ballast.add(new byte[16 << 20]);
                }
            }
            return count;
        }
    }
}

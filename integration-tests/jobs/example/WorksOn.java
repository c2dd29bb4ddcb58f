package example;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A program that has work to do after its job: {@code OUTPUT SECONDS}. That work is done when there is a file OUTPUT. */
public final class WorksOn {
    private WorksOn() {}

    /** Runs the job, and does the work. */
    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 100).sinkTo(new DiscardingSink<>());
        env.execute("Works on");
        Thread.sleep(Long.parseLong(args[1]) * 1000);
        Path path = new Path(args[0]);
        FileSystem system = FileSystem.get(path.toUri());
        try (OutputStream output = system.create(path, FileSystem.WriteMode.OVERWRITE)) {
            output.write("done\n".getBytes(StandardCharsets.UTF_8));
        }
    }
}

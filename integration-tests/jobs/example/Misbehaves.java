package example;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job whose task does what breaks its process or its node's rules: {@code --how heap|direct|metaspace|library|newer|
 * write|log|map [--path URI]}.
 */
public final class Misbehaves {
    private static final int MEBIBYTE = 1 << 20;
    /** What is kept, so that nobody collects it. */
    private static final List<Object> KEPT = new ArrayList<>();

    private Misbehaves() {}

    /** Runs until the task has done its harm. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = WordCount.options(args);
        String how = options.get("how");
        String path = options.getOrDefault("path", "");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, Long.MAX_VALUE)
                .map(
                        number -> {
                            act(how, path);
                            return number;
                        })
                .name(how)
                .sinkTo(new DiscardingSink<>());
        env.execute("Misbehaves");
    }

    private static void act(String how, String path) throws Exception {
        switch (how) {
            case "heap":
                KEPT.add(new byte[16 * MEBIBYTE]);
                break;
            case "direct":
                KEPT.add(ByteBuffer.allocateDirect(MEBIBYTE));
                break;
            case "metaspace":
                KEPT.add(new Loader().define(classFile()));
                break;
            case "newer":
                byte[] file = classFile();
                // The class file's major version.
                file[7] = 99;
                new Loader().define(file);
                break;
            case "library":
                Thread.sleep(1000);
                KEPT.add(Library.current());
                break;
            case "write":
                try (FSDataOutputStream out =
                        FileSystem.get(new java.net.URI(path))
                                .create(new org.apache.flink.core.fs.Path(path), FileSystem.WriteMode.OVERWRITE)) {
                    out.write(1);
                }
                break;
            case "log":
                System.out.println("x".repeat(MEBIBYTE));
                break;
            case "map":
                map();
                break;
            default:
                throw new IllegalArgumentException("how: " + how);
        }
    }

    /** Addresses, but no memory: a gibibyte of a file that has no blocks. */
    private static void map() throws IOException, InterruptedException {
        Path file = Files.createTempFile(Path.of("."), "sparse", null);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            KEPT.add(channel.map(FileChannel.MapMode.READ_WRITE, 0, 1L << 30));
        }
        Files.delete(file);
        Thread.sleep(50);
    }

    private static byte[] classFile() throws IOException {
        try (InputStream in = Misbehaves.class.getResourceAsStream("NoExecute.class")) {
            return in.readAllBytes();
        }
    }

    private static final class Loader extends ClassLoader {
        private Loader() {
            super(Misbehaves.class.getClassLoader());
        }

        private Class<?> define(byte[] file) {
            Class<?> defined = defineClass("example.NoExecute", file, 0, file.length);
            resolveClass(defined);
            return defined;
        }
    }
}

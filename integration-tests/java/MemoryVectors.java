import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.runtime.jobmanager.JobManagerProcessSpec;
import org.apache.flink.runtime.jobmanager.JobManagerProcessUtils;

/**
 * Prints what Flink's own classes derive from a memory configuration.
 *
 * <p>Input: one configuration a line, fields separated by tabs: "jm" or "tm", then key=value pairs. Output: one JSON
 * object a line, either sizes in bytes or {"error": "..."}. Run as a single source file with flink-dist and the log4j
 * jars on the class path.
 */
public final class MemoryVectors {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t");
            Configuration configuration = new Configuration();
            for (int i = 1; i < fields.length; i++) {
                int at = fields[i].indexOf('=');
                configuration.setString(fields[i].substring(0, at), fields[i].substring(at + 1));
            }
            String result;
            try {
                result = fields[0].equals("jm") ? jobManager(configuration) : taskManager(configuration);
            } catch (Exception | NoSuchMethodError e) {
                result = "{\"error\":\"" + escape(String.valueOf(e)) + "\"}";
            }
            System.out.println(result);
        }
    }

    private static String jobManager(Configuration configuration) {
        JobManagerProcessSpec spec = JobManagerProcessUtils.processSpecFromConfigWithNewOptionToInterpretLegacyHeap(
                configuration, JobManagerOptions.TOTAL_PROCESS_MEMORY);
        return String.format(
                "{\"heap\":%d,\"off_heap\":%d,\"metaspace\":%d,\"overhead\":%d,\"flink\":%d,\"process\":%d,\"jvm\":\"%s\"}",
                spec.getJvmHeapMemorySize().getBytes(),
                spec.getJvmDirectMemorySize().getBytes(),
                spec.getJvmMetaspaceSize().getBytes(),
                spec.getJvmOverheadSize().getBytes(),
                spec.getTotalFlinkMemorySize().getBytes(),
                spec.getTotalProcessMemorySize().getBytes(),
                escape(JobManagerProcessUtils.generateJvmParametersStr(spec, configuration)));
    }

    private static String taskManager(Configuration configuration) {
        Configuration mapped = TaskExecutorProcessUtils.getConfigurationMapLegacyTaskManagerHeapSizeToConfigOption(
                configuration, TaskManagerOptions.TOTAL_PROCESS_MEMORY);
        TaskExecutorProcessSpec spec = TaskExecutorProcessUtils.processSpecFromConfig(mapped);
        return String.format(
                "{\"framework_heap\":%d,\"framework_off_heap\":%d,\"task_heap\":%d,\"task_off_heap\":%d,\"network\":%d,"
                        + "\"managed\":%d,\"metaspace\":%d,\"overhead\":%d,\"flink\":%d,\"process\":%d,\"cpu\":\"%s\","
                        + "\"slots\":%d}",
                spec.getFlinkMemory().getFrameworkHeap().getBytes(),
                spec.getFlinkMemory().getFrameworkOffHeap().getBytes(),
                spec.getTaskHeapSize().getBytes(),
                spec.getFlinkMemory().getTaskOffHeap().getBytes(),
                spec.getNetworkMemSize().getBytes(),
                spec.getManagedMemorySize().getBytes(),
                spec.getJvmMetaspaceSize().getBytes(),
                spec.getJvmOverheadSize().getBytes(),
                spec.getTotalFlinkMemorySize().getBytes(),
                spec.getTotalProcessMemorySize().getBytes(),
                spec.getCpuCores().getValue().doubleValue(),
                spec.getNumSlots());
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "").replace("\t", " ");
    }
}

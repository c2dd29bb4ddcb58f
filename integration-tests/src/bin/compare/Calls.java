import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import org.apache.hadoop.yarn.api.records.ApplicationId;
import org.apache.hadoop.yarn.client.api.YarnClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;

/** Asks the ResourceManager CALLS times for the report on an application, by IN_FLIGHT threads that share one YarnClient. */
public final class Calls {
    public static void main(String[] arguments) throws Exception {
        ApplicationId id = ApplicationId.fromString(arguments[0]);
        int inFlight = Integer.parseInt(arguments[1]);
        int calls = Integer.parseInt(arguments[2]);
        YarnClient client = YarnClient.createYarnClient();
        client.init(new YarnConfiguration());
        client.start();
        // What is compiled on the way does not count.
        ask(client, id, inFlight, calls);
        double cpu = cpu();
        long begun = System.nanoTime();
        ask(client, id, inFlight, calls);
        double wall = (System.nanoTime() - begun) / 1e9;
        System.out.printf("{\"wall_s\": %s, \"cpu_s\": %s}%n", wall, cpu() - cpu);
        client.stop();
    }

    private static void ask(YarnClient client, ApplicationId id, int inFlight, int calls) throws Exception {
        CountDownLatch done = new CountDownLatch(inFlight);
        for (int i = 0; i < inFlight; i++) {
            new Thread(() -> {
                try {
                    for (int n = 0; n < calls / inFlight; n++) {
                        client.getApplicationReport(id);
                    }
                    done.countDown();
                } catch (Exception e) {
                    e.printStackTrace();
                    System.exit(1);
                }
            }).start();
        }
        done.await();
    }

    private static double cpu() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }
}

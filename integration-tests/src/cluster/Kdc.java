import java.io.File;
import java.nio.file.Files;
import java.util.Properties;
import org.apache.hadoop.minikdc.MiniKdc;

/** A KDC until it is killed. Arguments: a folder, a port, and for each keytab {@code name=principal,principal…}. */
public final class Kdc {
    public static void main(String[] arguments) throws Exception {
        File folder = new File(arguments[0]);
        Properties properties = MiniKdc.createConf();
        properties.setProperty(MiniKdc.KDC_BIND_ADDRESS, "localhost");
        properties.setProperty(MiniKdc.KDC_PORT, arguments[1]);
        properties.setProperty(MiniKdc.TRANSPORT, "TCP");
        MiniKdc kdc = new MiniKdc(properties, new File(folder, "work"));
        kdc.start();
        for (int i = 2; i < arguments.length; i++) {
            String[] keytab = arguments[i].split("=");
            kdc.createPrincipal(new File(folder, keytab[0] + ".keytab"), keytab[1].split(","));
        }
        Files.writeString(new File(folder, "ready").toPath(), "");
        Thread.currentThread().join();
    }
}

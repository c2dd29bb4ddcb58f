import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.hadoop.security.authentication.util.KerberosName;

/** For each line "mechanism TAB rules TAB principal" the short name, or "!" where Hadoop has none. */
public final class ShortNames {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\t", -1);
            String name = "!";
            try {
                KerberosName.setRuleMechanism(parts[0]);
                KerberosName.setRules(parts[1]);
                name = new KerberosName(parts[2]).getShortName();
            } catch (Exception e) {
                // No name.
            }
            System.out.println(name);
        }
    }
}

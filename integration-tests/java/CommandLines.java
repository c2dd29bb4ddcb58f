import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.List;

import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.flink.client.cli.CliFrontend;
import org.apache.flink.client.cli.CliFrontendParser;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.yarn.cli.FlinkYarnSessionCli;

/**
 * Writes every option that Flink's own command lines take to standard output, also those that their help hides. One
 * line each: command, short name, long name ("-" for none), whether it takes a value. Argument: a configuration
 * directory. Run as a single source file with Flink's and Hadoop's jars on the class path.
 */
public final class CommandLines {
    public static void main(String[] args) throws Exception {
        String directory = args[0];
        Configuration configuration = GlobalConfiguration.loadConfiguration(directory);
        // What the command lines of targets add to each command.
        Field custom = CliFrontend.class.getDeclaredField("customCommandLineOptions");
        custom.setAccessible(true);
        CliFrontend frontend =
                new CliFrontend(configuration, CliFrontend.loadCustomCommandLines(configuration, directory));
        Options targets = (Options) custom.get(frontend);

        for (Method method : CliFrontendParser.class.getDeclaredMethods()) {
            String name = method.getName();
            if (name.startsWith("get") && name.endsWith("CommandOptions") && method.getParameterCount() == 0) {
                method.setAccessible(true);
                String command = name.substring(3, name.length() - "CommandOptions".length()).toLowerCase();
                print(command, (Options) method.invoke(null));
                print(command, targets);
            }
        }
        // yarn-session.sh: the same class, with names that have no prefix.
        Field all = FlinkYarnSessionCli.class.getDeclaredField("allOptions");
        all.setAccessible(true);
        print("yarn-session.sh", (Options) all.get(new FlinkYarnSessionCli(configuration, directory, "", "")));
        // Actions, so that a new one is seen, too.
        for (Field field : CliFrontend.class.getDeclaredFields()) {
            if (field.getName().startsWith("ACTION_")) {
                field.setAccessible(true);
                System.out.println("action\t" + field.get(null) + "\t-\tfalse");
            }
        }
    }

    private static void print(String command, Options options) {
        for (Option option : options.getOptions()) {
            String[] row = {command, named(option.getOpt()), named(option.getLongOpt()), "" + option.hasArg()};
            System.out.println(String.join("\t", List.of(row)));
        }
    }

    private static String named(String name) {
        return name == null ? "-" : name;
    }
}

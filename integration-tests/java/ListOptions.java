import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.FallbackKey;

/**
 * Lists the constants of type {@link ConfigOption} in a jar: {@code option}, class, field and key, or {@code older} and
 * {@code fallback}, class, field, key and the key that takes its place. A class that cannot be loaded is {@code unread}.
 */
public final class ListOptions {
    private static final String MARK = "Lorg/apache/flink/configuration/ConfigOption;";

    public static void main(String[] args) throws Exception {
        try (JarFile jar = new JarFile(args[0])) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                String name = entry.getName();
                if (!name.startsWith("org/apache/flink/") || !name.endsWith(".class")) {
                    continue;
                }
                byte[] bytes = jar.getInputStream(entry).readAllBytes();
                if (new String(bytes, StandardCharsets.ISO_8859_1).contains(MARK)) {
                    list(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
                }
            }
        }
    }

    private static void list(String name) throws Exception {
        try {
            for (Field field : Class.forName(name).getDeclaredFields()) {
                if (field.getType() == ConfigOption.class && Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    print(name + "\t" + field.getName(), (ConfigOption<?>) field.get(null));
                }
            }
        } catch (LinkageError error) {
            // Of Hadoop's classes, which a distribution does not have, or of a class for another place.
            System.out.println("unread\t" + name);
        }
    }

    private static void print(String where, ConfigOption<?> option) {
        System.out.println("option\t" + where + "\t" + option.key());
        for (FallbackKey other : option.fallbackKeys()) {
            String kind = other.isDeprecated() ? "older" : "fallback";
            System.out.println(kind + "\t" + where + "\t" + other.getKey() + "\t" + option.key());
        }
    }
}

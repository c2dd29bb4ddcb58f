package example;

/** A class that programs use and that may lie on the class path in another version, or not at all. */
public final class Library {
    private Library() {}

    /** What the newer version has. */
    public static String current() {
        return "current";
    }
}

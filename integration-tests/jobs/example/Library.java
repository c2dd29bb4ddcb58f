package example;

/** A class that programs use and that may lie on the class path in another version, or not at all. */
final class Library {
    private Library() {}

    static String current() {
        return "current";
    }
}

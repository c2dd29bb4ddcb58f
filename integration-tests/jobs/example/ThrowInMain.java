package example;

/** A program whose main() throws before there is a job; its cause has a message of its own. */
public final class ThrowInMain {
    private ThrowInMain() {}

    /** Throws. */
    public static void main(String[] args) {
        throw new IllegalArgumentException(
                "main() was asked to throw", new IllegalStateException("this is the root of it"));
    }
}

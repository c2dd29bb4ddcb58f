package example;

/** A program that ends its virtual machine: {@code [CODE]}, 3 by default. */
public final class ExitInMain {
    private ExitInMain() {}

    /** Exits. */
    public static void main(String[] args) {
        System.exit(args.length == 0 ? 3 : Integer.parseInt(args[0]));
    }
}

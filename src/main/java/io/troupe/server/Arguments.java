package io.troupe.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The command line of {@link Main}: {@code server.properties [--override key=value]...}, as in Kafka's start script.
 *
 * @param properties the file to read
 * @param overrides {@code key=value}, in the order given; later ones win
 */
record Arguments(Path properties, List<String> overrides) {
    static final String USAGE =
            "USAGE: troupe-server-start.sh [-daemon] server.properties [--override property=value]*";

    /**
     * @throws IllegalArgumentException naming the argument that is not understood
     */
    static Arguments parse(String[] args) {
        Path file = null;
        List<String> overrides = new ArrayList<>();
        for (int i = 0; i < args.length; i++) {
            String arg = args[i];
            if (arg.equals("--override")) {
                if (++i == args.length) {
                    throw new IllegalArgumentException("--override needs a value, key=value");
                }
                overrides.add(args[i]);
            } else if (arg.startsWith("--override=")) {
                overrides.add(arg.substring("--override=".length()));
            } else if (arg.startsWith("-")) {
                throw new IllegalArgumentException("unknown option " + arg + "; allowed is --override key=value");
            } else if (file == null) {
                file = Path.of(arg);
            } else {
                throw new IllegalArgumentException("one properties file is expected, found " + file + " and " + arg);
            }
        }
        if (file == null) {
            throw new IllegalArgumentException("no properties file given");
        }
        return new Arguments(file, List.copyOf(overrides));
    }
}

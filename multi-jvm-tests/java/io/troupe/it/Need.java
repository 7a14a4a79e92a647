package io.troupe.it;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a test needs from the machine. Something missing skips the test and says so on standard output; with {@code CI=true} in the
 * environment it fails the test instead, so that a build server never passes by skipping.
 */
final class Need {
    /** kafkajs has no codec of its own but gzip. */
    private static final Map<String, String> CODEC_MODULES =
            Map.of("snappy", "kafkajs-snappy", "lz4", "lz4-napi", "zstd", "@bokuweb/zstd-wasm");

    private Need() {}

    /** The path of a program on the PATH. */
    static Path program(String name) {
        return onPath(name).orElseGet(() -> missing(name + " is not on the PATH"));
    }

    static Optional<Path> onPath(String name) {
        for (String dir : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path candidate = Path.of(dir, name);
            if (Files.isExecutable(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    /** The node_modules directory that holds kafkajs and what it needs for that codec: TROUPE_KAFKAJS, or target/kafkajs/node_modules. */
    static Path kafkajs(String codec) {
        program("node");
        String set = System.getenv("TROUPE_KAFKAJS");
        Path modules = set == null || set.isBlank() ? Path.of("target", "kafkajs", "node_modules") : Path.of(set);
        for (String name : List.of("kafkajs", CODEC_MODULES.getOrDefault(codec, "kafkajs"))) {
            if (!Files.isDirectory(modules.resolve(name))) {
                return missing(name + " is not in " + modules.toAbsolutePath()
                        + " (.ci/run installs it there; TROUPE_KAFKAJS names another node_modules directory)");
            }
        }
        return modules.toAbsolutePath();
    }

    /** The library that gives a process another clock; Debian's package libfaketime. */
    static Path faketime() {
        try (DirectoryStream<Path> machines = Files.newDirectoryStream(Path.of("/usr/lib"), "*-linux-gnu*")) {
            for (Path machine : machines) {
                Path library = machine.resolve("faketime/libfaketimeMT.so.1");
                if (Files.exists(library)) {
                    return library;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return missing("libfaketimeMT.so.1 is not below /usr/lib (Debian's package libfaketime)");
    }

    /** Runs the rest of a test only against Troupe: it checks something that Kafka does otherwise. */
    static void troupe() {
        if (BrokerProcess.KIND != BrokerProcess.Kind.TROUPE) {
            abort("checks what Troupe alone promises");
        }
    }

    /** Ends the test, since the machine lacks what is named. */
    static <T> T missing(String what) {
        if ("true".equals(System.getenv("CI"))) {
            return fail(what + "; with CI=true that fails the test");
        }
        System.out.println("SKIPPED: " + what);
        return abort(what);
    }
}

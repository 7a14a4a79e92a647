package io.troupe.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Runs another program to its end, bounded in time; its output goes through files, so it never blocks on a full pipe. */
final class Run {
    /** What these run is on the broker's class path, all else on that of Kafka's tools. */
    private static final Set<String> OUR_TOOLS = Set.of("troupe-cluster.sh", "troupe-configs.sh");

    /**
     * What a program left.
     *
     * @param stdout each byte as one character (ISO 8859-1), so that nothing is lost in decoding
     */
    record Result(int exitCode, String stdout, String stderr) {

        Result orFail() {
            if (exitCode != 0) {
                throw new AssertionError("exit code " + exitCode + ": " + tail(stderr) + tail(stdout));
            }
            return this;
        }

        private static String tail(String text) {
            return text.substring(Math.max(0, text.length() - 2000));
        }
    }

    private Run() {}

    /** One of the scripts in {@code bin}, whose JVM lives too briefly for the second compiler. */
    static List<String> script(Path script) {
        boolean ours = OUR_TOOLS.contains(script.getFileName().toString());
        List<String> archive = (ours ? ClassArchive.BROKER : ClassArchive.TOOLS).options();
        return new ArrayList<>(List.of(
                "env",
                "KAFKA_OPTS=-XX:TieredStopAtLevel=1 " + String.join(" ", archive),
                script.toAbsolutePath().toString()));
    }

    /** @param stdin a file to read from, or null for nothing */
    static Result command(List<String> command, Path stdin, Duration limit) {
        try {
            Files.createDirectories(BrokerProcess.ROOT);
            Path out = Files.createTempFile(BrokerProcess.ROOT, "run", ".out");
            Path err = Files.createTempFile(BrokerProcess.ROOT, "run", ".err");
            try {
                Process process = Children.start(new ProcessBuilder(command)
                        .redirectInput(stdin == null ? Path.of("/dev/null").toFile() : stdin.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile()));
                try {
                    if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                        throw new AssertionError("not done within " + limit + ": " + String.join(" ", command) + "\n"
                                + Result.tail(Files.readString(err, StandardCharsets.ISO_8859_1)));
                    }
                } finally {
                    // A script's JVM does not end with its shell.
                    process.descendants().forEach(ProcessHandle::destroyForcibly);
                    process.destroyForcibly().waitFor();
                    Children.ended(process);
                }
                return new Result(
                        process.exitValue(),
                        Files.readString(out, StandardCharsets.ISO_8859_1),
                        Files.readString(err, StandardCharsets.ISO_8859_1));
            } finally {
                Files.deleteIfExists(out);
                Files.deleteIfExists(err);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}

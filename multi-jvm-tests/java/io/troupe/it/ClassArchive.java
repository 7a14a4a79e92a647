package io.troupe.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;

/**
 * Class archives (AppCDS) of the build under test: loading classes is most of what a start costs, and the tests start a hundred brokers
 * and about as many tools. Each is made once, when it is first asked for; JVMs start without when that fails.
 */
final class ClassArchive {
    /** As the start script has it: an archive is of one class path, letter by letter. */
    static final String CLASS_PATH =
            Path.of("target", "troupe.jar").toAbsolutePath().toString();

    private static final String SILENT = "-Xlog:cds=off,cds+dynamic=off";
    /** Relative, for the scripts split options at spaces. */
    private static final Path TOOLS_FILE = Path.of("target", "it", "tools.jsa");

    private static final Path TOOLS_NEW = TOOLS_FILE.resolveSibling("tools.jsa.new");

    /** Of {@link #CLASS_PATH}, by the start script and for it, too. */
    static final ClassArchive BROKER = new ClassArchive(
            Path.of("target", "troupe-" + System.getProperty("java.version") + ".jsa"),
            List.of("env", "JAVA_HOME=" + System.getProperty("java.home"), "bin/troupe-run-class.sh", "--build"));

    /** Of Kafka's tools: what one of them loads to ask a broker, here one that does not answer. */
    static final ClassArchive TOOLS = new ClassArchive(
            TOOLS_FILE,
            List.of(
                    "env",
                    "KAFKA_OPTS=-XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit=" + TOOLS_NEW + " " + SILENT,
                    "bin/kafka-consumer-groups.sh",
                    "--bootstrap-server",
                    "127.0.0.1:1",
                    "--list",
                    "--timeout",
                    "500"));

    private final Path file;
    private final List<String> command;
    private boolean tried;

    private ClassArchive(Path file, List<String> command) {
        this.file = file;
        this.command = command;
    }

    /** The options of a JVM that uses it. */
    synchronized List<String> options() {
        if (!tried) {
            tried = true;
            make();
        }
        return Files.exists(file) ? List.of("-XX:SharedArchiveFile=" + file, SILENT) : List.of();
    }

    private void make() {
        try {
            Run.command(command, null, Duration.ofSeconds(120));
            if (Files.exists(TOOLS_NEW)) {
                Files.move(TOOLS_NEW, TOOLS_FILE, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException | AssertionError e) {
            System.out.println("no class archive " + file + ", starts will be slower: " + e.getMessage());
        }
    }
}

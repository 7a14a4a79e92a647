package io.troupe.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A class archive (AppCDS) of the build under test, as the start script makes one: loading classes is most of what a start
 * costs, and the tests start a hundred brokers. Made once, by a training run; brokers start without when that fails.
 */
final class ClassArchive {
    /** Only its manifest's class path is the one that the archive is of. */
    static final String CLASS_PATH = "target/troupe.jar";

    private static final Path FILE = BrokerProcess.ROOT.resolve("troupe.jsa");
    private static boolean tried;

    private ClassArchive() {}

    /** The options of a JVM that uses it. */
    static synchronized List<String> options() {
        if (!tried) {
            tried = true;
            make();
        }
        return Files.exists(FILE)
                ? List.of("-XX:SharedArchiveFile=" + FILE, "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
                : List.of();
    }

    private static void make() {
        Path making = FILE.resolveSibling("troupe.jsa.new");
        try {
            Files.deleteIfExists(FILE);
            Files.deleteIfExists(making);
            List<String> command = new ArrayList<>(List.of(KafkaInstall.javaProgram(), "-Xmx256m"));
            command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:ArchiveClassesAtExit=" + making));
            command.addAll(List.of("-Xlog:cds=off", "-Xlog:cds+dynamic=off"));
            command.addAll(BrokerProcess.ADD_OPENS);
            command.addAll(List.of("-cp", CLASS_PATH, "io.troupe.server.Main", "--train"));
            Run.command(command, null, Duration.ofSeconds(120)).orFail();
            Files.move(making, FILE);
        } catch (IOException | AssertionError e) {
            System.out.println("no class archive, starts will be slower: " + e.getMessage());
        }
    }
}

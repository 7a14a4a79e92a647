package io.troupe.bin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.bin.Installation.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the scripts do around a JVM and Maven: finding, building, translating, restarting, stopping. */
@DisabledOnOs(OS.WINDOWS)
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class ScriptsTest {
    /** Prints its arguments, one a line. */
    private static final String ECHO = "printf '%s\\n' \"$@\"";

    /** Serves until it is told to end, as a broker does. */
    private static final String SERVE =
            "trap 'exit 143' TERM; echo 'Troupe broker 3 is ready: PLAINTEXT://x:1'; while :; do sleep 0.05; done";

    @TempDir
    private Path temp;

    private Installation installation;

    @BeforeEach
    void copyScripts() throws Exception {
        installation = new Installation(temp, "an installation");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void threeStartsAtOnceBuildOnce(boolean flock) throws Exception {
        installation.jdk("17.0.15", "echo started");
        installation.mavenDoes(
                "3.9.9", "mkdir -p target; " + installation.until("built") + ": >target/troupe.jar; : >target/NOTICE");
        Path without = pathOfOnly(
                "bash", "env", "dirname", "readlink", "sed", "head", "mkdir", "cat", "sleep", "mv", "rm", "wc");
        String path = installation.tools + ":" + (flock ? System.getenv("PATH") : without.toString());
        List<Process> starts = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            starts.add(installation.start(
                    installation.script("troupe-server-start.sh"), Map.of("PATH", path), properties()));
        }
        // However slowly they start, the build is not over before the last has found it under way.
        List<String> told = new ArrayList<>();
        for (Process start : starts) {
            told.add(readTo(start, "there is no build yet", "another start is building Troupe; waiting"));
        }
        assertEquals(
                1,
                told.stream().filter(output -> output.contains("no build yet")).count(),
                told::toString);
        installation.goOn("built");
        for (Process start : starts) {
            Outcome outcome = Installation.outcome(start);
            assertEquals(0, outcome.code(), outcome.output());
            assertTrue(outcome.output().contains("started"), outcome.output());
        }
        assertEquals(List.of("-B -Dmaven.test.skip=true package"), installation.builds());
    }

    @Test
    void aHalfDoneBuildIsNoBuild() throws Exception {
        Files.createDirectories(installation.home.resolve("target/lib"));
        Files.writeString(installation.home.resolve("target/troupe.jar"), "");
        installation.run("troupe-server-start.sh", properties());
        assertEquals(1, installation.builds().size());
        installation.run("troupe-server-start.sh", properties());
        assertEquals(1, installation.builds().size());
    }

    @Test
    void aFailingBuildIsNamed() throws Exception {
        installation.mavenDoes("3.9.9", "echo 'cannot compile'; exit 1");
        Outcome outcome = installation.run("troupe-topics.sh", "--list");
        assertEquals(1, outcome.code());
        assertTrue(outcome.output().contains("cannot compile"), outcome.output());
        assertTrue(outcome.output().contains("the build failed"), outcome.output());
    }

    @Test
    void anOldOrMissingMavenIsNamed() throws Exception {
        installation.mavenDoes("3.6.3", "exit 0");
        Outcome old = installation.run("troupe-server-start.sh", properties());
        assertEquals(1, old.code());
        assertTrue(old.output().contains("is Maven 3.6.3; Troupe needs 3.8 or newer"), old.output());
        assertTrue(old.output().contains("Install Maven"), old.output());

        Path without = pathOfOnly("bash", "env", "dirname", "readlink", "sed", "head", "mkdir");
        Outcome missing = installation.run(
                installation.script("troupe-server-start.sh"), Map.of("PATH", without.toString()), properties());
        assertEquals(1, missing.code());
        assertTrue(missing.output().contains("no mvn on the PATH"), missing.output());

        Outcome noJava = installation.run(
                installation.script("troupe-server-start.sh"),
                Map.of("PATH", without.toString(), "JAVA_HOME", ""),
                properties());
        assertEquals(1, noJava.code());
        assertTrue(noJava.output().contains("no java on the PATH and JAVA_HOME is not set"), noJava.output());
        assertTrue(noJava.output().contains("Install JDK 17"), noJava.output());
    }

    @Test
    void aWrongJdkIsNamed() throws Exception {
        Outcome nonsense = installation.run(
                installation.script("troupe-topics.sh"), Map.of("JAVA_HOME", "/nowhere/jdk"), "--list");
        assertEquals(1, nonsense.code());
        assertTrue(
                nonsense.output().contains("JAVA_HOME is /nowhere/jdk, but there is no bin/java"), nonsense.output());

        for (String version : List.of("11.0.2", "1.8.0_392")) {
            installation.jdk(version, "exit 0");
            Outcome old = installation.run("troupe-topics.sh", "--list");
            assertEquals(1, old.code());
            assertTrue(old.output().contains("is Java " + version + "; Troupe needs 17 or newer"), old.output());
        }

        installation.jdk("21.0.1", "exit 0");
        Files.delete(installation.jdk.resolve("bin/javac"));
        Outcome runtimeOnly = installation.run("troupe-topics.sh", "--list");
        assertEquals(1, runtimeOnly.code());
        assertTrue(runtimeOnly.output().contains("no javac beside it"), runtimeOnly.output());
    }

    @Test
    void scriptsWorkThroughLinksFromAnywhere() throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Path links = Files.createDirectories(temp.resolve("some links"));
        Path linkedDirectory = Files.createSymbolicLink(temp.resolve("to it"), installation.home);
        Path absolute =
                Files.createSymbolicLink(links.resolve("topics"), linkedDirectory.resolve("bin/kafka-topics.sh"));
        Path relative = Files.createSymbolicLink(links.resolve("again"), Path.of("topics"));
        for (Path script : List.of(absolute, relative, linkedDirectory.resolve("bin/kafka-topics.sh"))) {
            Outcome outcome = installation.run(script, Map.of(), "--list");
            assertEquals(0, outcome.code(), outcome.output());
            assertTrue(outcome.output().contains(installation.home + "/target/tools-lib/*"), outcome.output());
            assertTrue(outcome.output().endsWith("org.apache.kafka.tools.TopicCommand\n--list\n"), outcome.output());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "console-producer, --broker-list h:1 --topic t, --bootstrap-server h:1 --topic t",
        "console-producer, --broker-list=h:1, --bootstrap-server=h:1",
        "console-consumer, --new-consumer --whitelist a|b --topic t, --include a|b --topic t",
        "console-consumer, --formatter kafka.tools.DefaultMessageFormatter,"
                + " --formatter org.apache.kafka.tools.consumer.DefaultMessageFormatter",
        "consumer-groups, --new-consumer --list, --list",
        "topics, --create --force --topic t, --create --topic t",
        "configs, --broker-list h:1 --describe, --bootstrap-server h:1 --describe",
        "producer-perf-test, --topic t --producer-props acks=1 linger.ms=0, --topic t --producer-props acks=1 linger.ms=0"
    })
    void retiredOptionsKeepWorking(String tool, String written, String understood) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-" + tool + ".sh", written.split(" "));
        assertEquals(0, outcome.code(), outcome.output());
        assertTrue(outcome.output().endsWith("\n" + understood.replace(' ', '\n') + "\n"), outcome.output());
    }

    @ParameterizedTest
    @CsvSource({
        "--describe --group g, org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "--describe --group g --events, io.troupe.tools.GroupCommand",
        "--describe --lag-seconds --group g, io.troupe.tools.GroupCommand"
    })
    void whatKafkasGroupToolDoesNotTellIsTroupes(String written, String mainClass) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-consumer-groups.sh", written.split(" "));
        assertEquals(0, outcome.code(), outcome.output());
        assertTrue(
                outcome.output().endsWith("\n" + mainClass + "\n" + written.replace(' ', '\n') + "\n"),
                outcome.output());
    }

    @Test
    void retiredClassesBecomeTheToolsOfToday() throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("kafka-run-class.sh", "kafka.tools.GetOffsetShell", "--broker-list", "h:1");
        assertEquals(0, outcome.code(), outcome.output());
        String understood = "org.apache.kafka.tools.GetOffsetShell\n--bootstrap-server\nh:1\n";
        assertTrue(outcome.output().endsWith(understood), outcome.output());
    }

    @ParameterizedTest
    @CsvSource({
        "--create --zookeeper zk:2181/chroot --topic t, --create --bootstrap-server zk:9092 --topic t",
        "--list --zookeeper=zk1:2181;zk2:2181, --list --bootstrap-server zk1:9092",
        "--list --zookeeper zk:2181 --bootstrap-server b:1, --list --bootstrap-server b:1",
        "--zookeeper, --bootstrap-server localhost:9092"
    })
    void zookeeperIsAnsweredWithWhatToWrite(String written, String instead) throws Exception {
        Outcome outcome =
                installation.run("kafka-topics.sh", written.replace(';', ',').split(" "));
        assertEquals(1, outcome.code());
        assertTrue(outcome.output().contains("Troupe has no ZooKeeper; use --bootstrap-server"), outcome.output());
        assertTrue(outcome.output().endsWith("kafka-topics.sh " + instead + "\n"), outcome.output());
    }

    @Test
    void zookeepersOwnScriptsSucceedAndSayWhy() throws Exception {
        for (String script : List.of("zookeeper-server-start.sh", "zookeeper-server-stop.sh")) {
            Outcome outcome = installation.run(script, "-daemon", "config/zookeeper.properties");
            assertEquals(0, outcome.code());
            assertTrue(outcome.output().contains("Troupe has no ZooKeeper"), outcome.output());
        }
        assertEquals(List.of(), installation.builds());
    }

    @ParameterizedTest
    @CsvSource({"troupe-server-start.sh, TROUPE_HEAP_OPTS", "troupe-server-stop.sh, TROUPE_STOP_TIMEOUT_S"})
    void helpNamesTheVariablesAndIsNoError(String script, String variable) throws Exception {
        for (String option : List.of("--help", "-h")) {
            Outcome help = installation.run(script, option);
            assertEquals(0, help.code(), help.output());
            assertTrue(help.output().startsWith("usage: " + script + " "), help.output());
            assertTrue(help.output().contains(variable), help.output());
        }
        Outcome wrong = installation.run(script, "--nonsense");
        assertEquals(1, wrong.code());
        assertTrue(wrong.output().contains("--nonsense\nusage: " + script + " "), wrong.output());
        assertEquals(List.of(), installation.builds());
    }

    @ParameterizedTest
    @CsvSource({"17.0.15, false", "21.0.4, false", "24, true", "25.0.3, true"})
    void theJvmIsAllowedWhatItWouldWarnOf(String version, boolean unsafe) throws Exception {
        installation.built().jdk(version, ECHO);
        Outcome outcome = installation.run("troupe-server-start.sh", properties());
        assertTrue(outcome.output().contains("\n--enable-native-access=ALL-UNNAMED\n"), outcome.output());
        assertEquals(unsafe, outcome.output().contains("\n--sun-misc-unsafe-memory-access=allow\n"), outcome.output());
    }

    @Test
    void theBrokerGetsFileAndOverrides() throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run(
                "kafka-server-start.sh", properties(), "--override", "broker.id=007", "--override", "log.dirs=/a b");
        assertEquals(0, outcome.code(), outcome.output());
        assertTrue(outcome.output().contains("\n-Dtroupe.node.id=7\n"), outcome.output());
        assertTrue(
                outcome.output()
                        .endsWith("io.troupe.server.Main\n" + properties()
                                + "\n--override\nbroker.id=007\n--override\nlog.dirs=/a b\n"),
                outcome.output());
    }

    @Test
    void aWrongStartIsNamed() throws Exception {
        installation.built();
        Outcome missing = installation.run("troupe-server-start.sh", "no such file");
        assertEquals(1, missing.code());
        assertTrue(missing.output().contains("there is no configuration file no such file"), missing.output());
        Outcome bad = installation.run("troupe-server-start.sh", properties(), "--override", "novalue");
        assertEquals(1, bad.code());
        assertTrue(bad.output().contains("--override novalue: expected property=value"), bad.output());
    }

    @Test
    void onlyTheRestartCodeStartsABrokerAgain() throws Exception {
        Path count = temp.resolve("count");
        installation
                .built()
                .jdk("17.0.15", "echo x >>'" + count + "'; [ $(wc -l <'" + count + "') -ge 2 ] && exit 4; exit 85");
        Outcome outcome = installation.run("troupe-server-start.sh", properties());
        assertEquals(4, outcome.code(), outcome.output());
        assertEquals(2, Files.readAllLines(count).size());
        assertTrue(outcome.output().contains("asked to be started again"), outcome.output());
    }

    /** The JVM's own exit code for it, because of -XX:+ExitOnOutOfMemoryError. */
    @Test
    void aBrokerThatRanOutOfMemoryIsStartedAgain() throws Exception {
        Path count = temp.resolve("count");
        installation
                .built()
                .jdk("17.0.15", "echo \"$*\" >>'" + count + "'; [ $(wc -l <'" + count + "') -ge 2 ] && exit 0; exit 3");
        Outcome outcome = installation.run("troupe-server-start.sh", properties());
        assertEquals(0, outcome.code(), outcome.output());
        List<String> starts = Files.readAllLines(count);
        assertEquals(2, starts.size(), outcome.output());
        assertTrue(starts.get(0).contains("-XX:+ExitOnOutOfMemoryError"), starts.get(0));
        assertTrue(outcome.output().contains("ran out of memory"), outcome.output());
    }

    @Test
    void aSignalToTheScriptReachesTheBroker() throws Exception {
        installation.built().jdk("17.0.15", SERVE);
        Process start = start("troupe-server-start.sh", properties());
        try {
            awaitReady(start);
            long broker = start.descendants().findFirst().orElseThrow().pid();
            start.destroy(); // SIGTERM
            assertTrue(start.waitFor(60, TimeUnit.SECONDS));
            assertEquals(143, start.exitValue());
            assertFalse(ProcessHandle.of(broker).map(ProcessHandle::isAlive).orElse(false));
        } finally {
            end(start);
        }
    }

    @Test
    void stopEndsThisInstallationsBrokersOrOne() throws Exception {
        installation.built().jdk("17.0.15", SERVE);
        Installation other = new Installation(Files.createDirectories(temp.resolve("elsewhere")), "an installation 2");
        other.built().jdk("17.0.15", SERVE);
        Process three = start("troupe-server-start.sh", properties());
        Process thirty = start("troupe-server-start.sh", properties(), "--override", "node.id=30");
        Process foreign = other.start(
                other.script("troupe-server-start.sh"),
                Map.of(),
                other.home.resolve("server.properties").toString());
        try {
            awaitReady(three);
            awaitReady(thirty);
            awaitReady(foreign);
            assertEquals(
                    0,
                    installation
                            .run("troupe-server-stop.sh", "--node-id", "003")
                            .code());
            assertTrue(three.waitFor(60, TimeUnit.SECONDS));
            assertTrue(thirty.isAlive());
            Outcome none = installation.run("troupe-server-stop.sh", "--node-id=3");
            assertEquals(1, none.code());
            assertTrue(none.output().contains("No troupe server with node id 3 to stop"), none.output());
            assertEquals(0, installation.run("kafka-server-stop.sh").code());
            assertTrue(thirty.waitFor(60, TimeUnit.SECONDS));
            assertTrue(foreign.isAlive());
            assertEquals(1, installation.run("troupe-server-stop.sh").code());
        } finally {
            end(three);
            end(thirty);
            end(foreign);
        }
    }

    @Test
    void aDaemonStartReturnsWhenItServes() throws Exception {
        installation.built().jdk("17.0.15", SERVE);
        try {
            Outcome outcome = installation.run("troupe-server-start.sh", "-daemon", properties());
            assertEquals(0, outcome.code(), outcome.output());
            assertEquals("Troupe broker 3 is ready: PLAINTEXT://x:1\n", withoutNotes(outcome.output()));
            assertTrue(Files.exists(installation.home.resolve("logs/troupe-server-3.out")));
        } finally {
            assertEquals(0, installation.run("troupe-server-stop.sh").code());
        }
    }

    @Test
    void aDaemonStartSaysWhatItWaitsFor() throws Exception {
        installation
                .built()
                .jdk(
                        "17.0.15",
                        "says() { echo \"12:00 INFO x - Waiting for $1\"; }; says 'all voters'; "
                                + installation.until("first")
                                // The second time long enough for somebody to repeat it.
                                + "says 'all voters'; sleep 1.5; says 'voter 2'; "
                                + installation.until("second")
                                + SERVE);
        Process start = installation.start(
                installation.script("troupe-server-start.sh"),
                Map.of("TROUPE_START_TIMEOUT_S", "600"),
                "-daemon",
                properties());
        try {
            String told = readTo(start, "Waiting for all voters\n");
            installation.goOn("first");
            told += readTo(start, "Waiting for voter 2\n");
            installation.goOn("second");
            told += Installation.outcome(start).output();
            assertEquals(
                    "troupe: Waiting for all voters\ntroupe: Waiting for voter 2\n"
                            + "Troupe broker 3 is ready: PLAINTEXT://x:1\n",
                    told.substring(told.indexOf("troupe: Waiting")));
        } finally {
            Outcome stopped = installation.run("troupe-server-stop.sh");
            end(start);
            assertEquals(0, stopped.code(), stopped.output());
        }
    }

    @Test
    void newerSourcesThanTheBuildAreTold() throws Exception {
        Path source = Files.createDirectories(installation.home.resolve("src/main/java/x"))
                .resolve("Y.java");
        Files.writeString(source, "");
        installation.built();
        Path jar = installation.home.resolve("target/troupe.jar");
        FileTime sources = Files.getLastModifiedTime(source);
        Files.setLastModifiedTime(jar, FileTime.fromMillis(sources.toMillis() + 5_000));
        Outcome current = installation.run("troupe-server-start.sh", properties());
        assertFalse(current.output().contains("older"), current.output());

        Files.setLastModifiedTime(jar, FileTime.fromMillis(sources.toMillis() - 5_000));
        Files.setLastModifiedTime(
                installation.home.resolve("pom.xml"), FileTime.fromMillis(sources.toMillis() - 9_000));
        Outcome older = installation.run("troupe-server-start.sh", properties());
        assertEquals(0, older.code(), older.output());
        assertTrue(older.output().contains("the build is older than src/main/java/x/Y.java"), older.output());
        assertEquals(List.of(), installation.builds());

        Files.delete(source);
        Files.delete(source.getParent());
        Outcome copy = installation.run("troupe-server-start.sh", properties());
        assertFalse(copy.output().contains("older"), copy.output());
    }

    @ParameterizedTest
    @CsvSource({
        "status, io.troupe.tools.ClusterCommand",
        "statsu, io.troupe.tools.ClusterCommand",
        "--bootstrap-server, io.troupe.tools.ClusterCommand",
        "cluster-id, org.apache.kafka.tools.ClusterTool",
        "unregister, org.apache.kafka.tools.ClusterTool",
        "list-endpoints, org.apache.kafka.tools.ClusterTool"
    })
    void onlyKafkasOwnActionsOfAClusterGoToItsTool(String word, String tool) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-cluster.sh", word);
        assertTrue(outcome.output().endsWith("\n" + tool + "\n" + word + "\n"), outcome.output());
    }

    @Test
    void aDaemonThatDiesIsReportedWithItsLastLines() throws Exception {
        installation.built().jdk("17.0.15", "echo 'broker.id: xx is no number'; exit 4");
        Outcome outcome = installation.run("troupe-server-start.sh", properties(), "-daemon");
        assertEquals(4, outcome.code());
        assertTrue(outcome.output().contains("broker.id: xx is no number"), outcome.output());
        assertNotEquals(0, installation.run("troupe-server-stop.sh").code());
    }

    /** A directory with just these commands; stand-ins, because links out of a temporary directory are warned of. */
    private Path pathOfOnly(String... commands) throws Exception {
        Path directory = Files.createDirectories(temp.resolve("without"));
        for (String command : commands) {
            Path found = Path.of("/usr/bin", command);
            Path standIn = directory.resolve(command);
            Files.writeString(
                    standIn, "#!/bin/sh\nexec " + (Files.exists(found) ? found : "/bin/" + command) + " \"$@\"\n");
            Files.setPosixFilePermissions(standIn, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return directory;
    }

    private String properties() {
        return installation.home.resolve("server.properties").toString();
    }

    private Process start(String script, String... arguments) throws Exception {
        return installation.start(installation.script(script), Map.of(), arguments);
    }

    /** Reads until the broker says that it serves; one that ends instead fails the test. */
    private static void awaitReady(Process process) throws Exception {
        readTo(process, "is ready");
    }

    /** Reads what a process prints until one of these stands there; one that ends instead fails the test. */
    private static String readTo(Process process, String... texts) throws Exception {
        StringBuilder output = new StringBuilder();
        int c;
        while ((c = process.getInputStream().read()) >= 0) {
            output.append((char) c);
            if (Stream.of(texts).anyMatch(text -> output.indexOf(text) >= 0)) {
                return output.toString();
            }
        }
        throw new AssertionError("ended without a word of " + List.of(texts) + ": " + output);
    }

    private static String withoutNotes(String output) {
        return output.lines()
                .filter(line -> !line.startsWith("troupe: "))
                .map(line -> line + "\n")
                .reduce("", String::concat);
    }

    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}

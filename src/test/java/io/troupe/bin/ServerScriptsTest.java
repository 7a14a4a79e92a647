package io.troupe.bin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.bin.Installation.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** How the scripts start, restart and stop brokers. */
@DisabledOnOs(OS.WINDOWS)
class ServerScriptsTest extends OnInstallation {
    /** Serves until it is told to end, as a broker does. */
    private static final String SERVE =
            "trap 'exit 143' TERM; echo 'Troupe broker 3 is ready: PLAINTEXT://x:1'; while :; do sleep 0.05; done";

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
    void aSecondDaemonStartOfARunningNodeSaysSoAndLeavesItsOutputAlone() throws Exception {
        installation.built().jdk("17.0.15", SERVE);
        try {
            assertEquals(
                    0,
                    installation
                            .run("troupe-server-start.sh", "-daemon", properties())
                            .code());
            Path output = installation.home.resolve("logs/troupe-server-3.out");
            String before = Files.readString(output);
            Outcome second = installation.run("troupe-server-start.sh", "-daemon", properties());
            assertEquals(1, second.code(), second.output());
            String process = Files.readString(installation.home.resolve("logs/troupe-server-3.pid"))
                    .strip();
            assertTrue(second.output().contains("node 3 runs already (process " + process + ","), second.output());
            assertEquals(before, Files.readString(output));
        } finally {
            assertEquals(0, installation.run("troupe-server-stop.sh").code());
        }
        Outcome third = installation.run("troupe-server-start.sh", "-daemon", properties());
        assertEquals(0, third.code(), third.output());
        assertEquals(0, installation.run("troupe-server-stop.sh").code());
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
    void aDaemonThatDiesIsReportedWithItsLastLines() throws Exception {
        installation.built().jdk("17.0.15", "echo 'broker.id: xx is no number'; exit 4");
        Outcome outcome = installation.run("troupe-server-start.sh", properties(), "-daemon");
        assertEquals(4, outcome.code());
        assertTrue(outcome.output().contains("broker.id: xx is no number"), outcome.output());
        assertFalse(Files.exists(installation.home.resolve("logs/troupe-server-3.pid")), "names no process any more");
        assertNotEquals(0, installation.run("troupe-server-stop.sh").code());
    }

    /** Reads until the broker says that it serves; one that ends instead fails the test. */
    private static void awaitReady(Process process) throws Exception {
        readTo(process, "is ready");
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

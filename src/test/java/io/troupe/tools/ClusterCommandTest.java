package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Arguments that make no command are answered with what is wrong, before any broker is asked. */
class ClusterCommandTest {
    @TempDir
    private Path temp;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        return ClusterCommand.run(
                List.of(arguments),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @CsvSource({
        "status, --bootstrap-server host:port must be specified",
        "statsu --bootstrap-server h:1, There is no action 'statsu'; did you mean status? Troupe's are",
        "clusterid --bootstrap-server h:1, did you mean cluster-id?",
        "describe, There is no action 'describe'. Troupe's are",
        "--bootstrap-server h:1, No action is given. Troupe's are",
        "drain --bootstrap-server h:1, drain needs the id of one broker",
        "status now --bootstrap-server h:1, status takes no word",
        "status --bootstrap-server, --bootstrap-server needs a value",
        "status --boot=h:1, --boot=h:1 is no option",
    })
    void badArgumentsAreNamed(String line, String message) {
        assertEquals(1, run(line.split(" ")));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains(message), err.toString(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @ValueSource(strings = {"status", "metadata", "rebalance", "drain 1"})
    // A client that tried on would do so for a minute.
    @Timeout(50)
    void anAddressWhereNobodyListensIsNamedAtOnce(String action) throws IOException {
        String dead = "127.0.0.1:" + freePort();
        assertEquals(1, run((action + " --bootstrap-server " + dead + ",no-such-host.invalid:9092").split(" ")));
        String answer = err.toString(StandardCharsets.UTF_8);
        assertTrue(answer.contains("Nobody answers at " + dead + ": Connection refused"), answer);
        assertTrue(answer.contains("no-such-host.invalid:9092: the host is unknown"), answer);
        assertTrue(answer.contains("Does a broker run there"), answer);
        assertFalse(answer.contains("Exception"), answer);
    }

    @Test
    void oneAddressThatAnswersIsEnough() throws IOException {
        String dead = "127.0.0.1:" + freePort();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertEquals(Optional.empty(), Reachable.problem(List.of(dead, "127.0.0.1:" + server.getLocalPort())));
        }
        assertTrue(Reachable.problem(List.of(dead)).isPresent());
    }

    /** Who listens is no broker, or one that is stopped. */
    @Test
    void aPortThatSaysNothingIsTold() throws IOException {
        Path patience =
                Files.writeString(temp.resolve("client"), "default.api.timeout.ms=500\nrequest.timeout.ms=400\n");
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + server.getLocalPort();
            assertEquals(1, run("status", "--bootstrap-server", address, "--command-config", patience.toString()));
        }
        assertTrue(
                err.toString(StandardCharsets.UTF_8).startsWith("The brokers did not answer in time"), err::toString);
    }

    private static int freePort() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return server.getLocalPort();
        }
    }

    @Test
    void helpIsGivenOnRequest() {
        assertEquals(0, run("--help"));
        assertTrue(out.toString(StandardCharsets.UTF_8).contains("rebalance"));
        assertEquals(1, run());
    }
}

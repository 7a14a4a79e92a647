package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arguments that make no command are answered with what is wrong, before any broker is asked. */
class ClusterCommandTest {
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
        "stat --bootstrap-server h:1, is none of status",
        "drain --bootstrap-server h:1, drain needs the id of one broker",
        "status now --bootstrap-server h:1, status takes no word",
        "status --bootstrap-server, --bootstrap-server needs a value",
        "status --boot=h:1, --boot=h:1 is no option",
    })
    void badArgumentsAreNamed(String line, String message) {
        assertEquals(1, run(line.split(" ")));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains(message), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void helpIsGivenOnRequest() {
        assertEquals(0, run("--help"));
        assertTrue(out.toString(StandardCharsets.UTF_8).contains("rebalance"));
        assertEquals(1, run());
    }
}

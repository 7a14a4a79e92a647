package io.troupe.bin;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the scripts do around a JVM and Maven, in an {@link Installation} of its own for each test. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
abstract class OnInstallation {
    /** Prints its arguments, one a line. */
    static final String ECHO = "printf '%s\\n' \"$@\"";

    @TempDir
    Path temp;

    Installation installation;

    @BeforeEach
    void copyScripts() throws Exception {
        installation = new Installation(temp, "an installation");
    }

    String properties() {
        return installation.home.resolve("server.properties").toString();
    }

    Process start(String script, String... arguments) throws Exception {
        return installation.start(installation.script(script), Map.of(), arguments);
    }

    /** Reads what a process prints until one of these stands there; one that ends instead fails the test. */
    static String readTo(Process process, String... texts) throws Exception {
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
}

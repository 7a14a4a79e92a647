package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the README shows is what {@link GreetingsTest} runs. */
class ReadmeExampleTest {
    @Test
    void theReadmeShowsTheTestThatRuns() throws IOException {
        String source = Files.readString(Path.of("src/test/java/io/troupe/embedded/GreetingsTest.java"));
        String example = source.substring(source.indexOf("@TroupeTest\n"));
        String readme = Files.readString(Path.of("README.md"));
        assertTrue(
                readme.contains(example.indent(4)),
                "README.md, In a test, must show, indented by four:\n" + example.indent(4));
    }
}

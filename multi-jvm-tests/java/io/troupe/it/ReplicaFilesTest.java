package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts as a difference between two copies. */
class ReplicaFilesTest {
    @TempDir
    Path dir;

    @BeforeEach
    void oneCopy() throws IOException {
        write("a/t-0/0.log", "one");
        write("a/t-0/3.log", "two");
    }

    @Test
    void segmentsMayBeginElsewhereAndOtherFilesDoNotCount() throws IOException {
        write("b/t-0/0.log", "onet");
        write("b/t-0/4.log", "wo");
        write("b/t-0/meta", "x");
        assertEquals(List.of(), differences());
    }

    @Test
    void aByteThatDiffers() throws IOException {
        write("b/t-0/0.log", "oneTwo");
        assertTrue(differences().get(0).endsWith("the first difference is at byte 3"));
    }

    @Test
    void aCopyThatEndsEarlier() throws IOException {
        write("b/t-0/0.log", "onetw");
        assertTrue(differences().get(0).contains("has 6 bytes"));
        assertTrue(differences().get(0).contains("and 5 in"));
    }

    @Test
    void aCopyThatIsNotThere() throws IOException {
        assertEquals(1, differences().size());
    }

    private List<String> differences() throws IOException {
        return ReplicaFiles.differences(List.of(dir.resolve("a"), dir.resolve("b")), "t", 0);
    }

    private void write(String name, String text) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}

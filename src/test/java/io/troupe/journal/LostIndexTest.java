package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.appendTwenty;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An index that is gone or damaged costs the next opening a walk over batch headers, and nothing else. */
class LostIndexTest {
    private static final LogConfig SMALL_SEGMENTS = config(400, Long.MAX_VALUE);

    @TempDir
    Path root;

    private interface IndexLoss {
        void strike(Path index) throws IOException;
    }

    private void assertSameAfter(IndexLoss loss) throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL_SEGMENTS);
        appendTwenty(dir);
        dir.close();
        dir = dir(root);
        ByteBuffer before = readAll(dir.open(PID, PARTITION, SMALL_SEGMENTS).reader(), 0);
        dir.close();
        loss.strike(root.resolve(IndexStore.DIRECTORY));
        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL_SEGMENTS);
        assertTrue(opened.cleanShutdown());
        assertEquals(20, opened.logEndOffset());
        assertEquals(before, readAll(opened.reader(), 0));
        for (int i = 0; i < 20; i++) {
            assertEquals(
                    i,
                    opened.reader()
                            .offsetForTimestamp(1000 + i, Long.MAX_VALUE)
                            .orElseThrow()
                            .offset());
        }
        assertInstanceOf(
                ProducerStates.Check.Duplicate.class, opened.producers().check(77, (short) 0, 19, 19));
        again.close();
    }

    @Test
    void aDeletedIndexIsDerivedAgain() throws Exception {
        assertSameAfter(Directories::deleteRecursively);
    }

    @Test
    void anIndexWithGarbageInCurrentIsDerivedAgain() throws Exception {
        assertSameAfter(index -> Files.writeString(index.resolve("CURRENT"), "no such manifest\n"));
    }

    @Test
    void anIndexWithGarbageInItsManifestIsDerivedAgain() throws Exception {
        assertSameAfter(index -> {
            try (Stream<Path> files = Files.list(index)) {
                for (Path file : files.filter(f -> f.getFileName().toString().startsWith("MANIFEST"))
                        .toList()) {
                    Files.write(file, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9});
                }
            }
        });
    }
}

package io.troupe.journal;

import static io.troupe.journal.JournalFixture.ID;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The index works alike on LevelDB in Java, which takes the native one's place where that does not load. */
class LevelDbTest {
    /** A longer write is in pieces, one per block. */
    private static final int LOG_BLOCK_BYTES = 32 << 10;

    @TempDir
    Path root;

    @AfterEach
    void restore() {
        System.clearProperty(LevelDb.CHOICE);
    }

    private IndexStore open(String choice) throws Exception {
        System.setProperty(LevelDb.CHOICE, choice);
        return IndexStore.open(root.resolve(IndexStore.DIRECTORY));
    }

    @Test
    void eachReadsWhatTheOtherWrote() throws Exception {
        try (IndexStore store = open("java")) {
            assertTrue(store.startedEmpty());
            for (int i = 0; i < 200; i++) {
                store.putProducers(ID, i, ByteBuffer.wrap(new byte[10_000]));
            }
            store.dropCut(ID, 0, 150);
        }
        try (IndexStore store = open("native")) {
            assertFalse(store.startedEmpty());
            for (int i = 0; i < 200; i++) {
                assertEquals(i <= 150, store.producersAt(ID, i).isPresent(), "snapshot at " + i);
            }
            assertEquals(
                    Set.of(148L, 149L, 150L),
                    store.producers(ID, 0, Long.MAX_VALUE).keySet());
            assertEquals(Set.of(5L, 6L), store.producers(ID, 5, 6).keySet());
            store.dropCut(ID, 0, 2);
            store.putProducers(ID, 7, ByteBuffer.wrap(new byte[3]));
        }
        try (IndexStore store = open("java")) {
            for (long i : List.of(0L, 1L, 2L, 7L)) {
                assertTrue(store.producersAt(ID, i).isPresent(), "snapshot at " + i);
            }
        }
    }

    @Test
    void callsAfterTheCloseAreHarmless() throws Exception {
        for (String choice : List.of("java", "native")) {
            IndexStore store = open(choice);
            store.putProducers(ID, 1, ByteBuffer.wrap(new byte[3]));
            store.close();
            store.close();
            assertTrue(store.producers(ID, 0, 5).isEmpty());
            assertTrue(store.summary(ID, 5).isEmpty());
            assertThrows(IOException.class, () -> store.putProducers(ID, 1, ByteBuffer.allocate(1)));
        }
    }

    /** LevelDB writes through a mapping, so what a killed process was about to write reads as zeros. */
    @Test
    void aWriteThatAKillCutShortCostsThatWriteOnly() throws Exception {
        for (String choice : List.of("java", "native")) {
            Path killed = root.resolve("killed-" + choice);
            try (IndexStore store = open(choice)) {
                store.putProducers(ID, 1, ByteBuffer.wrap(new byte[1_000]));
                store.putProducers(ID, 2, ByteBuffer.wrap(new byte[2 * LOG_BLOCK_BYTES]));
                copyCutAfterTheFirstBlock(root.resolve(IndexStore.DIRECTORY), killed);
            }
            Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
            try (IndexStore store = IndexStore.open(killed)) {
                assertFalse(store.startedEmpty(), choice);
                assertTrue(store.producersAt(ID, 1).isPresent(), choice);
                assertFalse(store.producersAt(ID, 2).isPresent(), choice);
                store.putProducers(ID, 3, ByteBuffer.wrap(new byte[3]));
            }
            try (IndexStore store = IndexStore.open(killed)) {
                assertEquals(
                        Set.of(1L, 3L), store.producers(ID, 0, Long.MAX_VALUE).keySet(), choice);
            }
        }
    }

    private static void copyCutAfterTheFirstBlock(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
            for (Path file : files) {
                byte[] content = Files.readAllBytes(file);
                if (file.toString().endsWith(".log") && content.length > LOG_BLOCK_BYTES) {
                    Arrays.fill(content, LOG_BLOCK_BYTES, content.length, (byte) 0);
                }
                Files.write(to.resolve(file.getFileName()), content);
            }
        }
    }

    @Test
    void aStoreThatCannotBeReadIsDroppedByTheJavaOneToo() throws Exception {
        try (IndexStore store = open("java")) {
            store.putProducers(ID, 1, ByteBuffer.wrap(new byte[3]));
        }
        Files.writeString(root.resolve(IndexStore.DIRECTORY).resolve("CURRENT"), "MANIFEST-999999\n");
        try (IndexStore store = open("java")) {
            assertTrue(store.startedEmpty());
            store.putProducers(ID, 1, ByteBuffer.wrap(new byte[3]));
        }
    }
}

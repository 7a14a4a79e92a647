package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SAFETY 2.7: snapshots are whole or passed over, and the one before is there. */
class MetadataSnapshotsTest {
    @TempDir
    Path dir;

    private MetadataSnapshots snapshots() {
        return new MetadataSnapshots(dir, Disk.SYSTEM);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            return files.sorted().toList();
        }
    }

    @Test
    void theNewestIsFoundAndOldOnesGo() throws IOException {
        assertEquals(
                new MetadataSnapshots.Found(java.util.Optional.empty(), 0, false),
                snapshots().load(99));
        for (int i = 1; i <= 3; i++) {
            snapshots().save(i * 1000, new byte[] {(byte) i});
        }
        snapshots().delete(0, 1000);
        assertEquals(2, files().size());
        assertEquals(3000, snapshots().load(Long.MAX_VALUE).sequenceNr());
        assertArrayEquals(new byte[] {2}, snapshots().load(2999).value().orElseThrow());
    }

    /** Each byte is told, wherever it is damaged, and a file that was cut. */
    @Test
    void aDamagedOneIsPassedOverForTheOneBefore() throws IOException {
        snapshots().save(1000, new byte[] {1, 2, 3});
        snapshots().save(2000, new byte[] {4, 5, 6});
        Path newest = files().get(1);
        byte[] whole = Files.readAllBytes(newest);
        for (int i = 0; i < whole.length; i += 5) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 0x10;
            Files.write(newest, damaged);
            assertEquals(1000, snapshots().load(Long.MAX_VALUE).sequenceNr(), "byte " + i);
            Files.write(newest, java.util.Arrays.copyOf(whole, i));
            assertEquals(1000, snapshots().load(Long.MAX_VALUE).sequenceNr(), "cut at " + i);
        }
        Files.write(files().get(0), new byte[5]);
        MetadataSnapshots.Found none = snapshots().load(Long.MAX_VALUE);
        assertTrue(none.damaged() && none.value().isEmpty());
        Files.write(newest, whole);
        assertFalse(snapshots().load(Long.MAX_VALUE).damaged());
    }
}

package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A topic deleted and made again under its name, whose two logs meet in one place. */
class LogPlacementTest {
    private static final TopicIdPartition OLD = new TopicIdPartition(new Uuid(0, 11), 0, "orders");
    private static final TopicIdPartition NEW = new TopicIdPartition(new Uuid(0, 12), 0, "orders");

    @TempDir
    Path root;

    private MetaLog metaLog;
    private IndexStore indexes;
    private LogPlacement placement;

    @BeforeEach
    void open() throws Exception {
        metaLog = MetaLog.open(root, Disk.real());
        indexes = IndexStore.open(root.resolve(IndexStore.DIRECTORY));
        placement = new LogPlacement(root, Disk.real(), metaLog, indexes, id -> false);
    }

    @AfterEach
    void close() throws Exception {
        indexes.close();
        metaLog.close();
    }

    @Test
    void aDeletionOvertakenByTheNewLogStillDeletesTheOldOne() throws Exception {
        placement.claim(OLD);
        Path made = placement.claim(NEW).directory();
        Path released = placement.release(OLD);
        assertTrue(Files.isDirectory(released));
        assertTrue(Files.isDirectory(made));
        try (var names = Files.list(root)) {
            assertEquals(
                    List.of(),
                    names.filter(name -> name.toString().endsWith("-stray")).toList());
        }
    }

    /** Deletions rename first and remember that later; a crash may come in between. */
    @Test
    void anOrphanWhoseDirectoryIsGoneDoesNotTakeTheNewLogsDirectoryAway() throws Exception {
        Path old = placement.claim(OLD).directory();
        Files.move(old, root.resolve("orders-0.old-delete"));
        Path made = placement.claim(NEW).directory();
        placement.putOrphanAside(LogId.of(OLD));
        assertNull(metaLog.log(LogId.of(OLD)));
        assertTrue(Files.isDirectory(made));
    }

    /** The record alone, after a power cut, would give the old log's files to the new one. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theNameIsFreeForGoodBeforeItIsRecordedAsTheNewLogs(boolean deleted) throws Exception {
        List<Boolean> recordedWhenForced = new ArrayList<>();
        Disk disk = (Disk) Proxy.newProxyInstance(
                Disk.class.getClassLoader(), new Class<?>[] {Disk.class}, (self, method, args) -> {
                    if (method.getName().equals("forceDirectory")) {
                        recordedWhenForced.add(metaLog.log(LogId.of(NEW)) != null);
                    }
                    return method.invoke(Disk.real(), args);
                });
        placement = new LogPlacement(root, disk, metaLog, indexes, id -> false);
        placement.claim(OLD);
        if (deleted) {
            placement.release(OLD);
        }
        assertTrue(placement.claim(NEW).made());
        assertEquals(List.of(false), recordedWhenForced);
    }
}

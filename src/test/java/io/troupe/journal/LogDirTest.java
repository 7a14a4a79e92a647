package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whose a log dir is, who may use it, and what meta.log remembers. */
class LogDirTest {
    @TempDir
    Path root;

    private static String refusal(Path path, int nodeId, String clusterId) {
        return assertThrows(LogDirException.class, () -> LogDir.open(path, nodeId, Optional.ofNullable(clusterId)))
                .getMessage();
    }

    @Test
    void aDirInUseIsRefused() {
        LogDir dir = dir(root);
        String message = refusal(root, 1, null);
        assertTrue(message.contains(root.toString()) && message.contains("in use by another running broker"), message);
        String process = ", process " + ProcessHandle.current().pid() + ".";
        assertTrue(message.contains(process), message);
        message = assertThrows(LogDirException.class, () -> DirLock.requireFree(root))
                .getMessage();
        assertTrue(message.contains(process), message);
        dir.close();
        DirLock.requireFree(root);
        DirLock.requireFree(root.resolve("none"));
        assertFalse(Files.exists(root.resolve("none")));
        dir(root).close();
    }

    @Test
    void whoIsRefusedInThisProcessLeavesTheSystemsLockInPlace() throws IOException {
        Path locks = Path.of("/proc/locks");
        assumeTrue(Files.isReadable(locks));
        LogDir dir = dir(root);
        String file = ":" + Files.getAttribute(root.resolve(DirLock.FILE), "unix:ino") + " ";
        assumeTrue(Files.readString(locks).contains(file));
        refusal(root, 1, null);
        assertThrows(LogDirException.class, () -> DirLock.requireFree(root));
        assertTrue(Files.readString(locks).contains(file));
        dir.close();
        assertFalse(Files.readString(locks).contains(file));
    }

    @Test
    void whatIsAbandonedLetsGoOfItsFilesAtOnce() throws Exception {
        Path descriptors = Path.of("/proc/self/fd");
        assumeTrue(Files.isDirectory(descriptors));
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1 << 20, Long.MAX_VALUE));
        append(dir, batch(0, 1, 1, 0, 50));
        assertTrue(openBelow(descriptors).stream().anyMatch(file -> file.endsWith(Segment.SUFFIX)));
        crash(dir);
        assertEquals(List.of(), openBelow(descriptors));
    }

    private List<String> openBelow(Path descriptors) throws IOException {
        List<String> files = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(descriptors)) {
            for (Path descriptor : all) {
                try {
                    files.add(Files.readSymbolicLink(descriptor).toString());
                } catch (IOException e) {
                    // Closed meanwhile, as the listing's own.
                }
            }
        }
        files.removeIf(file -> !file.startsWith(root.toString()));
        return files;
    }

    @Test
    void aNewDirsNameIsDurableInItsParentWithThoseAboveIt() {
        List<Path> forced = new ArrayList<>();
        Disk disk = new Disk() {
            @Override
            public void forceDirectory(Path dir) throws IOException {
                forced.add(dir);
                Disk.super.forceDirectory(dir);
            }
        };
        Path path = root.resolve("a").resolve("b");
        LogDir.open(path, 1, Optional.empty(), disk).close();
        assertTrue(forced.containsAll(List.of(root, root.resolve("a"))), forced.toString());
        forced.clear();
        LogDir.open(path, 1, Optional.empty(), disk).close();
        assertFalse(forced.contains(root.resolve("a")), forced.toString());
    }

    @Test
    void anotherBrokersDirIsRefusedWithBothIds() {
        dir(root).close();
        String message = refusal(root, 5, null);
        assertTrue(message.contains("belongs to broker 1") && message.contains("this is broker 5"), message);
    }

    /** Such as {@code kafka-storage format} and a broker of Kafka's leave; its own directory would get a name that Kafka does not know. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "bootstrap.checkpoint",
                "recovery-point-offset-checkpoint",
                ".kafka_cleanshutdown",
                "__cluster_metadata-0/quorum-state"
            })
    void aDirOfKafkasIsRefusedAndLeftAsItIs(String file) throws IOException {
        Path found = root.resolve(file);
        Files.createDirectories(found.getParent());
        Files.writeString(found, "0");
        Files.writeString(root.resolve("meta.properties"), "version=1\nnode.id=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\n");

        String message = refusal(root, 1, null);

        assertTrue(message.contains(root.toString()) && message.contains(file) && message.contains("Kafka"), message);
        for (String ours : List.of(DirLock.FILE, "meta.log", IndexStore.DIRECTORY)) {
            assertFalse(Files.exists(root.resolve(ours)), ours);
        }
        assertEquals("0", Files.readString(found));
    }

    @Test
    void anotherClustersDirIsRefusedWithBothIds() {
        Journals journals = Journals.open(List.of(root), 1, Optional.empty());
        assertNull(journals.clusterId());
        journals.setClusterId("cluster-a");
        assertThrows(LogDirException.class, () -> journals.setClusterId("cluster-b"));
        journals.close();
        String message = refusal(root, 1, "cluster-b");
        assertTrue(message.contains("cluster-a") && message.contains("cluster-b"), message);
    }

    @Test
    void dirsOfTwoClustersAreRefusedAndLetGo() {
        Path a = root.resolve("a");
        Path b = root.resolve("b");
        LogDir.open(a, 1, Optional.of("cluster-a")).close();
        LogDir.open(b, 1, Optional.of("cluster-b")).close();
        assertThrows(LogDirException.class, () -> Journals.open(List.of(a, b), 1, Optional.empty()));
        dir(a).close();
        dir(b).close();
    }

    @Test
    void aPathThatIsNoWritableDirectoryIsRefusedWithItsName() throws IOException {
        Path file = Files.writeString(root.resolve("file"), "x");
        assertTrue(refusal(file, 1, null).contains(file.toString()));
        assertTrue(refusal(Path.of("/proc/troupe-logs"), 1, null).contains("/proc/troupe-logs"));
    }

    @Test
    void aSecondLogDirTakesTheNextPartitionAndAPartitionKeepsItsDir() {
        List<Path> paths = List.of(root.resolve("a"), root.resolve("b"));
        Journals journals = Journals.open(paths, 1, Optional.empty());
        String first = journals.pluginFor(PARTITION);
        TopicIdPartition other = new TopicIdPartition(new Uuid(9, 9), 1, "other");
        String second = journals.pluginFor(other);
        assertFalse(first.equals(second));
        journals.close();
        Journals reread = Journals.open(paths, 1, Optional.empty());
        assertEquals(first, reread.pluginFor(PARTITION));
        reread.close();
    }

    @Test
    void cleanShutdownIsToldOnceAndCarriesTheBrokerEpoch() {
        Journals journals = Journals.open(List.of(root), 1, Optional.empty());
        assertTrue(journals.cleanShutdown(), "a new dir has no tails to check");
        assertEquals(-1, journals.lastBrokerEpoch(), "and proves nothing");
        assertTrue(journals.lostDir());
        journals.brokerEpoch(42);
        journals.setClusterId("cluster");
        journals.close();
        LogDir second = dir(root);
        assertTrue(second.cleanStart());
        assertEquals(42, second.lastBrokerEpoch());
        crash(second);
        LogDir third = dir(root);
        assertFalse(third.cleanStart());
        third.close();
        Journals known = Journals.open(List.of(root), 1, Optional.empty());
        assertFalse(known.lostDir());
        known.close();
        Journals grown = Journals.open(List.of(root, root.resolve("new")), 1, Optional.empty());
        assertTrue(grown.lostDir(), "one of two is new");
        grown.close();
    }

    @Test
    void metaLogTornAtAnyByteLosesOnlyItsLastRecord() throws IOException {
        LogId id = JournalFixture.ID;
        try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
            log.append(MetaRecord.log(id, "orders"));
            log.append(MetaRecord.of(Kind.EPOCH, id, 3, 10));
            log.append(MetaRecord.of(Kind.LOG_START, id, 8, 0));
        }
        Path file = root.resolve(MetaLog.FILE);
        byte[] whole = Files.readAllBytes(file);
        int last = MetaRecord.of(Kind.LOG_START, id, 8, 0).encode().remaining();
        for (int size = whole.length - last; size < whole.length; size++) {
            Files.write(file, java.util.Arrays.copyOf(whole, size));
            try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
                assertEquals(0, log.log(id).logStartOffset);
                assertEquals(3, log.log(id).lastEpoch());
                log.append(MetaRecord.of(Kind.LOG_START, id, 5, 0));
            }
            try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
                assertEquals(5, log.log(id).logStartOffset);
            }
        }
    }

    @Test
    void aDamagedRecordInTheMiddleOfMetaLogIsSkippedAndMakesTheStartUnclean() throws IOException {
        LogId id = JournalFixture.ID;
        int first;
        try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
            log.append(MetaRecord.log(id, "orders"));
            first = (int) Files.size(root.resolve(MetaLog.FILE));
            log.append(MetaRecord.of(Kind.EPOCH, id, 3, 10));
            log.append(MetaRecord.of(Kind.LOG_START, id, 8, 0));
            log.append(MetaRecord.dir(Kind.DIR_CLOSED, 1));
        }
        byte[] bytes = Files.readAllBytes(root.resolve(MetaLog.FILE));
        bytes[first + 20] ^= 1;
        Files.write(root.resolve(MetaLog.FILE), bytes);
        try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
            assertFalse(log.clean());
            assertEquals(8, log.log(id).logStartOffset);
        }
    }

    @Test
    void metaLogIsRewrittenWhenGrownAndSaysTheSame() throws IOException {
        LogId id = JournalFixture.ID;
        try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
            log.append(MetaRecord.log(id, "orders"));
            log.append(MetaRecord.of(Kind.EPOCH, id, 3, 10));
            for (int i = 0; i < 60_000; i++) {
                log.append(MetaRecord.of(Kind.HIGH_WATERMARK, id, i, 0));
            }
            log.forceIfGrown();
        }
        assertTrue(Files.size(root.resolve(MetaLog.FILE)) < 2 << 20);
        try (MetaLog log = MetaLog.open(root, Disk.SYSTEM)) {
            assertNotNull(log.log(id));
            assertEquals(59_999, log.log(id).highWatermark);
            assertEquals(3, log.log(id).lastEpoch());
        }
    }

    @Test
    void leftoverDeleteDirectoriesGoAndUnknownOnesStay() throws Exception {
        Path old = Files.createDirectories(root.resolve("orders-0.abc-delete"));
        Files.writeString(old.resolve("x"), "x");
        Path unknown = Files.createDirectories(root.resolve("lost+found"));
        LogDir dir = dir(root);
        dir.close();
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(unknown));
    }

    /** Kafka allows 249 characters; with partition, topic id and suffix that is more than a file name may have. */
    @Test
    void theLongestTopicNameCanBeDeletedAndRecreated() throws Exception {
        LogDir dir = dir(root);
        String topic = "x".repeat(249);
        for (int round = 0; round < 3; round++) {
            TopicIdPartition partition = new TopicIdPartition(new Uuid(1, round), 12345, topic);
            dir.open(PID + round, partition, config(100, 1));
            dir.delete(PID + round, partition).join();
        }
        dir.close();
        assertFalse(dir.isOffline());
    }

    @Test
    void aNewTopicWaitsForTheDeletedOneOfItsNameAndLeavesNothingOfItBehind() throws Exception {
        LogDir dir = dir(root);
        TopicIdPartition old = new TopicIdPartition(new Uuid(1, 1), 0, "orders");
        TopicIdPartition anew = new TopicIdPartition(new Uuid(1, 2), 0, "orders");
        dir.open("old", old, config(100, 1));
        assertThrows(LogBusyException.class, () -> dir.open("anew", anew, config(100, 1)));
        assertFalse(dir.isOffline());
        dir.closeLog("old");
        assertEquals(0, dir.open("anew", anew, config(100, 1)).logEndOffset());
        dir.delete("old", old).join();
        dir.close();
        LogDir again = dir(root);
        assertEquals(List.of(LogId.of(anew)), List.copyOf(again.knownLogs()));
        again.close();
        try (var entries = Files.list(root)) {
            assertTrue(entries.noneMatch(e -> e.toString().endsWith("-stray")));
        }
    }

    @Test
    void deletingALogUnderItsRollsAndFsyncsLeavesTheDirOnline() throws Exception {
        LogDir dir = dir(root);
        for (int round = 0; round < 20; round++) {
            TopicIdPartition partition = new TopicIdPartition(new Uuid(1, round), 0, "orders");
            dir.open(PID, partition, config(100, 1));
            for (int i = 0; i < 5; i++) {
                dir.append(PID, "w" + round, JournalFixture.group(batch(i, 1, 1, 0, 50)), false, 0);
            }
            dir.delete(PID, partition).join();
        }
        dir.close();
        assertFalse(dir.isOffline());
        LogDir again = dir(root);
        assertTrue(again.cleanStart());
        assertTrue(again.knownLogs().isEmpty());
        again.close();
    }

    @Test
    void aFailedWriteTakesTheDirOfflineAndReadsGoOn() throws Exception {
        LogDir dir = dir(root);
        var opened = dir.open(PID, PARTITION, config(150, Long.MAX_VALUE));
        append(dir, batch(0, 1, 1, 0, 50));
        // The next append must roll, and the name of the new segment is taken.
        Files.createDirectories(root.resolve("orders-0").resolve(Segment.fileName(1)));
        var failed = dir.append(PID, JournalFixture.WRITER, JournalFixture.group(batch(1, 1, 1, 0, 90)), false, 0);
        assertTrue(failed.isCompletedExceptionally());
        assertTrue(dir.isOffline());
        assertEquals(1, opened.reader().logEndOffset());
        assertTrue(opened.reader().read(0, 1, 1000, true).hasRemaining());
        assertThrows(IOException.class, () -> dir.open("replica-z", PARTITION, config(150, 1)));
        dir.close();
        Files.delete(root.resolve("orders-0").resolve(Segment.fileName(1)));
        LogDir again = dir(root);
        assertFalse(again.cleanStart());
        assertEquals(1, again.open(PID, PARTITION, config(150, 1)).logEndOffset());
        again.close();
    }
}

package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.LogReader;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica.AwaitData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetches of what most likely must be read from the disk. */
class OldReadsTest extends FetchFixture {
    /** A log whose records were written long ago; they stay in the file, if there is one. */
    private record Old(LogReader batches, FileChannel file, Runnable meanwhile) implements LogReader {
        static void publish(OneTopic cluster, int partition, FileChannel file, Runnable meanwhile) {
            LogView view = OneTopic.view(partition, 0, 60, 60);
            cluster.leaders[partition].publish(new LogView(
                    view.partition(),
                    view.leaderEpoch(),
                    view.logStartOffset(),
                    view.highWatermark(),
                    view.lastStableOffset(),
                    view.logEndOffset(),
                    true,
                    view.epochs(),
                    new Old(view.reader(), file, meanwhile)));
        }

        @Override
        public boolean isRecent(long startOffset) {
            return false;
        }

        @Override
        public Slice slice(
                long startOffset,
                long endOffset,
                int maxBytes,
                boolean minOneBatch,
                int mostInMemory,
                IntFunction<ByteBuffer> memory)
                throws IOException {
            meanwhile.run();
            return file == null
                    ? batches.slice(startOffset, endOffset, maxBytes, minOneBatch, mostInMemory, memory)
                    : new InFile(file, 0, OneTopic.BATCH_BYTES);
        }

        @Override
        public long logStartOffset() {
            return batches.logStartOffset();
        }

        @Override
        public long logEndOffset() {
            return batches.logEndOffset();
        }

        @Override
        public long sizeInBytes() {
            return batches.sizeInBytes();
        }

        @Override
        public List<SegmentInfo> segments() {
            return batches.segments();
        }

        @Override
        public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) throws IOException {
            return batches.read(startOffset, endOffset, maxBytes, minOneBatch);
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) throws IOException {
            return batches.offsetForTimestamp(timestampMs, endOffset);
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) throws IOException {
            return batches.firstRecord(fromOffset, endOffset);
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long endOffset) throws IOException {
            return batches.maxTimestamp(endOffset);
        }
    }

    @Test
    void readsThatMayWaitForTheDiskHoldUpNoneOfWhatWasJustWritten() throws Exception {
        Old.publish(cluster, 0, null, () -> {});
        cluster.publish(1, 0, 60, 60);
        FakeContext old = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
        FakeContext both = handle(LATEST, request(LONG_WAIT_MS, 1, at(1, 0), at(0, 0)));
        assertEquals(
                6, batches(fetch(LATEST, request(LONG_WAIT_MS, 1, at(1, 0))).get(0)));
        assertTrue(old.ends.isEmpty() && both.ends.isEmpty());
        assertEquals(2, oldReads.size());
        oldReads.poll().run();
        oldReads.poll().run();
        assertEquals(6, batches(partition(old)));
        assertEquals(6, batches(partition(both)));
    }

    @Test
    void newsAtTheEndOfAnOldLogAreNoOldReads() throws Exception {
        Old.publish(cluster, 0, null, () -> {});
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 60)));
        AwaitData await = replica0.expectMessageClass(AwaitData.class);
        cluster.publish(0, 0, 70, 70);
        await.waiter().dataMayBeThere();
        assertEquals(1, batches(partition(context)));
        assertTrue(oldReads.isEmpty());
    }

    @Test
    void theFileOfAnAnswerThatIsNotGivenIsClosed(@TempDir Path dir) throws Exception {
        Path segment = Files.write(dir.resolve("segment"), new byte[OneTopic.BATCH_BYTES]);
        try (FileChannel gone = FileChannel.open(segment);
                FileChannel tooLittle = FileChannel.open(segment)) {
            FakeContext[] context = new FakeContext[1];
            // The client goes while its records are read.
            Old.publish(cluster, 0, gone, () -> context[0].onClosed.run());
            context[0] = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
            oldReads.poll().run();
            assertEquals(FakeContext.NO_RESPONSE, context[0].end(String.class));
            oldReads.poll().run();
            assertFalse(gone.isOpen());

            Old.publish(cluster, 0, tooLittle, () -> {});
            handle(LATEST, request(LONG_WAIT_MS, 1_000, at(0, 0)));
            oldReads.poll().run();
            replica0.expectMessageClass(AwaitData.class);
            oldReads.poll().run();
            assertFalse(tooLittle.isOpen());
        }
    }
}

package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.Test;

class PartitionWorkTest {
    private final PartitionWork work = new PartitionWork(null);

    private static List<ConsumerRecord<byte[], byte[]>> records(long... offsets) {
        return LongStream.of(offsets)
                .mapToObj(o -> new ConsumerRecord<byte[], byte[]>("t", 0, o, null, new byte[1]))
                .toList();
    }

    private static List<Long> offsets(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(ConsumerRecord::offset).toList();
    }

    private long committable() {
        return work.committable().offset();
    }

    @Test
    void onlyWhatIsDoneWithoutAGapMayBeCommitted() {
        work.add(records(10, 11, 12, 13), null);
        assertEquals(List.of(10L, 11L, 12L, 13L), offsets(work.take(9)));
        assertEquals(0, work.acknowledge(12).records());
        assertNull(work.committable());
        assertEquals(1, work.acknowledge(10).records());
        assertEquals(11, committable());
        assertEquals(2, work.acknowledge(11).records());
        assertEquals(13, committable());
        assertTrue(work.isPending());
        assertEquals(1, work.acknowledgeThrough(99).records());
        assertEquals(14, committable());
        assertFalse(work.isPending());
    }

    /** Compaction and markers of transactions leave gaps, which nobody acknowledges. */
    @Test
    void gapsInOffsetsAreNoGaps() {
        work.add(records(3, 7), new OffsetAndMetadata(9));
        work.take(9);
        work.acknowledge(3);
        assertEquals(4, committable());
        work.acknowledge(7);
        assertEquals(9, committable());
    }

    @Test
    void whatWasNotTakenCannotBeDone() {
        work.add(records(0, 1), null);
        work.take(1);
        assertEquals(0, work.acknowledge(1).records());
        assertEquals(1, work.acknowledgeThrough(1).records());
        assertEquals(1, committable());
        assertEquals(List.of(1L), offsets(work.take(9)));
    }

    @Test
    void acknowledgingTwiceDoesNothing() {
        work.add(records(0, 1), null);
        work.take(9);
        work.acknowledge(1);
        work.acknowledge(1);
        assertTrue(work.isPending());
        work.acknowledge(0);
        assertFalse(work.isPending());
        assertEquals(PartitionWork.Freed.NOTHING, work.acknowledge(0));
    }

    @Test
    void afterAFailureWhatWasTakenComesAgainOneAtATimeWithoutWhatWasDone() {
        work.add(records(0, 1, 2, 3, 4), null);
        assertEquals(4, work.take(4).size());
        work.acknowledge(0);
        work.acknowledge(2);
        work.redeliver();
        assertFalse(work.isPending());
        assertEquals(List.of(1L), offsets(work.take(9)));
        assertEquals(List.of(), offsets(work.take(9)));
        work.acknowledge(1);
        assertEquals(3, committable());
        assertEquals(List.of(3L), offsets(work.take(9)));
        work.add(records(5), null);
        work.acknowledge(3);
        assertEquals(List.of(4L, 5L), offsets(work.take(9)));
    }

    @Test
    void theFirstRecordCanBeSkipped() {
        work.add(records(0, 1), null);
        work.take(9);
        work.redeliver();
        assertEquals(0, work.first().orElseThrow().offset());
        assertEquals(1, work.skipFirst().records());
        assertEquals(1, committable());
        assertEquals(List.of(1L), offsets(work.take(9)));
        work.skipFirst();
        assertFalse(work.isPending());
        assertTrue(work.first().isEmpty());
    }

    @Test
    void whatIsPutBackIsTakenAgain() {
        work.add(records(0, 1, 2), null);
        work.take(9);
        work.putBack(1);
        assertTrue(work.isPending());
        work.acknowledge(0);
        assertFalse(work.isPending());
        assertEquals(List.of(1L, 2L), offsets(work.take(9)));
    }

    @Test
    void afterASeekTheGroupMayStandThereThoughNothingWasRead() {
        assertEquals(
                42, new PartitionWork(new OffsetAndMetadata(42)).committable().offset());
    }

    /** Against a plain model: whatever happens, what may be committed is the first record not done, and room is given back exactly. */
    @Test
    void whateverTheOrderTheFirstRecordNotDoneIsWhereTheGroupStands() {
        long seed = Long.getLong("seed", 7);
        Random random = new Random(seed);
        for (int run = 0; run < 200; run++) {
            PartitionWork some = new PartitionWork(null);
            TreeSet<Long> open = new TreeSet<>();
            List<Long> taken = new ArrayList<>();
            long next = 0;
            int held = 0;
            for (int step = 0; step < 200; step++) {
                switch (random.nextInt(5)) {
                    case 0 -> {
                        next += 1 + random.nextInt(3);
                        some.add(records(next), null);
                        open.add(next);
                        held++;
                    }
                    case 1 -> taken.addAll(offsets(some.take(1 + random.nextInt(4))));
                    case 2 -> {
                        if (!taken.isEmpty()) {
                            long offset = taken.remove(random.nextInt(taken.size()));
                            open.remove(offset);
                            held -= some.acknowledge(offset).records();
                        }
                    }
                    case 3 -> {
                        if (!taken.isEmpty()) {
                            long offset = taken.get(random.nextInt(taken.size()));
                            taken.removeIf(o -> o <= offset);
                            open.headSet(offset, true).clear();
                            held -= some.acknowledgeThrough(offset).records();
                        }
                    }
                    default -> {
                        if (random.nextInt(8) == 0) {
                            some.redeliver();
                            taken.clear();
                        }
                    }
                }
                String where = "seed " + seed + ", run " + run + ", step " + step;
                assertEquals(!taken.isEmpty(), some.isPending(), where);
                assertEquals(
                        open.isEmpty() ? -1 : open.first(),
                        some.first().map(ConsumerRecord::offset).orElse(-1L),
                        where);
                long committable =
                        some.committable() == null ? 0 : some.committable().offset();
                assertTrue(open.isEmpty() || committable <= open.first(), where);
                if (open.isEmpty()) {
                    assertEquals(0, held, where);
                    assertEquals(next == 0 ? 0 : next + 1, committable, where);
                }
            }
        }
    }
}

package io.troupe.journal;

import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** What is written to the logs of one seed's life: batches of any size, of some producers and of none; few keys where a log is compacted. */
final class SeededBatches {
    private static final int KEYS = 8;

    private final Random random;
    private long written;

    SeededBatches(Random random) {
        this.random = random;
    }

    /** How many records were made so far, counting a batch without keys as one. */
    long written() {
        return written;
    }

    /** The next of a log, at its end. */
    ByteBuffer next(ExpectedLog log, boolean voter) {
        int count = voter ? 1 : 1 + random.nextInt(3);
        long producer = voter ? -1 : random.nextInt(5) - 1;
        int sequence = log.sequences.getOrDefault(producer, 0);
        int bytes = random.nextInt(15) == 0 ? random.nextInt(6_000) : random.nextInt(150);
        log.sequences.put(producer, sequence + count);
        if (voter) {
            return entry(log.end(), log.leaderEpoch, bytes);
        }
        return log.config.compacted()
                ? JournalFixture.batch(log.end(), log.leaderEpoch, codec(), producer, sequence, keyed(count, bytes))
                : JournalFixture.batch(
                        log.end(),
                        count,
                        1_000 + written++,
                        log.leaderEpoch,
                        bytes,
                        Compression.NONE,
                        producer,
                        sequence);
    }

    private ByteBuffer entry(long offset, int epoch, int bytes) {
        byte[] value = new byte[bytes];
        random.nextBytes(value);
        ByteBuffer entry = VoterEntry.batch(offset, value, 1_000 + written++);
        BatchHeader.stamp(entry, 0, offset, epoch);
        return entry;
    }

    private Compression codec() {
        return random.nextInt(4) == 0 ? Compression.lz4().build() : Compression.NONE;
    }

    /** Few keys, each of them deleted now and then. */
    private SimpleRecord[] keyed(int count, int bytes) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            byte[] value = random.nextInt(5) == 0 ? null : new byte[bytes];
            if (value != null) {
                random.nextBytes(value);
            }
            byte[] key = {(byte) ('a' + random.nextInt(KEYS))};
            records[i] = new SimpleRecord(1_000 + written++, key, value);
        }
        return records;
    }
}

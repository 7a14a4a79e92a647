package io.troupe.record;

import io.troupe.model.Refusal;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.zip.CRC32C;
import org.apache.kafka.common.protocol.Errors;

/**
 * What a partition remembers of its idempotent producers: the last five batches of each producer id, so that a repeated
 * batch is recognised and a gap is refused (KIP-98, KIP-360). Pure; owned by one thread at a time.
 *
 * <p>Bytes of a snapshot, big endian:
 *
 * <pre>
 * byte  size  field
 *    0     2  version, 1
 *    2     4  CRC-32C of byte 6 to the end
 *    6     4  producers, and for each:
 *          8  producer id
 *          2  producer epoch
 *          8  time of the last append, ms
 *          1  batches, 0 to 5, oldest first, and for each:
 *               8  last offset (inclusive)
 *               4  last offset - base offset
 *               4  last sequence (inclusive)
 *               8  timestamp, ms
 * </pre>
 */
public final class ProducerStates {
    /** Batches remembered of each producer: a client may have that many requests in flight. */
    public static final int BATCHES_KEPT = 5;

    private static final short VERSION = 1;
    private static final int SNAPSHOT_HEADER = 10;
    private static final int PRODUCER_BYTES = 19;
    private static final int BATCH_BYTES = 24;

    /** What to do with a batch. */
    public sealed interface Check {
        /** Not seen before and in order: append it, then call {@link #append}. */
        enum Fresh implements Check {
            FRESH
        }

        /** The same batch again: answer with where the original stands, under the original's acknowledgement condition. */
        record Duplicate(long baseOffset, long lastOffset, long timestampMs) implements Check {}

        record Refused(Refusal refusal) implements Check {}
    }

    private final Map<Long, Producer> producers = new HashMap<>();

    /** How many producer ids are remembered. */
    public int size() {
        return producers.size();
    }

    /**
     * Judges one batch, in Kafka's order: duplicate among the last five, then epoch, then sequence.
     *
     * @param lastSequence inclusive
     */
    public Check check(long producerId, short producerEpoch, int baseSequence, int lastSequence) {
        if (producerId == BatchHeader.NO_PRODUCER_ID || baseSequence == BatchHeader.NO_SEQUENCE) {
            return Check.Fresh.FRESH;
        }
        Producer producer = producers.get(producerId);
        if (producer == null) {
            // Its state may have expired or been deleted with old records: Kafka takes any sequence then.
            return Check.Fresh.FRESH;
        }
        if (producerEpoch == producer.epoch) {
            int duplicate = producer.find(baseSequence, lastSequence);
            if (duplicate >= 0) {
                return new Check.Duplicate(
                        producer.baseOffset(duplicate), producer.lastOffset(duplicate), producer.timestamp(duplicate));
            }
        } else if (producerEpoch < producer.epoch) {
            return refused(
                    Errors.INVALID_PRODUCER_EPOCH,
                    "producer " + producerId + " wrote with epoch " + producerEpoch + ", but its current epoch is "
                            + producer.epoch);
        }
        int expected = producerEpoch == producer.epoch ? nextSequence(producer.lastSequence()) : 0;
        if (baseSequence != expected) {
            return refused(
                    Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
                    "producer " + producerId + " at epoch " + producerEpoch + " sent sequence " + baseSequence
                            + ", but " + expected + " is next");
        }
        return Check.Fresh.FRESH;
    }

    /**
     * Records a batch that was given offsets; also the fold that recovery uses. A batch without producer id leaves no
     * trace; one without sequence (a control batch) moves only the epoch.
     */
    public void append(
            long producerId,
            short producerEpoch,
            int baseSequence,
            int lastSequence,
            long baseOffset,
            long lastOffset,
            long timestampMs) {
        if (producerId == BatchHeader.NO_PRODUCER_ID) {
            return;
        }
        Producer producer = producers.computeIfAbsent(producerId, id -> new Producer(producerEpoch));
        if (producerEpoch != producer.epoch) {
            producer.epoch = producerEpoch;
            producer.count = 0;
        }
        producer.lastAppendMs = timestampMs;
        if (baseSequence != BatchHeader.NO_SEQUENCE) {
            producer.add(baseOffset, lastOffset, lastSequence, timestampMs);
        }
    }

    /** Forgets producers that have not written for {@code expirationMs}. */
    public void expire(long nowMs, long expirationMs) {
        producers.values().removeIf(producer -> nowMs - producer.lastAppendMs >= expirationMs);
    }

    /**
     * Whether the state could not be built again without this batch: one of its producer's last five, or a control batch
     * that alone tells the producer's epoch.
     *
     * @param lastOffset the batch's, inclusive
     */
    public boolean remembers(long producerId, short producerEpoch, long lastOffset, boolean control) {
        Producer producer = producers.get(producerId);
        if (producer == null || producer.epoch != producerEpoch) {
            return false;
        }
        return control ? producer.count == 0 : producer.holds(lastOffset);
    }

    /** A second, independent state that knows the same. */
    public ProducerStates copy() {
        ProducerStates copy = new ProducerStates();
        producers.forEach((id, producer) -> copy.producers.put(id, producer.copy()));
        return copy;
    }

    /** The whole state as bytes, ready to be read. */
    public ByteBuffer snapshot() {
        int size = SNAPSHOT_HEADER;
        for (Producer producer : producers.values()) {
            size += PRODUCER_BYTES + producer.count * BATCH_BYTES;
        }
        ByteBuffer out = ByteBuffer.allocate(size);
        out.putShort(VERSION).putInt(0).putInt(producers.size());
        producers.forEach((id, producer) -> {
            out.putLong(id)
                    .putShort(producer.epoch)
                    .putLong(producer.lastAppendMs)
                    .put((byte) producer.count);
            for (int i = 0; i < producer.count; i++) {
                out.putLong(producer.lastOffset(i))
                        .putInt(producer.delta(i))
                        .putInt(producer.lastSequence(i))
                        .putLong(producer.timestamp(i));
            }
        });
        out.flip();
        out.putInt(2, crc(out));
        return out;
    }

    /**
     * Reads what {@link #snapshot} wrote.
     *
     * @throws IllegalArgumentException when the bytes are damaged or of a version that is not known: rebuild the state
     *     from the log
     */
    public static ProducerStates restore(ByteBuffer snapshot) {
        ByteBuffer in = snapshot.slice();
        if (in.remaining() < SNAPSHOT_HEADER) {
            throw new IllegalArgumentException("a producer snapshot of " + in.remaining() + " bytes is cut short");
        }
        short version = in.getShort();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "producer snapshot version " + version + ", only " + VERSION + " is known");
        }
        if (in.getInt() != crc(in.duplicate().rewind())) {
            throw new IllegalArgumentException("a producer snapshot fails its CRC");
        }
        try {
            return restoreProducers(in);
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("a producer snapshot is cut short", e);
        }
    }

    private static ProducerStates restoreProducers(ByteBuffer in) {
        ProducerStates states = new ProducerStates();
        int producers = in.getInt();
        for (int p = 0; p < producers; p++) {
            long id = in.getLong();
            Producer producer = new Producer(in.getShort());
            producer.lastAppendMs = in.getLong();
            int batches = in.get();
            if (batches < 0 || batches > BATCHES_KEPT) {
                throw new IllegalArgumentException("a producer snapshot holds " + batches + " batches of one producer");
            }
            for (int b = 0; b < batches; b++) {
                long lastOffset = in.getLong();
                int delta = in.getInt();
                producer.add(lastOffset - delta, lastOffset, in.getInt(), in.getLong());
            }
            states.producers.put(id, producer);
        }
        if (in.hasRemaining()) {
            throw new IllegalArgumentException("a producer snapshot has " + in.remaining() + " bytes too many");
        }
        return states;
    }

    private static int crc(ByteBuffer whole) {
        CRC32C crc = new CRC32C();
        crc.update(whole.duplicate().position(6));
        return (int) crc.getValue();
    }

    private static Check refused(Errors error, String message) {
        return new Check.Refused(new Refusal(error, message));
    }

    /** The sequence after this one: wraps from {@link Integer#MAX_VALUE} to 0; 0 after {@link BatchHeader#NO_SEQUENCE}. */
    private static int nextSequence(int sequence) {
        return sequence == Integer.MAX_VALUE ? 0 : sequence + 1;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("producers{");
        for (Iterator<Map.Entry<Long, Producer>> it = producers.entrySet().iterator(); it.hasNext(); ) {
            Map.Entry<Long, Producer> e = it.next();
            text.append(e.getKey()).append(":epoch=").append(e.getValue().epoch);
            text.append(",lastSequence=").append(e.getValue().lastSequence());
            text.append(it.hasNext() ? "; " : "");
        }
        return text.append('}').toString();
    }

    /** One producer: its batches as three longs each, oldest first, so that a producer of one batch costs little. */
    private static final class Producer {
        private static final int WORDS = 3;

        private short epoch;
        private int count;
        private long lastAppendMs;
        /** Per batch: last offset; timestamp; delta in the high and last sequence in the low half. */
        private long[] words = new long[WORDS];

        Producer(short epoch) {
            this.epoch = epoch;
        }

        Producer copy() {
            Producer copy = new Producer(epoch);
            copy.count = count;
            copy.lastAppendMs = lastAppendMs;
            copy.words = words.clone();
            return copy;
        }

        long lastOffset(int i) {
            return words[i * WORDS];
        }

        long timestamp(int i) {
            return words[i * WORDS + 1];
        }

        int delta(int i) {
            return (int) (words[i * WORDS + 2] >>> 32);
        }

        int lastSequence(int i) {
            return (int) words[i * WORDS + 2];
        }

        long baseOffset(int i) {
            return lastOffset(i) - delta(i);
        }

        int baseSequence(int i) {
            return (lastSequence(i) - delta(i)) & Integer.MAX_VALUE;
        }

        int lastSequence() {
            return count == 0 ? BatchHeader.NO_SEQUENCE : lastSequence(count - 1);
        }

        boolean holds(long lastOffset) {
            for (int i = 0; i < count; i++) {
                if (lastOffset(i) == lastOffset) {
                    return true;
                }
            }
            return false;
        }

        int find(int baseSequence, int lastSequence) {
            for (int i = 0; i < count; i++) {
                if (lastSequence(i) == lastSequence && baseSequence(i) == baseSequence) {
                    return i;
                }
            }
            return -1;
        }

        void add(long baseOffset, long lastOffset, int lastSequence, long timestampMs) {
            if (count == BATCHES_KEPT) {
                System.arraycopy(words, WORDS, words, 0, (BATCHES_KEPT - 1) * WORDS);
                count--;
            } else if ((count + 1) * WORDS > words.length) {
                words = java.util.Arrays.copyOf(words, (count == 1 ? 2 : BATCHES_KEPT) * WORDS);
            }
            int at = count++ * WORDS;
            words[at] = lastOffset;
            words[at + 1] = timestampMs;
            words[at + 2] = (lastOffset - baseOffset) << 32 | (lastSequence & 0xFFFF_FFFFL);
        }
    }
}

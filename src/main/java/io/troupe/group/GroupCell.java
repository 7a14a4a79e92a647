package io.troupe.group;

import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What outlives a crash of one Group actor; kept by its coordinator. The Group writes, the coordinator reads the volatile
 * fields.
 */
final class GroupCell {
    /** An append and the bytes of its records. */
    record Encoded(Effect.Append append, List<Batches.KeyValue> records, int sizeInBytes) {
        /** @throws IllegalArgumentException when a name is longer than the stored format can hold */
        static Encoded of(Effect.Append append) {
            List<Batches.KeyValue> records = new ArrayList<>();
            int bytes = 0;
            for (GroupRecord record : append.records()) {
                byte[] key = array(GroupRecords.key(record));
                ByteBuffer stored = GroupRecords.value(record);
                byte[] value = stored == null ? null : array(stored);
                records.add(new Batches.KeyValue(key, value));
                bytes += key.length + (value == null ? 0 : value.length);
            }
            return new Encoded(append, records, bytes);
        }

        private static byte[] array(ByteBuffer buffer) {
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return bytes;
        }
    }

    /** What the log acknowledged: where the group begins again. */
    volatile CommittedGroup committed;

    /** Kafka's names. */
    volatile String state;

    volatile String protocolType = "";
    volatile String groupType = ClassicGroup.TYPE;

    /** The last that happened to the group. */
    volatile GroupEvents events = GroupEvents.NONE;
    /** Whether a machine was made of it before. Only the Group's own thread. */
    boolean begun;

    /** Under way to the log; null for none. Only the Group's own thread. */
    List<Encoded> inFlight;
    /**
     * Where the batch under way ends in the log, exclusive, when the partition could not tell whether it will be committed;
     * else -1. Only the Group's own thread.
     */
    long undecidedEnd = -1;
    /** Messages of the coordinator that were handled, across restarts. Only the Group's own thread. */
    long handled;

    GroupCell(CommittedGroup committed) {
        this.committed = committed;
        GroupMetadata stored = committed.metadata();
        if (committed.consumers() != null) {
            this.state = committed.consumers().members().isEmpty() ? "Empty" : "Stable";
            this.protocolType = ClassicWords.TYPE;
            this.groupType = ConsumerGroup.TYPE;
        } else {
            this.state = (stored == null || stored.members().isEmpty()
                            ? ClassicGroup.State.EMPTY
                            : ClassicGroup.State.STABLE)
                    .text;
            if (stored != null && stored.protocolType() != null) {
                this.protocolType = stored.protocolType();
            }
        }
    }
}

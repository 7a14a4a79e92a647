package io.troupe.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/**
 * The records of one partition that were read and are not done, and how far they are done without a gap. Pure; offsets in it only rise.
 *
 * <p>Records come in by {@link #add}, are taken by {@link #take}, are done by {@link #acknowledge}. What is done at the beginning leaves at once, and {@link
 * #committable} moves behind it; what is done further on waits for those before it. {@link #redeliver} makes all that is not done be taken again.
 */
final class PartitionWork {

    /** What has left: its room is free. */
    record Freed(int records, long bytes) {
        static final Freed NOTHING = new Freed(0, 0);
    }

    private static final class Entry {
        final ConsumerRecord<byte[], byte[]> record;
        boolean done;

        Entry(ConsumerRecord<byte[], byte[]> record) {
            this.record = record;
        }
    }

    /** By offset, from {@code head} on. */
    private final ArrayList<Entry> entries = new ArrayList<>();

    private int head;
    /** Index of the first one not taken. */
    private int next;
    /** Records taken and not done. */
    private int pending;
    /** Up to this offset, inclusive, they are taken one at a time. */
    private long singlyThrough = -1;
    /** Where reading goes on behind the last record; beyond its offset plus 1 where markers of transactions follow. */
    private OffsetAndMetadata end;

    private OffsetAndMetadata committable;

    /** @param start where the group shall stand though nothing was read yet, after a seek; null if it stands where it stood */
    PartitionWork(OffsetAndMetadata start) {
        this.committable = start;
    }

    /** @param behind where reading goes on after these records; null: behind the last one */
    void add(List<ConsumerRecord<byte[], byte[]>> records, OffsetAndMetadata behind) {
        records.forEach(record -> entries.add(new Entry(record)));
        end = behind == null ? after(records.get(records.size() - 1)) : behind;
    }

    /** The next records to deliver, at most so many; none when all are taken, or one must be done before the next. */
    List<ConsumerRecord<byte[], byte[]>> take(int max) {
        List<ConsumerRecord<byte[], byte[]>> taken = new ArrayList<>(Math.min(max, entries.size() - next));
        while (next < entries.size() && taken.size() < max) {
            Entry entry = entries.get(next);
            if (!entry.done) {
                if (entry.record.offset() <= singlyThrough) {
                    if (pending > 0) {
                        break;
                    }
                    max = 1;
                }
                taken.add(entry.record);
                pending++;
            }
            next++;
        }
        return taken;
    }

    /** That the record at this offset is done, if it is here and was taken. */
    Freed acknowledge(long offset) {
        int i = find(offset);
        if (i < next && entries.get(i).record.offset() == offset) {
            finish(entries.get(i));
        }
        return trim();
    }

    /** That all records up to this offset, inclusive, are done, as far as they were taken. */
    Freed acknowledgeThrough(long offset) {
        for (int i = head; i < next && entries.get(i).record.offset() <= offset; i++) {
            finish(entries.get(i));
        }
        return trim();
    }

    private void finish(Entry entry) {
        if (!entry.done) {
            entry.done = true;
            pending--;
        }
    }

    private Freed trim() {
        int records = 0;
        long bytes = 0;
        ConsumerRecord<byte[], byte[]> last = null;
        while (head < entries.size() && entries.get(head).done) {
            last = entries.get(head).record;
            bytes += bytes(last);
            records++;
            entries.set(head, null);
            head++;
        }
        if (last == null) {
            return Freed.NOTHING;
        }
        next = Math.max(next, head);
        if (head == entries.size()) {
            entries.clear();
            next -= head;
            head = 0;
            committable = end;
        } else {
            committable = after(last);
            if (head > entries.size() / 2) {
                entries.subList(0, head).clear();
                next -= head;
                head = 0;
            }
        }
        return new Freed(records, bytes);
    }

    /** All that is not done shall be taken again; what was taken before, one at a time. */
    void redeliver() {
        if (next > head) {
            singlyThrough = Math.max(singlyThrough, entries.get(next - 1).record.offset());
        }
        next = head;
        pending = 0;
    }

    /** Whether something was taken that is not done. */
    boolean isPending() {
        return pending > 0;
    }

    /** The first record that is not done. */
    Optional<ConsumerRecord<byte[], byte[]>> first() {
        return head < entries.size() ? Optional.of(entries.get(head).record) : Optional.empty();
    }

    /** That the first record is done, taken or not. */
    Freed skipFirst() {
        Entry first = entries.get(head);
        if (head < next) {
            finish(first);
        }
        first.done = true;
        return trim();
    }

    /** That records taken from this offset on were not delivered after all. */
    void putBack(long offset) {
        int from = find(offset);
        for (int i = from; i < next; i++) {
            if (!entries.get(i).done) {
                pending--;
            }
        }
        next = from;
    }

    /** Where the group may stand; null while that is where it stood. */
    OffsetAndMetadata committable() {
        return committable;
    }

    /** The index of the first record at this offset or behind it. */
    private int find(long offset) {
        int low = head;
        int high = entries.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (entries.get(middle).record.offset() < offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private static OffsetAndMetadata after(ConsumerRecord<byte[], byte[]> record) {
        return new OffsetAndMetadata(record.offset() + 1, record.leaderEpoch(), "");
    }

    /** What a record counts. */
    static long bytes(ConsumerRecord<byte[], byte[]> record) {
        return PartitionFlow.OVERHEAD_BYTES
                + (long) Math.max(0, record.serializedKeySize())
                + Math.max(0, record.serializedValueSize());
    }
}

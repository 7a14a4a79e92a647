package io.troupe.controller;

import java.util.List;
import org.apache.kafka.common.Uuid;

/** What a controller and the metadata voters say to each other (SAFETY 2). Each message may be lost, repeated or late. */
final class Quorum {
    /** Bytes of entries, or of a snapshot, in one message, unless a single entry is larger. */
    static final int MAX_BATCH_BYTES = 256 * 1024;

    /** One place in the metadata log. */
    record Entry(Epoch epoch, byte[] value) {}

    /**
     * Where a log begins: the encoded image with everything committed up to {@code index}.
     *
     * @param epoch of the entry at {@code index}
     */
    record Base(long index, Epoch epoch, byte[] image) {
        /** Of a log that has all its entries. */
        static final Base START = new Base(-1, Epoch.NONE, new byte[0]);
    }

    sealed interface Request {
        Epoch epoch();
    }

    /** 2.1: promise to follow nobody below {@code epoch}. Answered with Promised or Rejected. */
    record Claim(Epoch epoch) implements Request {}

    /**
     * 2.2: entries from an index on, for adoption. Answered with LogSlice, or with SnapshotSlice when the log begins later, or Rejected.
     *
     * @param snapshotOffset bytes of the snapshot that the reader has
     */
    record ReadLog(Epoch epoch, long fromIndex, int snapshotOffset) implements Request {}

    /**
     * 2.3: entries to hold at {@code prevIndex + 1} and after. Answered with Acked, Mismatched or Rejected.
     *
     * @param sequence numbers the sends of one controller; the answer repeats it
     * @param commitIndex what the controller knows to be committed
     */
    record Append(Epoch epoch, long sequence, long prevIndex, Epoch prevEpoch, List<Entry> entries, long commitIndex)
            implements Request {}

    /** 2.7: a piece of a snapshot for a voter that lacks entries which its controller has no more. Answered with SnapshotTaken, the last with Acked. */
    record InstallSnapshot(
            Epoch epoch, long sequence, long baseIndex, Epoch baseEpoch, int offset, int total, byte[] bytes)
            implements Request {}

    sealed interface Reply extends RemoteMessage {
        int voter();
    }

    /**
     * @param disk the voter's disk; an emptied one has another id
     * @param admitted whether the voter knows that a committed event lets this disk vote (2.9)
     * @param clusterId of its log, null while that is empty
     */
    record Promised(
            int voter, Epoch epoch, Epoch lastEpoch, long lastIndex, Uuid disk, boolean admitted, String clusterId)
            implements Reply {}

    /** @param promised what the voter has promised instead */
    record Rejected(int voter, Epoch refused, Epoch promised) implements Reply {}

    /** @param lastIndex the voter's last, so that the reader knows when it has all */
    record LogSlice(int voter, Epoch epoch, long fromIndex, List<Entry> entries, long lastIndex) implements Reply {}

    /** @param total bytes of the whole snapshot */
    record SnapshotSlice(int voter, Epoch epoch, long baseIndex, Epoch baseEpoch, int offset, int total, byte[] bytes)
            implements Reply {}

    /** @param matchedIndex up to here the voter durably holds what the controller holds */
    record Acked(int voter, Epoch epoch, long sequence, long matchedIndex, Uuid disk) implements Reply {}

    /** The voter has nothing, or something else, at {@code prevIndex}. */
    record Mismatched(int voter, Epoch epoch, long sequence, long prevIndex, long lastIndex, Uuid disk)
            implements Reply {}

    /** @param nextOffset bytes that the voter has of the snapshot at {@code baseIndex} */
    record SnapshotTaken(int voter, Epoch epoch, long sequence, long baseIndex, int nextOffset, Uuid disk)
            implements Reply {}

    private Quorum() {}

    /** The longest run of entries from {@code from} on that one message may carry; at least one when there is one. */
    static List<Entry> batch(List<Entry> log, int from) {
        int end = from;
        long bytes = 0;
        while (end < log.size()) {
            bytes += log.get(end).value().length + 16L;
            if (end > from && bytes > MAX_BATCH_BYTES) {
                break;
            }
            end++;
        }
        return List.copyOf(log.subList(from, end));
    }

    /** One message's piece of a snapshot. */
    static byte[] piece(byte[] snapshot, int offset) {
        int from = Math.max(0, Math.min(offset, snapshot.length));
        return java.util.Arrays.copyOfRange(snapshot, from, Math.min(snapshot.length, from + MAX_BATCH_BYTES));
    }
}

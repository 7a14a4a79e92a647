package io.troupe.controller;

import java.util.List;

/** What a controller and the metadata voters say to each other (SAFETY 2). Each message may be lost, repeated or late. */
final class Quorum {
    /** Bytes of entries in one message, unless a single entry is larger. */
    static final int MAX_BATCH_BYTES = 256 * 1024;

    /** One place in the metadata log. */
    record Entry(Epoch epoch, byte[] value) {}

    sealed interface Request {
        Epoch epoch();
    }

    /** 2.1: promise to follow nobody below {@code epoch}. Answered with Promised or Rejected. */
    record Claim(Epoch epoch) implements Request {}

    /** 2.2: entries from an index on, for adoption. Answered with LogSlice or Rejected. */
    record ReadLog(Epoch epoch, long fromIndex) implements Request {}

    /**
     * 2.3: entries to hold at {@code prevIndex + 1} and after. Answered with Acked, Mismatched or Rejected.
     *
     * @param sequence numbers the sends of one controller; the answer repeats it
     * @param commitIndex what the controller knows to be committed
     */
    record Append(Epoch epoch, long sequence, long prevIndex, Epoch prevEpoch, List<Entry> entries, long commitIndex)
            implements Request {}

    sealed interface Reply extends RemoteMessage {
        int voter();
    }

    record Promised(int voter, Epoch epoch, Epoch lastEpoch, long lastIndex) implements Reply {}

    /** @param promised what the voter has promised instead */
    record Rejected(int voter, Epoch refused, Epoch promised) implements Reply {}

    /** @param lastIndex the voter's last, so that the reader knows when it has all */
    record LogSlice(int voter, Epoch epoch, long fromIndex, List<Entry> entries, long lastIndex) implements Reply {}

    /** @param matchedIndex up to here the voter durably holds what the controller holds */
    record Acked(int voter, Epoch epoch, long sequence, long matchedIndex) implements Reply {}

    /** The voter has nothing, or something else, at {@code prevIndex}. */
    record Mismatched(int voter, Epoch epoch, long sequence, long prevIndex, long lastIndex) implements Reply {}

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
}

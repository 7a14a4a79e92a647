package io.troupe.partition;

import io.troupe.partition.LinkMessage.Item;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What a leader's end has for a follower's end, made into messages of bounded size; knows how much of it is on its way. Owned by one
 * {@link LeaderLinkCore}.
 */
final class LinkOutbox {
    /** Record bytes in one message, at most. */
    static final int MESSAGE_BYTES = 1 << 20;
    /** Messages on their way, at most: the transport drops what its queue does not hold, 256. */
    private static final int MAX_UNHEARD = 128;
    /** Items without records in one message, at most. */
    private static final int MAX_ITEMS = 5_000;

    /**
     * Batches, or one piece of a batch, of which it is said only when they are sent how far the partition is by then.
     *
     * @param totalBytes of the batch that this is a piece of
     * @param at where the piece begins
     */
    record Data(PartitionKey partition, int leaderEpoch, long offset, int totalBytes, int at, List<ByteBuffer> bytes) {
        int size() {
            int size = 0;
            for (ByteBuffer buffer : bytes) {
                size += buffer.remaining();
            }
            return size;
        }
    }

    /** Items, or {@link Data} that become items. */
    private final ArrayDeque<Object> waiting = new ArrayDeque<>();

    private long sentMessages;
    private long heardMessages;
    private long sentBytes;
    private long takenBytes;

    /** As at the beginning of a session. */
    void clear() {
        waiting.clear();
        sentMessages = 0;
        heardMessages = 0;
        sentBytes = 0;
        takenBytes = 0;
    }

    /** The follower's end tells what it has of all that was sent in the session. */
    void heard(long messages, long bytes) {
        heardMessages = Math.max(heardMessages, messages);
        takenBytes = Math.max(takenBytes, bytes);
    }

    void add(Item item) {
        waiting.add(item);
    }

    void add(Data data) {
        waiting.add(data);
        sentBytes += data.size();
    }

    /** Bytes that were added and that the follower's end has not taken. */
    long inFlight() {
        return sentBytes - takenBytes;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Whether one more message may be sent. */
    boolean hasRoom() {
        return sentMessages - heardMessages < MAX_UNHEARD;
    }

    /** The number of the next message, which is on its way from now on. */
    long nextNumber() {
        return sentMessages++;
    }

    /**
     * Makes messages of what waits, as many as may be sent.
     *
     * @param complete makes an item of data; null for what nobody is to be told any more
     */
    void flush(Function<Data, Item> complete, Consumer<List<Item>> send) {
        while (!waiting.isEmpty() && hasRoom()) {
            List<Item> items = new ArrayList<>();
            int size = 0;
            while (!waiting.isEmpty() && items.size() < MAX_ITEMS) {
                Object next = waiting.peek();
                int more = next instanceof Data data ? data.size() : 0;
                if (size > 0 && size + more > MESSAGE_BYTES) {
                    break;
                }
                waiting.poll();
                Item item = next instanceof Data data ? complete.apply(data) : (Item) next;
                if (item == null) {
                    sentBytes -= more;
                } else {
                    items.add(item);
                    size += more;
                }
            }
            if (!items.isEmpty()) {
                send.accept(items);
            }
        }
    }
}

package io.troupe.journal;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Indexes of closed segments that were looked up lately, at most {@link #MAX_BYTES} of them. Safe from any thread. */
final class IndexCache {
    static final int MAX_BYTES = 8 << 20;

    // In order of last use.
    private final LinkedHashMap<Segment, SparseIndex> indexes = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    synchronized SparseIndex get(Segment segment) {
        return indexes.get(segment);
    }

    synchronized void put(Segment segment, SparseIndex index) {
        remove(segment);
        indexes.put(segment, index);
        bytes += index.sizeInBytes();
        Iterator<Map.Entry<Segment, SparseIndex>> oldest = indexes.entrySet().iterator();
        while ((bytes > MAX_BYTES || indexes.size() > MAX_BYTES / 1024) && indexes.size() > 1) {
            bytes -= oldest.next().getValue().sizeInBytes();
            oldest.remove();
        }
    }

    synchronized void remove(Segment segment) {
        SparseIndex old = indexes.remove(segment);
        if (old != null) {
            bytes -= old.sizeInBytes();
        }
    }
}

package io.troupe.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.function.IntFunction;

/**
 * Direct memory that records are read into and sent from: the kernel fills it and empties it, where a heap buffer would be
 * zeroed first and copied through a direct one both times. Lent for one answer and taken back when that has left, so the
 * memory is made once. Safe from any thread.
 *
 * <p>What is lent out is bounded by whoever reads (fetches share a part of the heap, and a buffer is at most twice what was
 * asked for); what is kept for the next answer, by {@code mostKeptBytes}.
 */
public final class AnswerBuffers {
    /** Smaller answers leave gathered with their headers, which pays more. */
    static final int LEAST_BYTES = 64 << 10;

    static final int MOST_BYTES = 4 << 20;

    private final long mostKeptBytes;

    /** Of each power of two from the least to the most. */
    private final ArrayDeque<ByteBuffer>[] kept;

    private long keptBytes;

    @SuppressWarnings({"unchecked", "rawtypes"})
    public AnswerBuffers(long mostKeptBytes) {
        this.mostKeptBytes = mostKeptBytes;
        this.kept = new ArrayDeque[sizeClass(MOST_BYTES) + 1];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = new ArrayDeque<>();
        }
    }

    /**
     * The memory of one read, which may ask again when it has to begin anew. What does not become an answer's records
     * goes back at the close. For one thread.
     */
    public final class Loan implements IntFunction<ByteBuffer>, AutoCloseable {
        private ByteBuffer last;

        /** A buffer from 0 to {@code bytes}: lent when {@linkplain ByteBuffer#isDirect direct}, else of the heap. */
        @Override
        public ByteBuffer apply(int bytes) {
            close();
            last = take(bytes);
            return last;
        }

        /** What was read into the buffer given last, a direct one. */
        LentBatches records() {
            LentBatches records = new LentBatches(last, AnswerBuffers.this);
            last = null;
            return records;
        }

        @Override
        public void close() {
            if (last != null && last.isDirect()) {
                giveBack(last);
            }
            last = null;
        }
    }

    public Loan loan() {
        return new Loan();
    }

    private ByteBuffer take(int bytes) {
        if (bytes < LEAST_BYTES || bytes > MOST_BYTES) {
            return ByteBuffer.allocate(bytes);
        }
        int sizeClass = sizeClass(bytes);
        ByteBuffer buffer;
        synchronized (this) {
            // The last one used most likely still is in the processor's cache.
            buffer = kept[sizeClass].pollLast();
            if (buffer != null) {
                keptBytes -= buffer.capacity();
            }
        }
        if (buffer == null) {
            try {
                buffer = ByteBuffer.allocateDirect(LEAST_BYTES << sizeClass);
            } catch (OutOfMemoryError e) {
                // Of direct memory only: the heap has its own bound.
                return ByteBuffer.allocate(bytes);
            }
        }
        return buffer.clear().limit(bytes);
    }

    /** Once for each buffer lent, when nobody reads it any more. */
    void giveBack(ByteBuffer lent) {
        synchronized (this) {
            if (keptBytes + lent.capacity() <= mostKeptBytes) {
                keptBytes += lent.capacity();
                kept[sizeClass(lent.capacity())].addLast(lent);
            }
        }
    }

    synchronized long keptBytes() {
        return keptBytes;
    }

    private static int sizeClass(int bytes) {
        return 32 - Integer.numberOfLeadingZeros((bytes - 1) / LEAST_BYTES);
    }
}

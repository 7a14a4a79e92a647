package io.troupe.journal;

import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.zip.CRC32C;

/**
 * Walks the batch headers of a piece of a segment file through a small window; the records themselves are skipped unless
 * a CRC or the batch is asked for. No byte is read twice. For one thread. It ends at the end of the piece or at the first thing that is no whole
 * batch; {@link #problem} tells which.
 */
final class BatchCursor {
    /** For looking up one batch near an index entry. */
    static final int LOOKUP_WINDOW = 8 * 1024;
    /** For walking the headers of whole segments. */
    static final int SCAN_WINDOW = 64 * 1024;
    /** For reading whole segments. */
    static final int READ_WINDOW = 256 * 1024;

    private static final int MAX_READ = 256 * 1024;

    private final FileChannel channel;
    private final long end;
    private ByteBuffer window;
    // For what does not fit the window; made when first needed.
    private ByteBuffer piece;
    private long windowStart;
    private long next;
    private long position;
    private int at;
    private int size;
    private String problem;

    /** @param end exclusive */
    BatchCursor(FileChannel channel, long start, long end, int windowBytes) {
        this.channel = channel;
        this.end = end;
        this.window = ByteBuffer.allocate((int) Math.max(BatchHeader.SIZE, Math.min(windowBytes, end - start)));
        this.window.limit(0);
        this.windowStart = start;
        this.next = start;
    }

    /** Steps to the next batch; false when there is none. */
    boolean next() throws IOException {
        position = next;
        size = 0;
        if (next >= end) {
            return false;
        }
        if (end - next < BatchHeader.SIZE) {
            problem = "only " + (end - next) + " bytes of a batch header";
            return false;
        }
        if (!hold(BatchHeader.SIZE)) {
            problem = "the file ends inside a batch header";
            return false;
        }
        int length = window.getInt(at + 8);
        if (length < BatchHeader.SIZE - BatchHeader.LOG_OVERHEAD) {
            problem = "batch length " + length + " is too small";
            return false;
        }
        if (length > end - next - BatchHeader.LOG_OVERHEAD) {
            problem = "batch length " + length + " goes beyond the end of the file";
            return false;
        }
        if (BatchHeader.magic(window, at) != BatchHeader.MAGIC_V2) {
            problem = "batch format " + BatchHeader.magic(window, at) + " is not 2";
            return false;
        }
        if (BatchHeader.lastOffsetDelta(window, at) < 0 || BatchHeader.baseOffset(window, at) < 0) {
            problem = "batch offsets are negative";
            return false;
        }
        size = length + BatchHeader.LOG_OVERHEAD;
        next += size;
        return true;
    }

    /** Why the walk ended early; null when it ended at the end of the piece. */
    String problem() {
        return problem;
    }

    /** Where the current batch begins; after the walk, where its last whole batch ended. */
    long position() {
        return position;
    }

    int size() {
        return size;
    }

    /** Holds at least the current batch's header at {@link #at}, until the next step. */
    ByteBuffer buffer() {
        return window;
    }

    int at() {
        return at;
    }

    long baseOffset() {
        return BatchHeader.baseOffset(window, at);
    }

    /** Exclusive. */
    long endOffset() {
        return BatchHeader.lastOffset(window, at) + 1;
    }

    /** Of the records that are in the batch; {@link Long#MIN_VALUE} for none. */
    long maxTimestamp() {
        return BatchHeader.maxRecordTimestamp(window, at);
    }

    /** Reads the whole batch and compares its CRC; one that is larger than the window goes through it piece by piece. */
    boolean crcMatches() throws IOException {
        if (size <= window.capacity()) {
            return hold(size) && BatchHeader.computeCrc(window, at) == BatchHeader.crc(window, at);
        }
        int expected = BatchHeader.crc(window, at);
        CRC32C crc = new CRC32C();
        crc.update(window.slice(at + BatchHeader.CRC_FROM, window.limit() - at - BatchHeader.CRC_FROM));
        piece = piece == null ? ByteBuffer.allocate(MAX_READ) : piece;
        long stop = position + size;
        for (long from = windowStart + window.limit(); from < stop; from += piece.limit()) {
            piece.clear().limit((int) Math.min(piece.capacity(), stop - from));
            readFully(channel, piece, from);
            if (piece.hasRemaining()) {
                return false;
            }
            crc.update(piece.flip());
        }
        return (int) crc.getValue() == expected;
    }

    /** A view of the whole batch, valid until the next step. */
    ByteBuffer batch() throws IOException {
        if (!hold(size)) {
            throw new IOException("the file ends inside a batch at position " + position);
        }
        return window.slice(at, size);
    }

    private boolean hold(int bytes) throws IOException {
        if (position >= windowStart && position + bytes <= windowStart + window.limit()) {
            at = (int) (position - windowStart);
            return true;
        }
        ByteBuffer before = window;
        long skipped = position - windowStart;
        if (skipped >= 0 && skipped < before.limit()) {
            before.position((int) skipped);
        } else {
            before.position(before.limit());
        }
        if (bytes > window.capacity()) {
            window = ByteBuffer.allocate(bytes).put(before);
        } else {
            window.compact();
        }
        int kept = window.position();
        window.limit((int) Math.min(window.capacity(), end - position));
        windowStart = position;
        at = 0;
        readFully(channel, window, position + kept);
        window.flip();
        return window.limit() >= bytes;
    }

    /** Fills {@code into} from {@code position}, or up to the end of the file. */
    static void readFully(FileChannel channel, ByteBuffer into, long position) throws IOException {
        long from = position;
        while (into.hasRemaining()) {
            // For a heap buffer the JDK caches a direct one of the size asked for per thread: pieces keep that small.
            int bytes = into.isDirect() ? into.remaining() : Math.min(MAX_READ, into.remaining());
            int n = channel.read(into.slice(into.position(), bytes), from);
            if (n < 0) {
                break;
            }
            into.position(into.position() + n);
            from += n;
        }
    }
}

package io.troupe.protocol;

import java.nio.ByteBuffer;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.InvalidReceiveException;

/**
 * Bytes of frames under way over all connections of a broker: from the moment a frame's size is known until its request
 * is answered. When there is no room, Selectors stop reading those connections that would need more, and go on when
 * bytes were given back. Any thread.
 *
 * <pre>
 * frame    begins while
 * large    anything of the limit is left, and it is the only large one or all of them fit in half the limit
 * other    anything of the limit is left, or all but the large ones have less than half of it
 * small    the same, or small ones have less than an eighth of it: heartbeats must not wait for stalled producers
 * </pre>
 *
 * <p>So a frame larger than the limit still has its turn, and neither slow senders of large frames nor a crowd of others
 * keep anybody out. At most in use: half the limit or one large frame, with half the limit, an eighth and one other.
 */
final class InFlightBytes implements MemoryPool {
    static final int SMALL_FRAME_BYTES = 64 << 10;
    /** Larger frames are large ones. */
    static final int OTHER_FRAME_BYTES = 4 << 20;

    private final long limit;
    private final Runnable roomAgain;

    // Guarded by this, as are the next three.
    private long used;
    private long largeUsed;
    private long smallUsed;
    private boolean largeWaits;

    private volatile boolean refused;

    /**
     * @param limit 0 or less for none
     * @param roomAgain called after a refusal once bytes were given back; wakes the network threads
     */
    InFlightBytes(long limit, Runnable roomAgain) {
        this.limit = limit <= 0 ? Long.MAX_VALUE : limit;
        this.roomAgain = roomAgain;
    }

    @Override
    public ByteBuffer tryAllocate(int sizeBytes) {
        if (!take(sizeBytes)) {
            refused = true;
            // Bytes given back between the two lines above must not be missed: nobody would wake us.
            if (!take(sizeBytes)) {
                return null;
            }
        }
        return allocate(sizeBytes);
    }

    private synchronized boolean take(int sizeBytes) {
        boolean large = sizeBytes > OTHER_FRAME_BYTES;
        boolean small = sizeBytes <= SMALL_FRAME_BYTES;
        boolean room = used < limit;
        if (large) {
            room &= largeUsed == 0 || largeUsed + sizeBytes <= limit / 2;
            largeWaits = !room;
        } else {
            room |= used - largeUsed < limit / 2 || (small && smallUsed < limit / 8);
        }
        if (room) {
            used += sizeBytes;
            largeUsed += large ? sizeBytes : 0;
            smallUsed += small ? sizeBytes : 0;
        }
        return room;
    }

    private ByteBuffer allocate(int sizeBytes) {
        try {
            return ByteBuffer.allocate(sizeBytes);
        } catch (OutOfMemoryError e) {
            release(sizeBytes);
            // An exception closes the one connection; the error would reach the network thread of many.
            throw new InvalidReceiveException("no memory for a frame of " + sizeBytes + " bytes");
        }
    }

    /** The Selector gives back a frame that it never completed. */
    @Override
    public void release(ByteBuffer frame) {
        release(frame.capacity());
    }

    void release(int sizeBytes) {
        synchronized (this) {
            used -= sizeBytes;
            largeUsed -= sizeBytes > OTHER_FRAME_BYTES ? sizeBytes : 0;
            smallUsed -= sizeBytes <= SMALL_FRAME_BYTES ? sizeBytes : 0;
        }
        if (refused) {
            refused = false;
            roomAgain.run();
        }
    }

    @Override
    public long size() {
        return limit;
    }

    @Override
    public synchronized long availableMemory() {
        return Math.max(0, limit - used);
    }

    /** Whether a frame was refused and nothing given back since; then the Selector tries it again. */
    @Override
    public boolean isOutOfMemory() {
        return refused;
    }

    /** Whether frames wait for others to be answered. */
    synchronized boolean scarce() {
        return used >= limit || largeWaits;
    }

    synchronized long used() {
        return used;
    }
}

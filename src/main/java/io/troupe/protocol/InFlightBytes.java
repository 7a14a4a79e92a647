package io.troupe.protocol;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.InvalidReceiveException;

/**
 * Bytes of frames under way over all connections of a broker: from the moment a frame's size is known until its request
 * is answered. When the limit is reached, Selectors stop reading those connections that would need more, and go on when
 * there is room again. A frame larger than what is left may still begin while anything is left, so that large frames
 * never starve: the overshoot is at most one frame. When large frames have taken all, small ones go on while they
 * have less than an eighth of it together: heartbeats must not wait for stalled producers. Any thread.
 */
final class InFlightBytes implements MemoryPool {
    static final int SMALL_FRAME_BYTES = 64 << 10;

    private final long limit;
    private final long smallFramesLimit;
    private final AtomicLong used = new AtomicLong();

    /** The part of {@code used} that small frames have. */
    private final AtomicLong smallUsed = new AtomicLong();

    private volatile boolean refused;
    private final Runnable roomAgain;

    /**
     * @param limit 0 or less for none
     * @param roomAgain called after a refusal once bytes were given back; wakes the network threads
     */
    InFlightBytes(long limit, Runnable roomAgain) {
        this.limit = limit <= 0 ? Long.MAX_VALUE : limit;
        this.smallFramesLimit = limit <= 0 ? Long.MAX_VALUE : limit / 8;
        this.roomAgain = roomAgain;
    }

    @Override
    public ByteBuffer tryAllocate(int sizeBytes) {
        boolean small = sizeBytes <= SMALL_FRAME_BYTES;
        while (true) {
            long now = used.get();
            if (now >= limit && !(small && smallUsed.get() < smallFramesLimit)) {
                refused = true;
                // Bytes given back between the two lines above must not be missed: nobody would wake us.
                if (used.get() >= limit) {
                    return null;
                }
            } else if (used.compareAndSet(now, now + sizeBytes)) {
                if (small) {
                    smallUsed.addAndGet(sizeBytes);
                }
                return allocate(sizeBytes);
            }
        }
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
        if (sizeBytes <= SMALL_FRAME_BYTES) {
            smallUsed.addAndGet(-sizeBytes);
        }
        if (used.addAndGet(-sizeBytes) < limit && refused) {
            refused = false;
            roomAgain.run();
        }
    }

    @Override
    public long size() {
        return limit;
    }

    @Override
    public long availableMemory() {
        return Math.max(0, limit - used.get());
    }

    @Override
    public boolean isOutOfMemory() {
        return used.get() >= limit;
    }

    long used() {
        return used.get();
    }
}

package io.troupe.record;

import java.nio.ByteBuffer;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/**
 * Where a codec writes: a buffer of a size fixed beforehand, and behind its end a counter. So what does not fit costs no
 * memory and tells how large a second try must be. One thread.
 */
final class PackedBytes extends ByteBufferOutputStream {
    private final ByteBuffer buffer;
    private long size;

    /** @param buffer written from its position to its limit */
    PackedBytes(ByteBuffer buffer) {
        super(buffer);
        this.buffer = buffer;
    }

    /** Bytes written, those that did not fit included. */
    long size() {
        return size;
    }

    @Override
    public void write(int b) {
        size++;
        if (buffer.hasRemaining()) {
            buffer.put((byte) b);
        }
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        size += length;
        buffer.put(bytes, offset, Math.min(length, buffer.remaining()));
    }

    @Override
    public void write(ByteBuffer bytes) {
        int length = bytes.remaining();
        size += length;
        int fits = Math.min(length, buffer.remaining());
        buffer.put(bytes.slice(bytes.position(), fits));
        bytes.position(bytes.position() + length);
    }
}

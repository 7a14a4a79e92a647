package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * The way bytes take to a file: one direct buffer per log dir through which groups of buffers are gathered. The JDK's own
 * gathering write would allocate and cache direct memory of the size of whatever is written; this stays at
 * {@link #CAPACITY}. One write at a time; others wait.
 */
final class WriteBuffer {
    static final int CAPACITY = 256 * 1024;

    private final ByteBuffer staging = ByteBuffer.allocateDirect(CAPACITY);

    /** Writes all that remains in the buffers, in order, from {@code position} on. */
    synchronized void write(FileChannel channel, long position, ByteBuffer[] buffers) throws IOException {
        long at = position;
        staging.clear();
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                if (!staging.hasRemaining()) {
                    at += drain(channel, at);
                }
                int n = Math.min(staging.remaining(), buffer.remaining());
                staging.put(staging.position(), buffer, buffer.position(), n);
                staging.position(staging.position() + n);
                buffer.position(buffer.position() + n);
            }
        }
        drain(channel, at);
    }

    private int drain(FileChannel channel, long position) throws IOException {
        staging.flip();
        int bytes = staging.remaining();
        long at = position;
        while (staging.hasRemaining()) {
            at += channel.write(staging, at);
        }
        staging.clear();
        return bytes;
    }
}

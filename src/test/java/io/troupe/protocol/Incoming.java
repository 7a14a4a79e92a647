package io.troupe.protocol;

import java.nio.ByteBuffer;
import java.nio.channels.ScatteringByteChannel;

/** What a peer sends next, as a socket from which one buffer at a time is read. */
record Incoming(ByteBuffer bytes) implements ScatteringByteChannel {
    @Override
    public int read(ByteBuffer into) {
        int count = Math.min(into.remaining(), bytes.remaining());
        into.put(bytes.slice(bytes.position(), count));
        bytes.position(bytes.position() + count);
        return count;
    }

    @Override
    public long read(ByteBuffer[] into) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}

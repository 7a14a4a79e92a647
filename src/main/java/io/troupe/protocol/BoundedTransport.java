package io.troupe.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.util.Map;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.network.PlaintextChannelBuilder;
import org.apache.kafka.common.network.PlaintextTransportLayer;

/**
 * A plaintext socket that is read and written in pieces. The JDK copies a heap buffer through a direct one as large as all
 * that remains of it, which each network thread then keeps: a few peers that announce the largest frame would use up the
 * direct memory, and a read that fails for that would fail for ever. Owned by one network thread.
 */
final class BoundedTransport extends PlaintextTransportLayer {
    static final int PIECE_BYTES = 256 << 10;

    /** After so much another connection has its turn. */
    private static final int TURN_BYTES = 1 << 20;

    BoundedTransport(SelectionKey key) {
        super(key);
    }

    static PlaintextChannelBuilder channels(ListenerName listener, Map<String, ?> configs) {
        PlaintextChannelBuilder builder = new PlaintextChannelBuilder(listener) {
            @Override
            protected PlaintextTransportLayer buildTransportLayer(SelectionKey key) {
                return new BoundedTransport(key);
            }
        };
        builder.configure(configs);
        return builder;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        int limit = target.limit();
        int total = 0;
        try {
            while (true) {
                int piece = Math.min(PIECE_BYTES, limit - target.position());
                target.limit(target.position() + piece);
                int read = super.read(target);
                if (read < 0) {
                    return total > 0 ? total : read;
                }
                total += read;
                if (read < piece || target.position() == limit || total >= TURN_BYTES) {
                    return total;
                }
            }
        } finally {
            target.limit(limit);
        }
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return (int) write(new ByteBuffer[] {source}, 0, 1);
    }

    @Override
    public long write(ByteBuffer[] sources) throws IOException {
        return write(sources, 0, sources.length);
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        long total = 0;
        while (total < TURN_BYTES) {
            int room = PIECE_BYTES;
            int end = offset;
            ByteBuffer cut = null;
            int limit = 0;
            while (end < offset + length && room > 0) {
                ByteBuffer source = sources[end++];
                if (source.remaining() > room) {
                    cut = source;
                    limit = source.limit();
                    source.limit(source.position() + room);
                    room = 0;
                } else {
                    room -= source.remaining();
                }
            }
            int piece = PIECE_BYTES - room;
            if (piece == 0) {
                break;
            }
            long written;
            try {
                written = super.write(sources, offset, end - offset);
            } finally {
                if (cut != null) {
                    cut.limit(limit);
                }
            }
            total += written;
            if (written < piece) {
                break;
            }
        }
        return total;
    }
}

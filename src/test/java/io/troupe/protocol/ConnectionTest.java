package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.NetworkReceive;
import org.junit.jupiter.api.Test;

class ConnectionTest {
    private static final long SECOND = 1_000_000_000;

    private final Connection connection = new Connection(
            "c", TestServer.listener(0), InetAddress.getLoopbackAddress(), null, TestServer.MAX_CONNECTION_BYTES);
    private final NetworkReceive frame = new NetworkReceive(Integer.MAX_VALUE, "c", MemoryPool.NONE);

    private void comes(ByteBuffer bytes) throws IOException {
        frame.readFrom(new Incoming(bytes));
    }

    private long stalledAt(long nanos) {
        return connection.stalledNanos(frame, nanos);
    }

    @Test
    void aFrameIsOwedForAsLongAsNextToNothingOfItComes() throws IOException {
        comes(ByteBuffer.allocate(8).putInt(1 << 20).putInt(1).flip());
        for (int i = 0; i < 4; i++) {
            assertEquals(i * SECOND, stalledAt(7 + i * SECOND));
        }
        comes(ByteBuffer.allocate(1_000));
        assertEquals(4 * SECOND, stalledAt(7 + 4 * SECOND));
        comes(ByteBuffer.allocate(100_000));
        assertEquals(0, stalledAt(7 + 5 * SECOND));
        assertEquals(SECOND, stalledAt(7 + 6 * SECOND));
    }

    /** Of a network thread, or a whole machine: what came meanwhile it has not read yet. */
    @Test
    void aPauseIsNobodysFaultButOurs() throws IOException {
        comes(ByteBuffer.allocate(8).putInt(1 << 20).putInt(1).flip());
        assertEquals(0, stalledAt(0));
        assertEquals(SECOND, stalledAt(SECOND));
        assertEquals(SECOND, stalledAt(9 * SECOND));
        assertEquals(2 * SECOND, stalledAt(10 * SECOND));
    }
}

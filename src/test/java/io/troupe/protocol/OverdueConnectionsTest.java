package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.NetworkConfig;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.ScatteringByteChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.NetworkReceive;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code connections.max.idle.ms}; for frames that stand still see {@link ConnectionTest} and {@link BackPressureTest}. */
@Timeout(600)
class OverdueConnectionsTest {
    private static final long SECOND = 1_000_000_000;
    private static final int MAX_IDLE_S = 600;

    private final Map<Connection, NetworkReceive> reading = new HashMap<>();
    private final OverdueConnections overdue =
            new OverdueConnections(new InFlightBytes(1 << 20, () -> {}), MAX_IDLE_S * 1000L, 0, reading::get);
    private final List<Connection> open = new ArrayList<>();

    private Connection opened() {
        Connection connection = new Connection(
                "c", TestServer.listener(0), InetAddress.getLoopbackAddress(), null, TestServer.MAX_CONNECTION_BYTES);
        open.add(connection);
        return connection;
    }

    private void at(long second) {
        overdue.close(List.copyOf(open), second * SECOND, (connection, trouble) -> open.remove(connection));
    }

    @Test
    void whatIsUsedStaysAndWhatIsNotGoes() {
        Connection used = opened();
        opened();
        for (int second = 0; second < MAX_IDLE_S; second++) {
            at(second);
        }
        assertEquals(2, open.size());
        used.active((MAX_IDLE_S - 1) * SECOND);
        at(MAX_IDLE_S + 5);
        assertEquals(List.of(used), open);
        at(2 * MAX_IDLE_S + 10);
        assertEquals(List.of(), open);
    }

    /** A large frame on a slow line, and one that does not go on. */
    @Test
    void aFrameThatGrowsIsUse() throws IOException {
        Connection slow = opened();
        Connection stuck = opened();
        NetworkReceive growing = frame(slow);
        frame(stuck);
        for (int second = 0; second < 2 * MAX_IDLE_S; second += 100) {
            comes(growing, 1);
            at(second);
        }
        assertEquals(List.of(slow), open);
    }

    private NetworkReceive frame(Connection connection) throws IOException {
        NetworkReceive frame = new NetworkReceive(Integer.MAX_VALUE, "c", MemoryPool.NONE);
        reading.put(connection, frame);
        comes(frame, 8);
        return frame;
    }

    /** So many bytes more of a frame of 16 MiB. */
    private static void comes(NetworkReceive frame, int count) throws IOException {
        byte[] bytes = new byte[count];
        if (frame.bytesRead() == 0) {
            ByteBuffer.wrap(bytes).putInt(1 << 24);
        }
        ReadableByteChannel from = Channels.newChannel(new ByteArrayInputStream(bytes));
        frame.readFrom(new ScatteringByteChannel() {
            @Override
            public int read(ByteBuffer into) throws IOException {
                return Math.max(0, from.read(into));
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
            public void close() {}
        });
    }

    @Test
    void thePortClosesWhatIsIdle() throws Exception {
        NetworkConfig usual = TestServer.config(Integer.MAX_VALUE, 1 << 20);
        NetworkConfig quick = new NetworkConfig(
                1,
                1,
                -1,
                -1,
                usual.socketRequestMaxBytes(),
                50,
                Integer.MAX_VALUE,
                Integer.MAX_VALUE,
                200,
                usual.maxInFlightBytesPerConnection(),
                1 << 20);
        try (TestServer server = new TestServer(quick);
                RawClient client = new RawClient(server.port())) {
            assertTrue(client.closedByServer());
        }
    }
}

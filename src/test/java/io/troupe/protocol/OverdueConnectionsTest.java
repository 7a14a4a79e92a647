package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.NetworkConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
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
    private long nowNanos;

    private Connection opened() {
        Connection connection = new Connection(
                "c", TestServer.listener(0), InetAddress.getLoopbackAddress(), null, TestServer.MAX_CONNECTION_BYTES);
        open.add(connection);
        return connection;
    }

    /** Turns up to then, as many as there are of them without anything to do. */
    private void until(long second) {
        for (; nowNanos < second * SECOND; nowNanos += SECOND / 4) {
            turn();
        }
        turn();
    }

    private void turn() {
        overdue.close(List.copyOf(open), nowNanos, (connection, trouble) -> open.remove(connection));
    }

    @Test
    void whatIsUsedStaysAndWhatIsNotGoes() {
        Connection used = opened();
        opened();
        until(MAX_IDLE_S - 1);
        assertEquals(2, open.size());
        used.used();
        until(MAX_IDLE_S + 15);
        assertEquals(List.of(used), open);
        until(2 * MAX_IDLE_S + 15);
        assertEquals(List.of(), open);
    }

    /** A pause of the whole process: what came meanwhile, and what now goes, has had no turn yet. */
    @Test
    void timeInWhichTheThreadStandsStillDoesNotCount() {
        Connection used = opened();
        opened();
        until(MAX_IDLE_S - 60);
        nowNanos += 10 * MAX_IDLE_S * SECOND;
        turn();
        assertEquals(2, open.size());
        used.used();
        until(nowNanos / SECOND + 80);
        assertEquals(List.of(used), open);
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
            until(second);
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
        ByteBuffer bytes = ByteBuffer.allocate(count);
        if (frame.bytesRead() == 0) {
            bytes.putInt(0, 1 << 24);
        }
        frame.readFrom(new Incoming(bytes));
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

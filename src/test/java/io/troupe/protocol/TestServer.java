package io.troupe.protocol;

import io.troupe.api.ApiVersionsHandler;
import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.config.NetworkConfig;
import io.troupe.metadata.MetadataCache;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/** A Kafka port on a free port of the loopback, with toy handlers and small limits. */
final class TestServer implements AutoCloseable {
    static final int MAX_FRAME_BYTES = 1 << 20;
    static final int MAX_CONNECTION_BYTES = 64 << 10;

    final KafkaServer server;
    final NetworkStats stats = new NetworkStats();
    /** Why network threads ended, if they did. */
    final LinkedBlockingQueue<String> deaths = new LinkedBlockingQueue<>();

    TestServer(ApiHandler<?>... handlers) throws IOException {
        this(config(Integer.MAX_VALUE, 1 << 20), handlers);
    }

    TestServer(NetworkConfig config, ApiHandler<?>... handlers) throws IOException {
        List<ApiHandler<?>> all = new ArrayList<>(List.of(handlers));
        all.add(new ApiVersionsHandler(all, new MetadataCache(), 1));
        server = new KafkaServer(List.of(listener(0)), config, Map.of(), new ApiDispatcher(all), stats, deaths::add);
        server.start();
    }

    static Listener listener(int port) {
        return listener("PLAINTEXT", port);
    }

    static Listener listener(String name, int port) {
        return new Listener(name, SecurityProtocol.PLAINTEXT, new HostPort("127.0.0.1", port));
    }

    static NetworkConfig config(int maxConnectionsPerIp, long maxInFlightBytes) {
        return new NetworkConfig(
                1,
                1,
                -1,
                -1,
                MAX_FRAME_BYTES,
                50,
                Integer.MAX_VALUE,
                maxConnectionsPerIp,
                600_000,
                MAX_CONNECTION_BYTES,
                maxInFlightBytes);
    }

    int port() {
        return server.port("PLAINTEXT");
    }

    @Override
    public void close() {
        server.stop();
    }
}

package io.troupe.protocol;

import io.troupe.config.Listener;
import io.troupe.config.NetworkConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ChannelBuilder;
import org.apache.kafka.common.network.ChannelBuilders;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.requests.ApiVersionsResponse;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.LogContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Kafka port: for each listener one acceptor and {@code num.network.threads} event loops. {@link #start} binds and
 * serves, so start it only when the broker can serve; {@link #stop} closes every connection. Start and stop once, from
 * one thread; both block shortly.
 */
public final class KafkaServer {
    private static final long STOP_TIMEOUT_MS = 5_000;
    private static final Logger log = LoggerFactory.getLogger(KafkaServer.class);

    private final List<Listener> listeners;
    private final NetworkConfig config;
    private final Map<String, String> originals;
    private final ApiDispatcher dispatcher;
    private final NetworkStats stats;
    private final Consumer<String> onDeath;
    private final RateLimitedLog peerLog = new RateLimitedLog(log);
    private final InFlightBytes inFlight;
    private final ConnectionLimits limits;
    private final Metrics metrics = new Metrics();
    private final List<EventLoop> loops = new ArrayList<>();
    private final List<Acceptor> acceptors = new ArrayList<>();
    private boolean stopped;
    private final Map<String, Integer> ports = new LinkedHashMap<>();

    /**
     * @param stats filled by this server; handlers may hold it too, which exist before the server
     * @param originals the broker's settings as written, from which secured listeners take theirs
     * @param onDeath called with the reason when a network thread ends unasked: its connections are dead, so is the broker
     */
    public KafkaServer(
            List<Listener> listeners,
            NetworkConfig config,
            Map<String, String> originals,
            ApiDispatcher dispatcher,
            NetworkStats stats,
            Consumer<String> onDeath) {
        this.stats = stats;
        this.onDeath = onDeath;
        this.listeners = List.copyOf(listeners);
        this.config = config;
        this.originals = Map.copyOf(originals);
        this.dispatcher = dispatcher;
        this.inFlight = new InFlightBytes(config.maxInFlightBytes(), this::wakeLoops);
        this.limits = new ConnectionLimits(config.maxConnections(), config.maxConnectionsPerIp());
    }

    /**
     * Binds all listeners, then serves them.
     *
     * @throws IOException naming listener, address and what to do; nothing stays bound then
     */
    public void start() throws IOException {
        try {
            for (Listener listener : listeners) {
                List<EventLoop> own = new ArrayList<>();
                for (int i = 0; i < config.numNetworkThreads(); i++) {
                    EventLoop loop = new EventLoop(
                            "kafka-network-" + listener.name() + "-" + i,
                            listener,
                            config,
                            dispatcher,
                            limits,
                            inFlight,
                            stats,
                            peerLog,
                            metrics,
                            channelBuilder(listener),
                            onDeath);
                    own.add(loop);
                    loops.add(loop);
                }
                bind(listener, own);
            }
        } catch (IOException | RuntimeException e) {
            stop();
            throw e;
        }
        loops.forEach(EventLoop::start);
        acceptors.forEach(Acceptor::start);
    }

    private void bind(Listener listener, List<EventLoop> own) throws IOException {
        try {
            Acceptor acceptor = new Acceptor(listener, config, own, limits, stats, peerLog, onDeath);
            acceptors.add(acceptor);
            ports.put(listener.name(), acceptor.port());
        } catch (IOException | RuntimeException e) {
            throw new IOException(
                    "Listener " + listener.name() + " cannot bind " + listener.address() + " (" + e.getMessage()
                            + "). Stop the process that uses the port, or change this entry of listeners.",
                    e);
        }
    }

    private ChannelBuilder channelBuilder(Listener listener) {
        if (listener.protocol() == SecurityProtocol.PLAINTEXT) {
            return BoundedTransport.channels(ListenerName.normalised(listener.name()), originals);
        }
        return ChannelBuilders.serverChannelBuilder(
                ListenerName.normalised(listener.name()),
                false,
                listener.protocol(),
                new AbstractConfig(new ConfigDef(), originals, false),
                null,
                null,
                Time.SYSTEM,
                new LogContext(),
                // Asked by SASL connections before they are authenticated.
                version -> new ApiVersionsResponse(new ApiVersionsResponseData().setApiKeys(dispatcher.advertised())));
    }

    private void wakeLoops() {
        loops.forEach(EventLoop::wakeup);
    }

    /** The port that a listener is bound to; differs from its address when that asked for port 0. */
    public int port(String listenerName) {
        Integer port = ports.get(listenerName);
        if (port == null) {
            throw new IllegalArgumentException("listener " + listenerName + " is not bound, only " + ports.keySet());
        }
        return port;
    }

    /** Bytes of requests under way over all connections. */
    public long inFlightBytes() {
        return inFlight.used();
    }

    /** Closes listeners and connections; a second call does nothing; requests under way end without an answer. */
    public void stop() {
        if (stopped) {
            return;
        }
        stopped = true;
        acceptors.forEach(Acceptor::stop);
        loops.forEach(EventLoop::stop);
        try {
            for (Acceptor acceptor : acceptors) {
                acceptor.join(STOP_TIMEOUT_MS);
            }
            for (EventLoop loop : loops) {
                loop.join(STOP_TIMEOUT_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        metrics.close();
    }
}

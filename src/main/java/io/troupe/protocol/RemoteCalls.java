package io.troupe.protocol;

import io.troupe.metadata.MetadataCache;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.BootstrapConfiguration;
import org.apache.kafka.clients.ClientRequest;
import org.apache.kafka.clients.ClientResponse;
import org.apache.kafka.clients.ManualMetadataUpdater;
import org.apache.kafka.clients.MetadataRecoveryStrategy;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.errors.DisconnectException;
import org.apache.kafka.common.errors.NetworkException;
import org.apache.kafka.common.errors.ThrottlingQuotaExceededException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.PlaintextChannelBuilder;
import org.apache.kafka.common.network.Selectable;
import org.apache.kafka.common.network.Selector;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.LogContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests for other brokers, over one connection to each of their Kafka ports, and more for fetches that wait, as clients make them. One thread for all, which
 * begins with the first request; a broker that never forwards has none. An answer that cannot be read, or whatever else the client fails at, ends all connections,
 * and what was sent on them is told so; it goes on with new ones.
 *
 * <p>Bounds: {@link #MOST_WAITING} requests wait at most, and each for its time. Their bytes are those of whoever asks.
 */
public final class RemoteCalls implements AutoCloseable {
    static final int MOST_WAITING = 10_000;
    private static final int IN_FLIGHT_PER_BROKER = 100;
    /** Connections to one broker for fetches that wait there, one at a time each; a broker answers a connection's requests in order. */
    private static final int MOST_LANES = 64;
    /** On lanes from here on others wait for their turn. */
    private static final int FIRST_SHORT_LANE = 32;

    private static final int SHORT_WAIT_MS = 500;
    private static final long IDLE_MS = 300_000;
    private static final long BACKOFF_MS = 50;
    private static final long MOST_BACKOFF_MS = 1000;
    private static final int SETUP_TIMEOUT_MS = 10_000;
    private static final long POLL_MS = 1000;
    private static final long PAUSE_AFTER_FAILURE_MS = 1000;
    private static final Logger log = LoggerFactory.getLogger(RemoteCalls.class);

    /** One request until it is sent; then the client has it. */
    private record Call(
            Node node, short version, ApiMessage request, long deadlineMs, CompletableFuture<ApiMessage> answer) {}

    private final MetadataCache metadata;
    private final String clientId;
    private final String listenerName;
    private final Time time = Time.SYSTEM;
    private final ArrayDeque<Call> arrived = new ArrayDeque<>();
    /** Ids of lanes, by which the client tells them from brokers. Of the thread. */
    private final Map<String, Integer> laneIds = new HashMap<>();
    /** Sent and not answered. Of the thread. */
    private final Set<Call> sent = Collections.newSetFromMap(new IdentityHashMap<>());

    private final RateLimitedLog failures = new RateLimitedLog(log);
    private NetworkClient client;
    private Thread thread;
    private boolean closed;

    /** @param listenerName of the addresses at which the other brokers are called */
    public RemoteCalls(MetadataCache metadata, String clientId, String listenerName) {
        this.metadata = metadata;
        this.clientId = clientId;
        this.listenerName = listenerName;
    }

    CompletionStage<ApiMessage> call(int brokerId, short version, ApiMessage request, int timeoutMs) {
        Optional<Node> node = node(brokerId);
        if (node.isEmpty()) {
            return CompletableFuture.failedFuture(new NotSentException(brokerId));
        }
        Call call = new Call(node.get(), version, request, time.milliseconds() + timeoutMs, new CompletableFuture<>());
        synchronized (this) {
            if (closed) {
                return CompletableFuture.failedFuture(new NetworkException("this broker stops"));
            }
            if (arrived.size() >= MOST_WAITING) {
                return CompletableFuture.failedFuture(
                        new ThrottlingQuotaExceededException("too many requests wait for other brokers"));
            }
            arrived.add(call);
            if (thread == null) {
                begin();
            }
            client.wakeup();
        }
        return call.answer();
    }

    private Optional<Node> node(int brokerId) {
        return metadata.current()
                .broker(brokerId)
                .filter(broker -> !broker.fenced())
                .flatMap(broker -> broker.listeners().stream()
                        .filter(listener -> listener.name().equals(listenerName))
                        .findFirst()
                        .map(listener -> new Node(
                                brokerId,
                                listener.address().host(),
                                listener.address().port())));
    }

    private void begin() {
        client = client();
        thread = new Thread(this::run, "forwarding");
        thread.setDaemon(true);
        thread.start();
    }

    private NetworkClient client() {
        LogContext context = new LogContext("[forwarding] ");
        PlaintextChannelBuilder channels = new PlaintextChannelBuilder(null);
        channels.configure(Map.of());
        Selector selector = new Selector(IDLE_MS, new Metrics(), time, "forwarding", channels, context);
        return new NetworkClient(
                selector,
                new ManualMetadataUpdater(),
                clientId,
                IN_FLIGHT_PER_BROKER,
                BACKOFF_MS,
                MOST_BACKOFF_MS,
                Selectable.USE_DEFAULT_BUFFER_SIZE,
                Selectable.USE_DEFAULT_BUFFER_SIZE,
                SETUP_TIMEOUT_MS,
                SETUP_TIMEOUT_MS,
                SETUP_TIMEOUT_MS,
                time,
                false,
                new ApiVersions(),
                context,
                MetadataRecoveryStrategy.NONE,
                BootstrapConfiguration.DISABLED,
                false);
    }

    private void run() {
        List<Call> waiting = new ArrayList<>();
        try {
            while (take(waiting)) {
                try {
                    long now = time.milliseconds();
                    waiting.removeIf(call -> passedOn(call, now));
                    client.poll(waiting.isEmpty() ? POLL_MS : BACKOFF_MS, time.milliseconds());
                } catch (RuntimeException e) {
                    failures.warn(
                            e.getClass().getName(),
                            "Requests to other brokers failed, and their connections are made anew: " + e);
                    log.debug("Requests to other brokers failed", e);
                    beginAnew();
                }
            }
        } catch (RuntimeException | Error e) {
            log.error("Requests are no longer forwarded to other brokers", e);
        } finally {
            synchronized (this) {
                closed = true;
                waiting.addAll(arrived);
                arrived.clear();
            }
            waiting.forEach(call -> call.answer().completeExceptionally(new NetworkException("this broker stops")));
            failSent("this broker stops");
            client.close();
        }
    }

    /** What the client had read and not told is lost, so nobody can say which of the calls that were sent will still be answered. */
    private void beginAnew() {
        failSent("its connection was given up");
        NetworkClient before = client;
        synchronized (this) {
            client = client();
            try {
                if (!closed) {
                    wait(PAUSE_AFTER_FAILURE_MS);
                }
            } catch (InterruptedException e) {
                closed = true;
            }
        }
        before.close();
    }

    private void failSent(String why) {
        List<Call> all = List.copyOf(sent);
        sent.clear();
        all.forEach(call -> call.answer()
                .completeExceptionally(
                        new NetworkException("broker " + call.node().id() + " was asked, but " + why)));
    }

    private synchronized boolean take(List<Call> waiting) {
        waiting.addAll(arrived);
        arrived.clear();
        return !closed;
    }

    /** Whether it need not be kept: it was sent, cannot be sent, or it is too late. Never throws, as others may have been sent before it. */
    private boolean passedOn(Call call, long nowMs) {
        try {
            return send(call, nowMs);
        } catch (RuntimeException e) {
            sent.remove(call);
            call.answer().completeExceptionally(e);
            return true;
        }
    }

    private boolean send(Call call, long nowMs) {
        if (nowMs >= call.deadlineMs()) {
            call.answer()
                    .completeExceptionally(
                            new TimeoutException("broker " + call.node().id() + " at "
                                    + call.node().host() + ":" + call.node().port() + " could not be reached in time"));
            return true;
        }
        Node node = call.request() instanceof FetchRequestData fetch && fetch.maxWaitMs() > 0
                ? lane(call.node(), fetch)
                : call.node();
        if (node == null || !client.ready(node, nowMs)) {
            if (node(call.node().id()).isEmpty()) {
                // Fenced while it could not be reached: another broker leads by now what is asked for.
                call.answer()
                        .completeExceptionally(new NotSentException(call.node().id()));
                return true;
            }
            return false;
        }
        ClientRequest request = client.newClientRequest(
                node.idString(),
                builder(call),
                nowMs,
                true,
                (int) (call.deadlineMs() - nowMs),
                response -> answered(call, response));
        sent.add(call);
        client.send(request, nowMs);
        return true;
    }

    /** A connection on which nobody waits, so that this fetch keeps nobody else waiting; null while there is none. */
    private Node lane(Node broker, FetchRequestData fetch) {
        for (int i = 0; i < MOST_LANES; i++) {
            int id = laneIds.computeIfAbsent(broker.id() + "/" + i, name -> -2 - laneIds.size());
            if (client.inFlightRequestCount(Integer.toString(id)) == 0) {
                if (i >= FIRST_SHORT_LANE) {
                    fetch.setMaxWaitMs(Math.min(fetch.maxWaitMs(), SHORT_WAIT_MS));
                }
                return new Node(id, broker.host(), broker.port());
            }
        }
        return null;
    }

    private void answered(Call call, ClientResponse response) {
        sent.remove(call);
        if (response.hasResponse()) {
            call.answer().complete(response.responseBody().data());
        } else if (response.wasTimedOut()) {
            call.answer()
                    .completeExceptionally(
                            new TimeoutException("broker " + call.node().id() + " did not answer in time"));
        } else {
            call.answer()
                    .completeExceptionally(new DisconnectException(
                            "the connection to broker " + call.node().id() + " ended"));
        }
    }

    private static AbstractRequest.Builder<AbstractRequest> builder(Call call) {
        return new AbstractRequest.Builder<>(ApiKeys.forId(call.request().apiKey()), call.version()) {
            @Override
            public AbstractRequest build(short version) {
                return new Data(apiKey(), version, call.request());
            }
        };
    }

    /** Any request, as its data. */
    private static final class Data extends AbstractRequest {
        private final ApiMessage data;

        Data(ApiKeys key, short version, ApiMessage data) {
            super(key, version);
            this.data = data;
        }

        @Override
        public ApiMessage data() {
            return data;
        }

        @Override
        public AbstractResponse getErrorResponse(int throttleTimeMs, Throwable e) {
            return null;
        }
    }

    @Override
    public void close() {
        Thread ending;
        synchronized (this) {
            closed = true;
            ending = thread;
            if (client != null) {
                client.wakeup();
            }
            notifyAll();
        }
        if (ending != null) {
            try {
                ending.join(SETUP_TIMEOUT_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}

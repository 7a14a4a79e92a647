package io.troupe.http;

import io.troupe.api.TopicLogConfigs;
import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.HttpConfig;
import io.troupe.config.Listener;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.TopicDefaults;
import io.troupe.protocol.ApiDispatcher;
import io.troupe.protocol.BrokerCalls;
import io.troupe.protocol.InProcessCalls;
import io.troupe.protocol.RemoteCalls;
import io.troupe.protocol.RequestTimes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A broker's HTTP API, from {@link #start} to {@link #close}. Requests go to the handlers that Kafka's clients reach, in this process;
 * what another broker leads or coordinates is asked there, so any broker answers for all.
 */
public final class HttpService {
    /** The cluster role of nodes that serve HTTP. */
    public static final String ROLE = "http";

    private static final String CLIENT_ID = "http";
    private static final String DISPATCHER = "troupe.dispatcher.http";
    private static final Duration PATIENCE = Duration.ofSeconds(1);
    private static final Logger log = LoggerFactory.getLogger(HttpService.class);

    /**
     * What it needs of a broker.
     *
     * @param listener of the Kafka port, by whose name other brokers' addresses are known
     * @param times of requests at the Kafka port
     */
    public record Parts(
            BrokerConfig config,
            Listener listener,
            MetadataCache metadata,
            ApiDispatcher dispatcher,
            List<Metric> metrics,
            RequestTimes times) {}

    private final InProcessCalls calls;
    private final CompletableFuture<HttpPort> port = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile boolean closing;

    private HttpService(InProcessCalls calls) {
        this.calls = calls;
    }

    /** Opens the port on a thread of its own and returns at once. An address that cannot be bound is logged; the broker goes on. */
    public static HttpService start(ActorSystem<?> system, HostPort address, Parts parts) {
        BrokerConfig config = parts.config();
        InProcessCalls calls = new InProcessCalls(
                config.nodeId(),
                CLIENT_ID,
                parts.listener(),
                parts.dispatcher(),
                new RemoteCalls(parts.metadata(), CLIENT_ID, parts.listener().name()),
                config.http().responseMaxBytes());
        HttpService service = new HttpService(calls);
        Thread opener = new Thread(() -> service.open(system, address, parts), "http-open");
        opener.setDaemon(true);
        opener.start();
        return service;
    }

    private void open(ActorSystem<?> system, HostPort address, Parts parts) {
        try {
            Executor executor = system.dispatchers().lookup(DispatcherSelector.fromConfig(DISPATCHER));
            AtomicInteger underWay = new AtomicInteger();
            List<Route> routes = routes(
                    parts,
                    calls,
                    underWay::get,
                    executor,
                    instance -> ShardedInstances.start(system, DISPATCHER, instance));
            HttpPort.open(system, address, parts.config().http(), routes, underWay, executor)
                    .whenComplete((opened, failure) -> {
                        if (failure != null) {
                            failed(address, failure);
                        } else {
                            log.info("HTTP is served at {}", opened.address());
                            port.complete(opened);
                            if (closing) {
                                close();
                            }
                        }
                    });
        } catch (RuntimeException | LinkageError e) {
            failed(address, e);
        }
    }

    private void failed(HostPort address, Throwable failure) {
        if (!closing) {
            log.error(
                    "There is no HTTP port: troupe.http.listener={} cannot be bound ({}). Kafka's clients are served.",
                    address,
                    HttpFailure.cause(failure).toString());
        }
        port.completeExceptionally(failure);
        closed.complete(null);
    }

    /**
     * @param underWay requests at the moment
     * @param start what makes consumer instances where they are to be
     */
    static List<Route> routes(
            Parts parts,
            BrokerCalls calls,
            IntSupplier underWay,
            Executor executor,
            Function<InstanceActor.Parts, Instances> start) {
        BrokerConfig config = parts.config();
        HttpConfig http = config.http();
        int timeoutMs = http.requestTimeoutMs();
        Topics topics = new Topics(config.nodeId(), parts.metadata(), calls, timeoutMs);
        RecordReading reading = new RecordReading(topics, calls, timeoutMs, underWay, executor);
        TopicDefaults defaults = new TopicDefaults(config, parts.metadata());
        TopicLogConfigs configs = new TopicLogConfigs(defaults);
        RecordWriting writing =
                new RecordWriting(topics, calls, topic -> configs.of(topic).maxMessageBytes(), timeoutMs, executor);
        ProduceRoutes produce = new ProduceRoutes(topics, writing, executor);
        Groups groups = new Groups(topics, calls, reading, timeoutMs, executor);
        List<Route> routes = new ArrayList<>();
        routes.addAll(new ProbeRoutes(config.nodeId(), parts.metadata()).routes());
        routes.addAll(new MetricsRoutes(topics, reading, groups, parts.metrics(), parts.times(), executor).routes());
        routes.addAll(new TopicRoutes(topics, calls, reading, timeoutMs).routes());
        routes.addAll(produce.routes());
        routes.addAll(new FetchRoutes(topics, reading, new EventRoutes(topics, reading, executor)).routes());
        routes.addAll(new ClusterRoutes(topics, calls, produce, timeoutMs).routes());
        routes.addAll(new GroupRoutes(topics, groups).routes());
        InstanceRecords records =
                new InstanceRecords(topics, reading, writing, config.group().offsetsTopicReplicationFactor(), executor);
        Instances instances = start.apply(new InstanceActor.Parts(
                new InstanceCalls(topics, groups, reading, records),
                http.consumerInstanceTimeoutMs(),
                new InstanceActor.Living(http.maxConsumerInstances())));
        PartitionsReading many = new PartitionsReading(topics, calls, timeoutMs, reading::stepBytes, executor);
        ConsumerReading consuming = new ConsumerReading(instances, many, timeoutMs, executor);
        routes.addAll(new ConsumerRoutes(topics, groups, instances, consuming, timeoutMs).routes());
        routes.addAll(OpenApi.routes());
        routes.addAll(new StatusRoutes(
                        topics,
                        calls,
                        reading,
                        new Followers(topics, calls),
                        topic -> configs.of(topic).minInsyncReplicas(),
                        parts.metadata()::controllerSilent)
                .routes());
        routes.addAll(new GroupStoryRoutes(groups, new GroupStory(calls, timeoutMs)).routes());
        routes.addAll(new ConsoleRoutes().routes());
        return List.copyOf(routes);
    }

    /** Where it listens; empty until it does. */
    public Optional<HostPort> address() {
        return port.isDone() && !port.isCompletedExceptionally()
                ? Optional.of(new HostPort(
                        port.join().address().getAddress().getHostAddress(),
                        port.join().address().getPort()))
                : Optional.empty();
    }

    /** Begins to end: no more requests, and a second for those under way. Returns at once; idempotent. */
    public void close() {
        closing = true;
        if (port.isDone() && !port.isCompletedExceptionally()) {
            port.join().close(PATIENCE).whenComplete((done, failure) -> closed.complete(null));
        }
    }

    /** Gives up whatever is under way; its port goes with the actor system. */
    public void abandon() {
        closing = true;
        calls.close();
    }

    /** Waits until it has ended, no longer than it may take. */
    public void awaitClosed() {
        try {
            if (port.isDone()) {
                closed.get(2 * PATIENCE.toSeconds(), TimeUnit.SECONDS);
            }
        } catch (ExecutionException | TimeoutException e) {
            log.warn("HTTP requests were still under way when the broker went on to stop");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        calls.close();
    }
}

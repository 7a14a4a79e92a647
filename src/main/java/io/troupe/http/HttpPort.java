package io.troupe.http;

import static java.util.stream.Collectors.groupingBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.HostPort;
import io.troupe.config.HttpConfig;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.event.NoLogging;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Flow;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP port: finds a request's route, keeps the bounds, and answers whatever goes wrong with {@code {error_code,message}}. No thread
 * waits for a request. Over {@code troupe.http.max.requests} a request is refused at once, but for the probes; over
 * {@code troupe.http.max.connections} the connection goes on which nothing was done for longest.
 */
public final class HttpPort {
    private static final int HEAP_SHARE_FOR_BODIES = 4;
    private static final int CLOSING_PAUSE_MS = 20;
    private static final int SWEEP_S = 5;
    /** More that are accepted while those that were asked to close for them do so. */
    private static final int CLOSING_CONNECTIONS = 64;

    private static final String V3_PATH = "/v3/";
    private static final Logger log = LoggerFactory.getLogger(HttpPort.class);

    private final HttpConfig config;
    private final List<Route> routes;
    /** By method and number of segments: who has many requests does not go through them all each time. */
    private final Map<String, Map<Integer, List<Route>>> byLength;

    private final Executor executor;
    private final Exchange.HttpLimits limits;
    private final SharedKillSwitch streams = KillSwitches.shared("http-streams");
    private final AtomicInteger underWay;
    private final Connections connections;
    private final HostNames hostNames;
    private final Origins origins;
    private volatile ServerBinding binding;
    private volatile boolean closed;

    private HttpPort(HttpConfig config, List<Route> routes, AtomicInteger underWay, Executor executor) {
        this.underWay = underWay;
        this.config = config;
        this.routes = routes;
        this.byLength = routes.stream().collect(groupingBy(Route::method, groupingBy(route -> route.parts()
                .size())));
        this.executor = executor;
        this.connections = new Connections(config.maxConnections());
        this.hostNames = new HostNames(config.allowedHosts());
        this.origins = new Origins(config.corsOrigins());
        long largest = (1L + Exchange.READING) * config.requestMaxBytes();
        long most =
                Math.max(largest, (long) NewRecord.MOST_RECORDS * NewRecord.RECORD_BYTES + config.requestMaxBytes());
        long bodies = Math.max(most, Runtime.getRuntime().maxMemory() / HEAP_SHARE_FOR_BODIES);
        this.limits = new Exchange.HttpLimits(
                config.requestMaxBytes(), config.responseMaxBytes(), config.requestTimeoutMs(), new BodyMemory(bodies));
    }

    /**
     * @param underWay counts the requests
     * @return the open port; fails when the address cannot be bound
     */
    static CompletionStage<HttpPort> open(
            ActorSystem<?> system,
            HostPort address,
            HttpConfig config,
            List<Route> routes,
            AtomicInteger underWay,
            Executor executor) {
        HttpPort port = new HttpPort(config, routes, underWay, executor);
        return Http.get(system)
                .newServerAt(address.host().isEmpty() ? "0.0.0.0" : address.host(), address.port())
                .withSettings(settings(system, config))
                // It would log what any client does wrong, as often as it does it.
                .logTo(NoLogging.getInstance())
                .bindFlow(Flow.fromGraph(new HttpConnection(port.connections, port::handle, executor)))
                .thenApply(bound -> {
                    port.binding = bound;
                    port.sweep();
                    return port;
                });
    }

    private void sweep() {
        connections.sweep(System.nanoTime());
        if (!closed) {
            CompletableFuture.delayedExecutor(SWEEP_S, TimeUnit.SECONDS, executor)
                    .execute(this::sweep);
        }
    }

    private static ServerSettings settings(ActorSystem<?> system, HttpConfig config) {
        Config ours = ConfigFactory.parseMap(Map.of(
                "pekko.http.server.max-connections",
                config.maxConnections() + CLOSING_CONNECTIONS,
                // By us: a GET whose answer nobody sees may take something.
                "pekko.http.server.transparent-head-requests",
                "off",
                "pekko.http.server.parsing.error-handler",
                BadRequests.class.getName(),
                "pekko.http.server.parsing.max-content-length",
                config.requestMaxBytes()));
        return ServerSettings.create(ours.withFallback(system.settings().config()));
    }

    InetSocketAddress address() {
        return binding.localAddress();
    }

    /** Takes no more connections; requests under way have so long, and streams of events end at once. */
    CompletionStage<?> close(Duration patience) {
        closed = true;
        streams.shutdown();
        binding.unbind();
        // To terminate cuts off what is being sent, patience or not.
        Duration half = patience.dividedBy(2);
        return quiet(System.nanoTime() + half.toNanos()).thenCompose(none -> binding.terminate(half));
    }

    /** Waits for the answers under way, and one pause more for the last of them to leave. */
    private CompletionStage<Void> quiet(long deadlineNanos) {
        boolean done = underWay.get() == 0 || System.nanoTime() >= deadlineNanos;
        Executor later = CompletableFuture.delayedExecutor(CLOSING_PAUSE_MS, TimeUnit.MILLISECONDS);
        return CompletableFuture.runAsync(() -> {}, later)
                .thenCompose(none -> done ? CompletableFuture.completedFuture(null) : quiet(deadlineNanos));
    }

    private CompletionStage<HttpResponse> handle(HttpRequest request, ConnectionTasks connection) {
        return CompletableFuture.supplyAsync(() -> route(request, connection), connection)
                .thenCompose(answer -> answer)
                .exceptionally(failure -> failed(request, failure))
                .thenApply(answer -> withCors(request, answer))
                // What records hold is never to be taken for a page.
                .thenApply(answer -> answer.addHeader(RawHeader.create("X-Content-Type-Options", "nosniff")));
    }

    private CompletionStage<HttpResponse> route(HttpRequest request, ConnectionTasks connection) {
        List<String> segments = new ArrayList<>();
        request.getUri().pathSegments().forEach(segment -> {
            if (!segment.isEmpty()) {
                segments.add(segment);
            }
        });
        String asked = request.method().name();
        String method = asked.equals("HEAD") ? "GET" : asked;
        for (Route route : byLength.getOrDefault(method, Map.of()).getOrDefault(segments.size(), List.of())) {
            Optional<Map<String, String>> path = route.match(segments);
            if (path.isPresent()) {
                return run(route, path.get(), request, connection);
            }
        }
        TreeSet<String> methods = new TreeSet<>();
        for (Route route : routes) {
            route.match(segments).ifPresent(path -> methods.add(route.method()));
        }
        request.discardEntityBytes(connection.materializer());
        if (methods.isEmpty()) {
            throw new HttpFailure(404, "There is nothing at this path; /openapi.json tells what there is.");
        }
        if (asked.equals("OPTIONS") && origins.allowed(request).isPresent()) {
            return CompletableFuture.completedFuture(HttpResponse.create()
                    .withStatus(204)
                    .addHeader(RawHeader.create("Access-Control-Allow-Methods", String.join(", ", methods)))
                    .addHeader(RawHeader.create("Access-Control-Allow-Headers", "Accept, Content-Type, Last-Event-ID"))
                    .addHeader(RawHeader.create("Access-Control-Max-Age", "600")));
        }
        return CompletableFuture.completedFuture(
                failure(request, new HttpFailure(405, "Here only " + String.join(", ", methods) + " can be done."))
                        .addHeader(RawHeader.create("Allow", String.join(", ", methods))));
    }

    private CompletionStage<HttpResponse> run(
            Route route, Map<String, String> path, HttpRequest request, ConnectionTasks connection) {
        int now = underWay.incrementAndGet();
        Exchange exchange = new Exchange(request, path, limits, connection, streams, underWay::decrementAndGet);
        try {
            if (now > config.maxRequests() && !route.always()) {
                throw HttpFailure.tryAgain(
                        config.maxRequests() + " requests are under way already (troupe.http.max.requests).");
            }
            if (!route.always()) {
                hostNames.check(request);
                origins.check(request, route);
            }
            return route.handler().handle(exchange).whenComplete((answer, failure) -> exchange.handled());
        } catch (RuntimeException e) {
            exchange.handled();
            throw e;
        }
    }

    private HttpResponse failed(HttpRequest request, Throwable thrown) {
        HttpFailure failure = HttpFailure.of(thrown);
        if (failure == null) {
            log.error("{} {} failed", request.method().name(), request.getUri().path(), HttpFailure.cause(thrown));
            failure = new HttpFailure(500, HttpFailure.BROKER_ERROR, "The broker failed; its log says why.");
        }
        return failure(request, failure);
    }

    private static HttpResponse failure(HttpRequest request, HttpFailure failure) {
        if (request.getUri().path().startsWith(V3_PATH)) {
            HttpFailure v3 = failure.v3();
            return Exchange.answer(v3.status(), MediaTypes.JSON, body(v3));
        }
        boolean v2 = request.getHeader("Accept")
                .map(HttpHeader::value)
                .filter(accept -> accept.contains(".v2+json"))
                .isPresent();
        return Exchange.answer(failure.status(), v2 ? MediaTypes.V2 : MediaTypes.JSON, body(failure));
    }

    static byte[] body(HttpFailure failure) {
        return Json.bytes(json -> {
            json.writeStartObject();
            json.writeNumberField("error_code", failure.errorCode());
            json.writeStringField("message", failure.getMessage());
            json.writeEndObject();
        });
    }

    private HttpResponse withCors(HttpRequest request, HttpResponse answer) {
        return origins.allowed(request)
                .map(origin -> answer.addHeader(RawHeader.create("Access-Control-Allow-Origin", origin))
                        .addHeader(RawHeader.create("Vary", "Origin")))
                .orElse(answer);
    }
}

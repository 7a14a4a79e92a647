package io.troupe.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * The console: a page and what it loads, which are resources of this class path and nothing else; what it shows it asks of the other routes.
 * Browsers keep it and ask each time whether it is still the same. Each file is read when it is first asked for.
 */
final class ConsoleRoutes {
    static final String PAGE = "index.html";

    /** All there is, by name; nothing else can be asked for. */
    static final Map<String, String> FILES = Map.ofEntries(
            Map.entry(PAGE, "text/html; charset=UTF-8"),
            Map.entry("console.css", "text/css; charset=UTF-8"),
            Map.entry("icon.svg", "image/svg+xml"),
            Map.entry("app.js", "text/javascript; charset=UTF-8"),
            Map.entry("api.js", "text/javascript; charset=UTF-8"),
            Map.entry("dom.js", "text/javascript; charset=UTF-8"),
            Map.entry("fields.js", "text/javascript; charset=UTF-8"),
            Map.entry("overview.js", "text/javascript; charset=UTF-8"),
            Map.entry("topics.js", "text/javascript; charset=UTF-8"),
            Map.entry("groups.js", "text/javascript; charset=UTF-8"),
            Map.entry("reading.js", "text/javascript; charset=UTF-8"),
            Map.entry("records.js", "text/javascript; charset=UTF-8"),
            Map.entry("produce.js", "text/javascript; charset=UTF-8"));

    /** No script but ours, nothing from elsewhere, and in nobody's frame: what a record holds can do nothing, whatever it is. */
    static final String POLICY =
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private record Resource(String contentType, byte[] bytes, String tag) {}

    private final Map<String, Resource> read = new ConcurrentHashMap<>();

    List<Route> routes() {
        return List.of(
                Route.of("GET", "/", exchange -> answer(exchange, PAGE)),
                Route.of("GET", "/console/{file}", exchange -> answer(exchange, exchange.path("file"))));
    }

    private CompletionStage<HttpResponse> answer(Exchange exchange, String name) {
        String type = FILES.get(name);
        if (type == null) {
            throw new HttpFailure(404, "The console has no file " + HttpFailure.shown(name) + ".");
        }
        Resource resource = read.computeIfAbsent(name, n -> read(n, type));
        boolean known = exchange.header("If-None-Match")
                .filter(tags -> tags.contains(resource.tag()))
                .isPresent();
        HttpResponse answer = known
                ? HttpResponse.create().withStatus(304)
                : Exchange.answer(200, resource.contentType(), resource.bytes());
        return CompletableFuture.completedFuture(answer.addHeader(RawHeader.create("ETag", resource.tag()))
                .addHeader(RawHeader.create("Cache-Control", "no-cache"))
                .addHeader(RawHeader.create("Content-Security-Policy", POLICY))
                .addHeader(RawHeader.create("Referrer-Policy", "no-referrer")));
    }

    private static Resource read(String name, String type) {
        try (InputStream in = ConsoleRoutes.class.getResourceAsStream("console/" + name)) {
            byte[] bytes = in.readAllBytes();
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
            return new Resource(type, bytes, '"' + new BigInteger(1, hash).toString(36) + '"');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}

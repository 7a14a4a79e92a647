package io.troupe.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The API's own description, which is written by hand and checked against the routes by a test. */
final class OpenApi {
    static final String RESOURCE = "openapi.json";

    private OpenApi() {}

    static List<Route> routes() {
        return List.of(Route.of(
                "GET",
                "/openapi.json",
                exchange -> CompletableFuture.completedFuture(Exchange.answer(200, MediaTypes.JSON, document()))));
    }

    static byte[] document() {
        try (InputStream in = OpenApi.class.getResourceAsStream(RESOURCE)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

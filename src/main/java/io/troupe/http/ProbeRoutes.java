package io.troupe.http;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * {@code /healthz}: the process answers; to start it again would not help. {@code /readyz}: 200 while this broker is registered, not
 * fenced, not stopping, and hears a controller; else 503 with the reasons.
 */
final class ProbeRoutes {
    private final int nodeId;
    private final MetadataCache metadata;

    ProbeRoutes(int nodeId, MetadataCache metadata) {
        this.nodeId = nodeId;
        this.metadata = metadata;
    }

    List<Route> routes() {
        return List.of(
                new Route("GET", "/healthz", true, exchange -> answer(200, "ok", List.of())),
                new Route("GET", "/readyz", true, exchange -> ready()));
    }

    private CompletionStage<HttpResponse> ready() {
        List<String> reasons = new ArrayList<>();
        Optional<BrokerImage> own = metadata.current().broker(nodeId);
        if (own.isEmpty() || own.get().fenced()) {
            reasons.add("this broker is fenced: the controller does not hear it");
        }
        if (own.isPresent() && own.get().inControlledShutdown()) {
            reasons.add("this broker is stopping");
        }
        if (metadata.controllerSilent()) {
            reasons.add("no controller answers this broker");
        }
        return reasons.isEmpty() ? answer(200, "ready", reasons) : answer(503, "not ready", reasons);
    }

    private static CompletionStage<HttpResponse> answer(int status, String text, List<String> reasons) {
        return CompletableFuture.completedFuture(Exchange.answer(status, MediaTypes.JSON, Json.bytes(json -> {
            json.writeStartObject();
            json.writeStringField("status", text);
            if (!reasons.isEmpty()) {
                json.writeArrayFieldStart("reasons");
                for (String reason : reasons) {
                    json.writeString(reason);
                }
                json.writeEndArray();
            }
            json.writeEndObject();
        })));
    }
}

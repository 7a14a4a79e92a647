package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * What all answers of REST Proxy v3 have in common: {@code {kind,metadata:{self},cluster_id,...}}, and lists as
 * {@code {kind,metadata:{self},data:[...]}}.
 */
final class V3 {
    private final String clusterId;
    private final String clusterUrl;

    private V3(String clusterId, String clusterUrl) {
        this.clusterId = clusterId;
        this.clusterUrl = clusterUrl;
    }

    /** @throws HttpFailure 404 when the request names another cluster */
    static V3 of(Exchange exchange, Topics topics) {
        String own = topics.image().clusterId();
        String named = exchange.path("cluster");
        if (named != null && !named.equals(own)) {
            throw new HttpFailure(
                    404, "Cluster " + HttpFailure.shown(named) + " is not known here; this is " + own + ".");
        }
        return new V3(own, exchange.base() + "/v3/clusters/" + own);
    }

    String clusterId() {
        return clusterId;
    }

    /** The URL of something in the cluster. */
    String path(String... parts) {
        StringBuilder url = new StringBuilder(clusterUrl);
        for (String part : parts) {
            url.append('/')
                    .append(URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"));
        }
        return url.toString();
    }

    /** An object with what each has; the caller writes the rest and its end. */
    void begin(JsonGenerator json, String kind, String self) throws IOException {
        json.writeStartObject();
        json.writeStringField("kind", kind);
        json.writeObjectFieldStart("metadata");
        json.writeStringField("self", self);
        json.writeEndObject();
        json.writeStringField("cluster_id", clusterId);
    }

    void related(JsonGenerator json, String name, String url) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeStringField("related", url);
        json.writeEndObject();
    }

    /** Writes one element of a list. */
    interface Element<T> {
        void write(JsonGenerator json, T element) throws IOException;
    }

    <T> HttpResponse list(String kind, String self, Collection<T> elements, Element<T> element) {
        return answer(200, json -> {
            json.writeStartObject();
            json.writeStringField("kind", kind);
            json.writeObjectFieldStart("metadata");
            json.writeStringField("self", self);
            json.writeNullField("next");
            json.writeEndObject();
            json.writeArrayFieldStart("data");
            for (T one : elements) {
                element.write(json, one);
            }
            json.writeEndArray();
            json.writeEndObject();
        });
    }

    HttpResponse answer(int status, Json.Writer writer) {
        return Exchange.answer(status, MediaTypes.JSON, Json.bytes(writer));
    }
}

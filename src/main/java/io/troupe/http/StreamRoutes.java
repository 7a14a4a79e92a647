package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.metadata.TopicImage;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.util.ByteString;

/**
 * {@code POST /v3/clusters/{id}/topics/{t}/records}: a stream of JSON records, one after the other, and a report for each as soon as it is
 * written. A key or value is {@code {"type":"BINARY"|"JSON"|"STRING","data":...}}.
 */
final class StreamRoutes {
    private final Topics topics;
    private final ProduceRoutes produce;

    StreamRoutes(Topics topics, ProduceRoutes produce) {
        this.topics = topics;
        this.produce = produce;
    }

    List<Route> routes() {
        return List.of(Route.of("POST", "/v3/clusters/{cluster}/topics/{topic}/records", this::records));
    }

    private CompletionStage<HttpResponse> records(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        MediaTypes.requireJson(exchange.contentType());
        return topics.forProducing(exchange.path("topic"))
                .thenApply(topic -> exchange.stream(
                        MediaTypes.JSON,
                        produce.reports(
                                exchange, topic, StreamRoutes::parse, (json, done) -> report(v3, topic, json, done))));
    }

    private static NewRecord parse(ByteString text) {
        long now = System.currentTimeMillis();
        return Json.read(text.toArray(), json -> {
            NewRecord.Draft draft = new NewRecord.Draft();
            draft.timestampMs = now;
            Json.object(json, "The record", (name, value) -> {
                switch (name) {
                    case "partition_id" -> {
                        Long partition = Json.number(value, name, 0, Integer.MAX_VALUE);
                        draft.partition = partition == null ? null : partition.intValue();
                    }
                    case "key" -> draft.key = data(value, name);
                    case "value" -> draft.value = data(value, name);
                    case "headers" -> draft.headers = NewRecord.headers(value, name);
                    case "timestamp" -> draft.timestampMs = timestamp(value, now);
                    default ->
                        throw new HttpFailure(
                                HttpFailure.BAD_PAYLOAD,
                                "The record has the field " + HttpFailure.shown(name)
                                        + "; known are partition_id, key, value, headers and timestamp.");
                }
            });
            return draft.record();
        });
    }

    /** Milliseconds since 1970, or a date and time of ISO 8601. */
    private static long timestamp(JsonParser json, long now) throws IOException {
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            Long number = Json.number(json, "timestamp", 0, Long.MAX_VALUE);
            return number == null ? now : number;
        }
        try {
            return OffsetDateTime.parse(json.getText()).toInstant().toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD, "timestamp must be a date and time as in 2026-01-31T12:00:00Z.");
        }
    }

    private static byte[] data(JsonParser json, String what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        RecordFormat[] format = new RecordFormat[1];
        byte[][] data = new byte[1][];
        byte[][] early = new byte[1][];
        Json.object(json, what, (name, value) -> {
            switch (name) {
                case "type" -> format[0] = format(Json.text(value, what + ".type"), what);
                case "data" -> {
                    if (format[0] == null) {
                        // Its type may stand behind it.
                        early[0] = Json.compact(value);
                    } else {
                        data[0] = format[0].read(value, what + ".data");
                    }
                }
                default -> throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " has a type and data.");
            }
        });
        if (format[0] == null) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " has no type; it is BINARY, JSON or STRING.");
        }
        if (early[0] == null) {
            return data[0];
        }
        return Json.read(early[0], value -> format[0].read(value, what + ".data"));
    }

    private static RecordFormat format(String type, String what) {
        return switch (String.valueOf(type)) {
            case "BINARY" -> RecordFormat.BINARY;
            case "JSON" -> RecordFormat.JSON;
            case "STRING" -> RecordFormat.TEXT;
            default -> throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + ".type must be BINARY, JSON or STRING.");
        };
    }

    private static void report(V3 v3, TopicImage topic, JsonGenerator json, ProduceRoutes.Streamed done)
            throws IOException {
        HttpFailure failure =
                done.failure() != null ? done.failure() : done.report().failure();
        json.writeStartObject();
        if (failure != null) {
            json.writeNumberField("error_code", failure.v3().errorCode());
            json.writeStringField("message", failure.getMessage());
            json.writeEndObject();
            return;
        }
        json.writeNumberField("error_code", 200);
        json.writeStringField("cluster_id", v3.clusterId());
        json.writeStringField("topic_name", topic.name());
        json.writeNumberField("partition_id", done.report().partition());
        json.writeNumberField("offset", done.report().offset());
        json.writeStringField(
                "timestamp", Instant.ofEpochMilli(done.report().timestampMs()).toString());
        size(json, "key", done.record().key());
        size(json, "value", done.record().value());
        json.writeEndObject();
    }

    private static void size(JsonGenerator json, String name, byte[] bytes) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeNumberField("size", bytes == null ? 0 : bytes.length);
        json.writeEndObject();
    }
}

package io.troupe.http;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;

/** What requests and answers may be written in. */
final class MediaTypes {
    static final String JSON = "application/json";
    static final String V2 = "application/vnd.kafka.v2+json";
    static final String EVENTS = "text/event-stream";
    static final String LINES = "application/x-ndjson";

    private static final Map<String, ContentType> PARSED = new ConcurrentHashMap<>();

    private record Accepted(String type, double quality, int place) {}

    private MediaTypes() {}

    /** @param type one of those that this port answers in */
    static ContentType contentType(String type) {
        return PARSED.computeIfAbsent(type, ContentTypes::parse);
    }

    /** Without parameters, in lower case. */
    static String bare(String type) {
        int end = type.indexOf(';');
        return (end < 0 ? type : type.substring(0, end)).trim().toLowerCase(Locale.ROOT);
    }

    /** The types of an Accept header, the most wanted first; what is not wanted at all (q=0) is left out. */
    private static List<String> wanted(Optional<String> accept) {
        if (accept.isEmpty()) {
            return List.of("*/*");
        }
        if (accept.get().indexOf(',') < 0 && accept.get().indexOf(';') < 0) {
            return List.of(bare(accept.get()));
        }
        List<Accepted> all = new ArrayList<>();
        for (String part : accept.get().split(",")) {
            double quality = 1;
            for (String parameter : part.split(";")) {
                String p = parameter.trim();
                if (p.startsWith("q=")) {
                    try {
                        quality = Double.parseDouble(p.substring(2));
                    } catch (NumberFormatException e) {
                        quality = 0;
                    }
                }
            }
            if (quality > 0) {
                all.add(new Accepted(bare(part), quality, all.size()));
            }
        }
        all.sort(Comparator.comparingDouble(Accepted::quality).reversed().thenComparingInt(Accepted::place));
        return all.stream().map(Accepted::type).toList();
    }

    static boolean asksForEvents(Optional<String> accept) {
        return accept.isPresent()
                && !wanted(accept).isEmpty()
                && wanted(accept).get(0).equals(EVENTS);
    }

    /**
     * The type of an answer without records.
     *
     * @throws HttpFailure 406
     */
    static String control(Optional<String> accept) {
        for (String type : wanted(accept)) {
            switch (type) {
                case "*/*", "application/*", V2 -> {
                    return V2;
                }
                case JSON -> {
                    return JSON;
                }
                default -> {}
            }
        }
        throw notAcceptable(accept, V2 + " or " + JSON);
    }

    /**
     * The format that an answer's records are wanted in.
     *
     * @throws HttpFailure 406
     */
    static RecordFormat records(Optional<String> accept) {
        for (String type : wanted(accept)) {
            for (RecordFormat format : RecordFormat.values()) {
                if (type.equals(format.contentType())) {
                    return format;
                }
            }
            switch (type) {
                case "*/*", "application/*", V2, JSON -> {
                    return RecordFormat.JSON;
                }
                default -> {}
            }
        }
        throw notAcceptable(accept, "application/vnd.kafka.{json,binary,text}.v2+json");
    }

    /**
     * That an answer's records are wanted in a format.
     *
     * @throws HttpFailure 40601 when they are wanted in another one, 406
     */
    static void requireRecords(Optional<String> accept, RecordFormat format) {
        boolean other = false;
        for (String type : wanted(accept)) {
            switch (type) {
                case "*/*", "application/*", V2, JSON -> {
                    return;
                }
                default -> {}
            }
            if (type.equals(format.contentType())) {
                return;
            }
            for (RecordFormat another : RecordFormat.values()) {
                other |= type.equals(another.contentType());
            }
        }
        if (other) {
            throw new HttpFailure(
                    HttpFailure.FORMAT_MISMATCH,
                    "The consumer instance's format is " + format.name().toLowerCase(Locale.ROOT) + ": it is served as "
                            + format.contentType() + ".");
        }
        throw notAcceptable(accept, format.contentType());
    }

    private static HttpFailure notAcceptable(Optional<String> accept, String allowed) {
        return new HttpFailure(
                406, "Accept: " + HttpFailure.shown(accept.orElse("")) + " cannot be served, only " + allowed + ".");
    }

    /**
     * That a body says of itself that it is JSON. One without a type, or with one that forms have, may come from any page of a browser, which
     * asks nobody before it sends such a thing.
     *
     * @throws HttpFailure 415
     */
    static void requireJson(String contentType) {
        String type = bare(contentType);
        boolean json = type.equals(JSON) || type.equals(V2) || type.equals(LINES);
        for (RecordFormat format : RecordFormat.values()) {
            json |= type.equals(format.contentType());
        }
        if (!json) {
            throw new HttpFailure(
                    415,
                    type.isEmpty()
                            ? "There is no Content-Type; " + JSON + " is served."
                            : "Content-Type " + HttpFailure.shown(type) + " is not served here, only " + JSON + ".");
        }
    }

    /**
     * The format of a request's records.
     *
     * @throws HttpFailure 415
     */
    static RecordFormat sent(String contentType) {
        String type = bare(contentType);
        for (RecordFormat format : RecordFormat.values()) {
            if (type.equals(format.contentType())) {
                return format;
            }
        }
        if (type.equals(JSON) || type.equals(V2)) {
            return RecordFormat.JSON;
        }
        throw new HttpFailure(
                415,
                "Content-Type " + HttpFailure.shown(contentType) + " is not served, only"
                        + " application/vnd.kafka.{json,binary,text}.v2+json, " + JSON + " and, for a stream, " + LINES
                        + ".");
    }
}

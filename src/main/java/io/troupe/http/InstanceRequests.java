package io.troupe.http;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.http.InstanceAction.Place;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/** The bodies of requests about consumer instances. */
final class InstanceRequests {
    private static final int MOST_NAMES = 10_000;
    /** Of all names and metadata of a request: with the offsets beside them they go to the instance's broker, and come back, in one message. */
    private static final int MOST_BYTES = 256 << 10;

    private static final int MOST_MIN_BYTES = 10_000_000;
    private static final int MOST_TIMEOUT_MS = 300_000;
    static final int DEFAULT_TIMEOUT_MS = 1000;

    private InstanceRequests() {}

    /** While it is being read. */
    private static final class Draft {
        private String name = "rest-consumer-" + UUID.randomUUID();
        private RecordFormat format = RecordFormat.BINARY;
        private InstanceDefinition.Reset reset = InstanceDefinition.Reset.LATEST;
        private boolean autoCommit = true;
        private int minBytes = 1;
        private int timeoutMs = DEFAULT_TIMEOUT_MS;
    }

    /**
     * A new instance: {@code {name,format,auto.offset.reset,auto.commit.enable,fetch.min.bytes,consumer.request.timeout.ms}}, all optional.
     *
     * @throws HttpFailure 42204 for what cannot be so, 42203
     */
    static InstanceDefinition definition(String group, byte[] body) {
        Draft draft = new Draft();
        if (body.length > 0) {
            Json.read(body, json -> {
                Json.object(json, "The body", (name, value) -> read(draft, name, value));
                return null;
            });
        }
        InstanceId id = new InstanceId(group, draft.name);
        return new InstanceDefinition(
                id,
                id.name() + "-" + UUID.randomUUID(),
                draft.format,
                draft.reset,
                draft.autoCommit,
                draft.minBytes,
                draft.timeoutMs,
                null,
                null,
                null);
    }

    private static void read(Draft draft, String name, JsonParser value) throws IOException {
        String text = scalar(name, value);
        if (text == null) {
            return;
        }
        switch (name) {
            case "name", "id" -> draft.name = text;
            case "format" ->
                draft.format = RecordFormat.named(text)
                        .orElseThrow(() -> badConfig(name, text, "binary, json or text (there is no schema registry)"));
            case "auto.offset.reset" -> draft.reset = reset(name, text);
            case "auto.commit.enable", "enable.auto.commit" -> draft.autoCommit = flag(name, text);
            case "fetch.min.bytes" ->
                // -1, the default in some proxies, asks for whatever there is.
                draft.minBytes = Math.max(1, number(name, text, -1, MOST_MIN_BYTES));
            case "consumer.request.timeout.ms" -> draft.timeoutMs = number(name, text, 0, MOST_TIMEOUT_MS);
            default ->
                throw new HttpFailure(
                        HttpFailure.BAD_CONFIG,
                        "A consumer instance has no setting " + HttpFailure.shown(name) + "; it has name, format,"
                                + " auto.offset.reset, auto.commit.enable, fetch.min.bytes and"
                                + " consumer.request.timeout.ms.");
        }
    }

    /** Clients send numbers and truths as strings, too. */
    private static String scalar(String name, JsonParser value) throws IOException {
        JsonToken token = value.currentToken();
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        if (token == JsonToken.VALUE_STRING) {
            return Json.text(value, name);
        }
        if (!token.isScalarValue()) {
            throw badConfig(name, token.asString() + "...", "a string, a number or a truth value");
        }
        return value.getText();
    }

    private static HttpFailure badConfig(String name, String text, String allowed) {
        return new HttpFailure(
                HttpFailure.BAD_CONFIG,
                HttpFailure.shown(name) + "=" + HttpFailure.shown(text) + " must be " + allowed + ".");
    }

    private static InstanceDefinition.Reset reset(String name, String text) {
        for (InstanceDefinition.Reset reset : InstanceDefinition.Reset.values()) {
            if (reset.name().equalsIgnoreCase(text)) {
                return reset;
            }
        }
        throw badConfig(name, text, "earliest, latest or none");
    }

    private static boolean flag(String name, String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw badConfig(name, text, "true or false");
        };
    }

    private static int number(String name, String text, int least, int most) {
        try {
            int number = Integer.parseInt(text);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw badConfig(name, text, "a whole number from " + least + " to " + most);
    }

    /** {@code {topics}} or {@code {topic_pattern}}. @throws HttpFailure 42206, 42203, and 40903 for both */
    static InstanceAction.Subscribe subscription(byte[] body) {
        List<String> topics = new ArrayList<>();
        String[] pattern = new String[1];
        boolean[] listed = new boolean[1];
        Json.read(body, json -> {
            Json.object(json, "The body", (name, value) -> {
                switch (name) {
                    case "topics" -> {
                        if (value.currentToken() != JsonToken.VALUE_NULL) {
                            listed[0] = true;
                            Json.array(value, name, topic -> {
                                bounded(topics.size());
                                return topics.add(required(Json.text(topic, "A topic"), "A topic"));
                            });
                        }
                    }
                    case "topic_pattern" -> pattern[0] = Json.text(value, name);
                    default -> throw unknownField(name, "topics or topic_pattern");
                }
            });
            return null;
        });
        if (listed[0] && pattern[0] != null) {
            throw new HttpFailure(
                    HttpFailure.ILLEGAL_STATE, "Subscriptions to topics and to a pattern exclude one another.");
        }
        if (pattern[0] == null && topics.isEmpty()) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD, "The body must have topics, at least one, or a topic_pattern.");
        }
        bounded(topics.stream());
        return new InstanceAction.Subscribe(
                pattern[0] == null ? topics.stream().distinct().toList() : null, pattern[0]);
    }

    /** {@code {partitions:[{topic,partition}]}}. */
    static List<TopicPartition> partitions(byte[] body) {
        return entries(body, "partitions", false).stream()
                .map(place -> place.partition().topicPartition())
                .distinct()
                .toList();
    }

    /** {@code {offsets:[{topic,partition,offset,metadata}]}}. */
    static List<Place> offsets(byte[] body) {
        return entries(body, "offsets", true);
    }

    private static List<Place> entries(byte[] body, String list, boolean withOffsets) {
        List<Place> places = new ArrayList<>();
        Json.read(body, json -> {
            Json.object(json, "The body", (name, value) -> {
                if (!name.equals(list)) {
                    throw unknownField(name, list);
                }
                Json.array(value, list, entry -> {
                    bounded(places.size());
                    return places.add(entry(entry, list + "[" + places.size() + "]", withOffsets));
                });
            });
            return null;
        });
        bounded(places.stream().flatMap(place -> Stream.of(place.partition().topic(), place.metadata())));
        return places;
    }

    private static Place entry(JsonParser json, String what, boolean withOffset) throws IOException {
        String[] texts = new String[2];
        Long[] numbers = new Long[2];
        Json.object(json, what, (name, value) -> {
            switch (name) {
                case "topic" -> texts[0] = Json.text(value, what + ".topic");
                case "partition" -> numbers[0] = Json.number(value, what + ".partition", 0, Integer.MAX_VALUE);
                case "offset" -> numbers[1] = Json.number(value, what + ".offset", 0, Long.MAX_VALUE - 1);
                case "metadata" -> texts[1] = Json.text(value, what + ".metadata");
                default -> throw unknownField(what + "." + name, "topic, partition, offset and metadata");
            }
        });
        TopicPartition partition = new TopicPartition(
                required(texts[0], what + ".topic"),
                required(numbers[0], what + ".partition").intValue());
        long offset = withOffset ? required(numbers[1], what + ".offset") : 0;
        return new Place(new TopicIdPartition(Uuid.ZERO_UUID, partition), offset, texts[1] == null ? "" : texts[1]);
    }

    private static <T> T required(T value, String what) {
        if (value == null) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " is missing.");
        }
        return value;
    }

    private static void bounded(int size) {
        if (size == MOST_NAMES) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, "More than " + MOST_NAMES + " in one request.");
        }
    }

    private static void bounded(Stream<String> texts) {
        if (texts.mapToLong(text -> text.getBytes(StandardCharsets.UTF_8).length)
                        .sum()
                > MOST_BYTES) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD,
                    "The names and metadata of one request have more than " + MOST_BYTES + " bytes.");
        }
    }

    private static HttpFailure unknownField(String name, String known) {
        return new HttpFailure(
                HttpFailure.BAD_PAYLOAD, "The field " + HttpFailure.shown(name) + " is not known, only " + known + ".");
    }
}

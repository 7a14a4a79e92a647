package io.troupe.api;

import io.troupe.group.GroupEvents;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * The last events of a group, which Kafka's messages have no field for: a tagged field in the description of each, in the form of {@link
 * GroupEvents#toBytes}, for whoever sends a tagged field of that number, so that nobody else pays for them. {@code
 * troupe-consumer-groups.sh --events} and the console read it.
 */
public final class EventsTag {
    private EventsTag() {}

    public static RawTaggedField ask() {
        return new RawTaggedField(EpochTag.TAG, new byte[0]);
    }

    /** What was answered, a line for each event; empty when nothing was. */
    public static String in(List<RawTaggedField> fields) {
        return fields.stream()
                .filter(f -> f.tag() == EpochTag.TAG)
                .map(f -> new String(f.data(), StandardCharsets.UTF_8))
                .collect(Collectors.joining());
    }

    static boolean isIn(List<RawTaggedField> fields) {
        return fields.stream().anyMatch(f -> f.tag() == EpochTag.TAG);
    }

    static RawTaggedField of(GroupEvents events) {
        return new RawTaggedField(EpochTag.TAG, events.toBytes());
    }
}

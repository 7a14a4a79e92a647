package io.troupe.api;

import io.troupe.group.GroupEvents;
import java.util.List;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * The last events of a group, which Kafka's messages have no field for: a tagged field in the description of each, in the form of {@link
 * GroupEvents#toBytes}, for whoever sends a tagged field of that number, so that nobody else pays for them. {@code
 * troupe-consumer-groups.sh --events} reads it.
 */
final class EventsTag {
    private EventsTag() {}

    static boolean isIn(List<RawTaggedField> fields) {
        return fields.stream().anyMatch(f -> f.tag() == EpochTag.TAG);
    }

    static RawTaggedField of(GroupEvents events) {
        return new RawTaggedField(EpochTag.TAG, events.toBytes());
    }
}

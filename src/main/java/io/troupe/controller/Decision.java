package io.troupe.controller;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.util.List;
import org.apache.kafka.common.protocol.Errors;

/**
 * What to commit, and what to answer once it is committed.
 *
 * @param events may be empty: nothing changes
 * @param image the image with the events
 */
record Decision(List<MetadataEvent> events, MetadataImage image, ControllerReply reply) {

    static Decision refused(MetadataImage image, Errors error, String message) {
        return new Decision(List.of(), image, new ControllerReply.Refused(new Refusal(error, message)));
    }
}

package io.troupe.controller;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.List;

/** A decision in the making: the events so far, and the image as it will be with them. Pure, one use. */
final class Draft {
    private final List<MetadataEvent> events = new ArrayList<>();
    private MetadataImage image;

    Draft(MetadataImage image) {
        this.image = image;
    }

    MetadataImage image() {
        return image;
    }

    /** @return index that the event will have */
    long emit(MetadataEvent event) {
        image = image.apply(image.index() + 1, event);
        events.add(event);
        return image.index();
    }

    Decision reply(ControllerReply reply) {
        return new Decision(List.copyOf(events), image, reply);
    }
}

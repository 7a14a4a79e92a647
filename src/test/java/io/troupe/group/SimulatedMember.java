package io.troupe.group;

import io.troupe.group.SimulatedConsumer.Part;
import java.util.Map;

/** A member of a simulated group, of whichever protocol. */
interface SimulatedMember {
    String memberId();

    /** 0 before it has joined. */
    int epoch();

    /** What it reads, and where it stands there. */
    Map<Part, Long> owned();

    boolean isSubscribedTo(String topic);

    void step();
}

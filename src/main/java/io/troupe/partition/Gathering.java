package io.troupe.partition;

import java.util.function.BooleanSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Lets what a link's end has to send gather while messages wait in its mailbox, to go out as one. Used on that actor's thread
 * only.
 */
final class Gathering<T> {
    private final ActorRef<T> self;
    private final T flush;
    private final BooleanSupplier hasToSend;
    private boolean asked;

    /** @param flush what the actor tells itself: then {@link #over}, and all is to be sent */
    Gathering(ActorRef<T> self, T flush, BooleanSupplier hasToSend) {
        this.self = self;
        this.flush = flush;
        this.hasToSend = hasToSend;
    }

    /** There may be something to send now. */
    void more() {
        if (!asked && hasToSend.getAsBoolean()) {
            asked = true;
            self.tell(flush);
        }
    }

    void over() {
        asked = false;
    }
}

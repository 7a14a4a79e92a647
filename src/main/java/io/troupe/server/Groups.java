package io.troupe.server;

import io.troupe.group.GroupService;
import io.troupe.partition.Leadership;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

final class Groups {
    private Groups() {}

    record Wired(GroupService service, ActorRef<Leadership> leadership) {}

    static Wired wire(ActorContext<?> context, Guardian.Parts parts) {
        return new Wired(null, context.spawn(Behaviors.ignore(), "groups"));
    }
}

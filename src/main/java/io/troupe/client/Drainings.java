package io.troupe.client;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.kafka.common.TopicPartition;

/** The partitions whose deliveries are waited for, and what happens when all of them are acknowledged or time is up. Of the actor's thread. */
final class Drainings {

    /** Waited for together. @param then is run once */
    record Draining(Set<TopicPartition> partitions, Runnable then) {}

    private final List<Draining> all = new ArrayList<>();

    Draining add(Collection<TopicPartition> partitions, Runnable then) {
        Draining draining = new Draining(Set.copyOf(partitions), then);
        all.add(draining);
        return draining;
    }

    /** Takes out those of which nothing is pending any more; whoever calls runs them. */
    List<Draining> takeDone(Predicate<TopicPartition> isPending) {
        if (all.isEmpty()) {
            return List.of();
        }
        List<Draining> done = all.stream()
                .filter(d -> d.partitions().stream().noneMatch(isPending))
                .toList();
        all.removeAll(done);
        return done;
    }

    /** Takes one out; false when it was out already. */
    boolean take(Draining draining) {
        return all.remove(draining);
    }

    /** Takes all out. */
    List<Draining> takeAll() {
        List<Draining> taken = List.copyOf(all);
        all.clear();
        return taken;
    }
}

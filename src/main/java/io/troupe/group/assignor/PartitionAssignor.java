package io.troupe.group.assignor;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.Uuid;

/** Makes a group's next target assignment (KIP-848, "Target Assignment"). Implementations hold no state; any thread. */
public interface PartitionAssignor {
    /** All there are; the first is the default. */
    List<PartitionAssignor> ALL = List.of(new UniformAssignor(), new RangeAssignor());

    /** The name that a member asks for, and that {@code group.consumer.assignors} lists. */
    String name();

    /**
     * The next target: each partition of a topic that somebody is subscribed to has exactly one owner, who is subscribed to it.
     *
     * <p>Members that share a subscription should share the set's instance: equal sets are then not compared.
     *
     * @param members with different ids, in any order
     * @param partitions of a topic; 0 or less when there is no such topic, which is then ignored
     * @return by member id, an entry for each member; partitions in ascending order. The very instance that came as {@link
     *     Member#target} when that stays, so {@code !=} finds whose target changed
     */
    Map<String, Map<Uuid, Set<Integer>>> assign(Collection<Member> members, ToIntFunction<Uuid> partitions);

    static Optional<PartitionAssignor> named(String name) {
        return ALL.stream().filter(a -> a.name().equals(name)).findFirst();
    }

    /**
     * A member as assignors see it.
     *
     * @param instanceId null for a dynamic member
     * @param target what it was to own so far, by topic id; empty for a new member; not null. May name topics that it is no
     *     longer subscribed to, and partitions that others have been given since
     */
    record Member(String memberId, String instanceId, Set<Uuid> subscribedTopicIds, Map<Uuid, Set<Integer>> target) {}
}

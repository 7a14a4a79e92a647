package io.troupe.group.assignor;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.Uuid;

/**
 * {@code range}: of each topic's partitions, in order, each of its C subscribers, in order, gets the next P/C, and the first P
 * mod C of them one more. Static members come first, by instance id, so that a restart changes nothing; then dynamic ones by
 * member id. Topics with as many partitions and the same subscribers are thus co-partitioned: a member has the same numbers
 * of each. What a member had before does not count, as in Kafka since 4.0.
 */
final class RangeAssignor implements PartitionAssignor {
    private static final Comparator<Member> ORDER = Comparator.comparing(
                    Member::instanceId, Comparator.nullsLast(Comparator.naturalOrder()))
            .thenComparing(Member::memberId);

    @Override
    public String name() {
        return "range";
    }

    @Override
    public Map<String, Map<Uuid, Set<Integer>>> assign(Collection<Member> members, ToIntFunction<Uuid> partitions) {
        List<Member> sorted = new ArrayList<>(members);
        sorted.sort(ORDER);
        Map<Uuid, Ranges> topics = new HashMap<>();
        for (Member member : sorted) {
            for (Uuid topic : member.subscribedTopicIds()) {
                topics.computeIfAbsent(topic, t -> new Ranges(partitions.applyAsInt(t))).subscribers++;
            }
        }
        Map<String, Map<Uuid, Set<Integer>>> assigned = new HashMap<>();
        for (Member member : sorted) {
            Map<Uuid, Set<Integer>> target = new TreeMap<>();
            for (Uuid topic : member.subscribedTopicIds()) {
                Set<Integer> range = topics.get(topic).next();
                if (!range.isEmpty()) {
                    target.put(topic, range);
                }
            }
            assigned.put(member.memberId(), target.equals(member.target()) ? member.target() : target);
        }
        return assigned;
    }

    /** A topic's partitions, cut into one piece after the other. */
    private static final class Ranges {
        final int partitions;
        int subscribers;
        int served;
        int next;

        Ranges(int partitions) {
            this.partitions = Math.max(0, partitions);
        }

        Set<Integer> next() {
            int first = next;
            next += partitions / subscribers + (served++ < partitions % subscribers ? 1 : 0);
            return PartitionSet.range(first, next);
        }
    }
}

package io.troupe.group.assignor;

import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.Uuid;

/**
 * {@code uniform}: members have as equally many partitions as their subscriptions allow, and keep what they had as far as that
 * allows. With the same subscription for all, no member has two more than another, a member that leaves moves only its own
 * partitions, and one that joins is given no more than its share, straight from those who have most.
 */
final class UniformAssignor implements PartitionAssignor {
    @Override
    public String name() {
        return "uniform";
    }

    @Override
    public Map<String, Map<Uuid, Set<Integer>>> assign(Collection<Member> members, ToIntFunction<Uuid> partitions) {
        UniformAssignment assignment = new UniformAssignment(members, partitions);
        assignment.keep();
        assignment.handOut();
        assignment.balance();
        return assignment.result();
    }
}

package io.troupe.group;

import io.troupe.group.ConsumerGroupRecord.CurrentStored;
import io.troupe.group.ConsumerGroupRecord.EpochStored;
import io.troupe.group.ConsumerGroupRecord.MemberStored;
import io.troupe.group.ConsumerGroupRecord.RegexStored;
import io.troupe.group.ConsumerGroupRecord.TargetEpochStored;
import io.troupe.group.ConsumerGroupRecord.TargetStored;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.Uuid;

/**
 * The records by which a group with members in it changes its protocol (KIP-848, "Migrating to the new protocol"). All of one
 * change are to be stored by one append. Pure.
 */
final class GroupMigration {
    private GroupMigration() {}

    /**
     * A classic group becomes one of the consumer protocol. Its members have what their leader gave them, and that is the
     * target of an epoch of the generation's number. A cooperative member that had more when it joined may not have heard yet
     * that it is to give that up, or not have done so: it is to say so first, as it would to its leader.
     *
     * @param group settled: every member has heard its part
     * @return empty when the members' words cannot be read, or say more than the coordinator can carry on
     */
    static Optional<List<GroupRecord>> toConsumers(ClassicGroupState group, MetadataImage image) {
        String groupId = group.groupId();
        int epoch = group.generation;
        List<GroupRecord> records = new ArrayList<>();
        records.add(new GroupRecord.GroupRemoved(groupId));
        records.add(new EpochStored(groupId, epoch, 0));
        records.add(new TargetEpochStored(groupId, epoch));
        Map<String, Map<Uuid, Set<Integer>>> before = new LinkedHashMap<>();
        Map<String, Map<Uuid, Map<Integer, Integer>>> given = new HashMap<>();
        Map<Uuid, Map<Integer, Integer>> taken = new HashMap<>();
        for (GroupMember m : group.members.all()) {
            Optional<ClassicWords.Subscription> subscription =
                    ClassicWords.subscription(m.metadata(group.protocol), image);
            Optional<Map<Uuid, Set<Integer>>> assigned = ClassicWords.assignment(m.assignment, image);
            if (subscription.isEmpty() || assigned.isEmpty()) {
                return Optional.empty();
            }
            records.add(new MemberStored(groupId, m.memberId, metadata(m, subscription.get())));
            records.add(new TargetStored(groupId, m.memberId, assigned.get()));
            before.put(m.memberId, subscription.get().owned());
            given.put(m.memberId, notTaken(assigned.get(), taken, epoch));
        }
        before.forEach((memberId, owned) -> {
            Map<Uuid, Map<Integer, Integer>> revoking = notTaken(owned, taken, epoch);
            CurrentAssignment.State state =
                    revoking.isEmpty() ? CurrentAssignment.State.STABLE : CurrentAssignment.State.UNREVOKED_PARTITIONS;
            records.add(new CurrentStored(
                    groupId, memberId, new CurrentAssignment(epoch, epoch, state, given.get(memberId), revoking)));
        });
        return Optional.of(records);
    }

    /** Those partitions that nobody has taken yet, with the epoch; they are taken then. */
    private static Map<Uuid, Map<Integer, Integer>> notTaken(
            Map<Uuid, Set<Integer>> wanted, Map<Uuid, Map<Integer, Integer>> taken, int epoch) {
        Map<Uuid, Map<Integer, Integer>> got = new HashMap<>();
        wanted.forEach((topicId, partitions) -> partitions.stream()
                .filter(p ->
                        taken.computeIfAbsent(topicId, t -> new HashMap<>()).putIfAbsent(p, epoch) == null)
                .forEach(p -> got.computeIfAbsent(topicId, t -> new HashMap<>()).put(p, epoch)));
        return got;
    }

    private static ConsumerMemberMetadata metadata(GroupMember m, ClassicWords.Subscription subscription) {
        return new ConsumerMemberMetadata(
                m.groupInstanceId,
                subscription.rackId(),
                m.clientId,
                m.clientHost,
                subscription.topics(),
                null,
                m.rebalanceTimeoutMs,
                null,
                new ConsumerMemberMetadata.Classic(m.sessionTimeoutMs, List.copyOf(m.protocols)));
    }

    /**
     * A group of the consumer protocol, of whose members all speak the classic protocol, becomes a classic one. Nobody leads
     * it, so that it begins with a rebalance, whoever reads these records. Its generation is the highest epoch of a member.
     *
     * @return empty when the members have no protocol in common
     */
    static Optional<List<GroupRecord>> toClassic(ConsumerGroupState group, MetadataImage image, long nowMs) {
        GroupMembers members = new GroupMembers();
        group.members.values().forEach(member -> members.add(classic(member)));
        String protocol = members.vote();
        if (protocol == null) {
            return Optional.empty();
        }
        String groupId = group.groupId();
        // Not the group's epoch: who has come that far must be able to commit before it rejoins.
        int generation = group.members.values().stream()
                .mapToInt(member -> member.current.memberEpoch())
                .max()
                .orElse(0);
        List<GroupRecord> records = new ArrayList<>();
        group.regexes.keySet().forEach(regex -> records.add(new RegexStored(groupId, regex, null)));
        List<GroupMetadata.Member> stored = new ArrayList<>();
        for (GroupMember m : members.all()) {
            records.add(new CurrentStored(groupId, m.memberId, null));
            records.add(new TargetStored(groupId, m.memberId, null));
            records.add(new MemberStored(groupId, m.memberId, null));
            Map<Uuid, Set<Integer>> has = Reconciliation.partitions(
                    group.members.get(m.memberId).current.assigned());
            stored.add(m.toStore(protocol, ClassicWords.assignment(has, m.metadata(protocol), image)));
        }
        records.add(new TargetEpochStored(groupId, -1));
        records.add(new EpochStored(groupId, EpochStored.TOMBSTONE, 0));
        records.add(new GroupRecord.GroupStored(
                groupId, new GroupMetadata(ClassicWords.TYPE, generation, protocol, null, nowMs, stored)));
        return Optional.of(records);
    }

    private static GroupMember classic(ConsumerMember member) {
        ConsumerMemberMetadata words = member.metadata;
        GroupMember m = new GroupMember(member.memberId, words.instanceId());
        m.clientId = words.clientId();
        m.clientHost = words.clientHost();
        m.rebalanceTimeoutMs = words.rebalanceTimeoutMs();
        m.sessionTimeoutMs = words.classic().sessionTimeoutMs();
        m.protocols = words.classic().protocols();
        return m;
    }
}

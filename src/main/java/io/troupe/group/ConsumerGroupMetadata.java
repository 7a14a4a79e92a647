package io.troupe.group;

import io.troupe.group.ConsumerGroupRecord.CurrentStored;
import io.troupe.group.ConsumerGroupRecord.EpochStored;
import io.troupe.group.ConsumerGroupRecord.MemberStored;
import io.troupe.group.ConsumerGroupRecord.RegexStored;
import io.troupe.group.ConsumerGroupRecord.ResolvedRegex;
import io.troupe.group.ConsumerGroupRecord.TargetEpochStored;
import io.troupe.group.ConsumerGroupRecord.TargetStored;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;

/**
 * A group of the consumer protocol as it is stored: the fold of its records, in whatever order compaction left them. Immutable,
 * maps included.
 *
 * @param epoch -1 when none is stored
 * @param targetEpoch -1 when none is stored
 * @param members by member id; so are targets and currents, of which a member may lack either
 * @param regexes by expression
 */
record ConsumerGroupMetadata(
        int epoch,
        long metadataHash,
        int targetEpoch,
        Map<String, ConsumerMemberMetadata> members,
        Map<String, Map<Uuid, Set<Integer>>> targets,
        Map<String, CurrentAssignment> currents,
        Map<String, ResolvedRegex> regexes) {

    static final ConsumerGroupMetadata NONE =
            new ConsumerGroupMetadata(-1, 0, -1, Map.of(), Map.of(), Map.of(), Map.of());

    /** Null when nothing is left. Only the maps that the records touch are copied, each once. */
    static ConsumerGroupMetadata after(ConsumerGroupMetadata before, List<GroupRecord> records) {
        Fold fold = new Fold(before == null ? NONE : before);
        boolean any = false;
        for (GroupRecord record : records) {
            if (record instanceof ConsumerGroupRecord ours) {
                any = true;
                fold.add(ours);
            }
        }
        if (!any) {
            return before;
        }
        ConsumerGroupMetadata after = fold.done();
        return after.equals(NONE) ? null : after;
    }

    private static final class Fold {
        private int epoch;
        private long metadataHash;
        private int targetEpoch;
        private final Part<ConsumerMemberMetadata> members;
        private final Part<Map<Uuid, Set<Integer>>> targets;
        private final Part<CurrentAssignment> currents;
        private final Part<ResolvedRegex> regexes;

        Fold(ConsumerGroupMetadata before) {
            epoch = before.epoch;
            metadataHash = before.metadataHash;
            targetEpoch = before.targetEpoch;
            members = new Part<>(before.members);
            targets = new Part<>(before.targets);
            currents = new Part<>(before.currents);
            regexes = new Part<>(before.regexes);
        }

        void add(ConsumerGroupRecord record) {
            if (record instanceof EpochStored stored) {
                epoch = stored.epoch();
                metadataHash = epoch < 0 ? 0 : stored.metadataHash();
            } else if (record instanceof TargetEpochStored stored) {
                targetEpoch = stored.epoch();
            } else if (record instanceof MemberStored stored) {
                members.set(stored.memberId(), stored.metadata());
            } else if (record instanceof TargetStored stored) {
                targets.set(stored.memberId(), stored.target());
            } else if (record instanceof CurrentStored stored) {
                currents.set(stored.memberId(), stored.current());
            } else if (record instanceof RegexStored stored) {
                regexes.set(stored.regex(), stored.resolved());
            }
        }

        ConsumerGroupMetadata done() {
            return new ConsumerGroupMetadata(
                    epoch, metadataHash, targetEpoch, members.now, targets.now, currents.now, regexes.now);
        }
    }

    /** A map that is copied when it is first changed. */
    private static final class Part<V> {
        private final Map<String, V> before;
        private Map<String, V> now;

        Part(Map<String, V> before) {
            this.before = before;
            this.now = before;
        }

        void set(String key, V value) {
            if (now == before) {
                now = new HashMap<>(before);
            }
            if (value == null) {
                now.remove(key);
            } else {
                now.put(key, value);
            }
        }
    }
}

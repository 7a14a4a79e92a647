package io.troupe.group;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupConfig;
import io.troupe.config.GroupConfigs;
import io.troupe.group.ConsumerGroupRecord.CurrentStored;
import io.troupe.group.ConsumerGroupRecord.EpochStored;
import io.troupe.group.ConsumerGroupRecord.MemberStored;
import io.troupe.group.ConsumerGroupRecord.RegexStored;
import io.troupe.group.ConsumerGroupRecord.ResolvedRegex;
import io.troupe.group.ConsumerGroupRecord.TargetEpochStored;
import io.troupe.group.ConsumerGroupRecord.TargetStored;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/**
 * What the parts of a {@link ConsumerGroup} share: members, epochs, assignments, who owns what, deadlines, and what it wants
 * done. Each change also makes the record that stores it, and {@link #store} appends what has gathered. Owned by the group's
 * thread.
 */
final class ConsumerGroupState {
    static final long NEVER = Long.MAX_VALUE;

    final GroupConfig config;
    final ConsumerGroup.Surroundings around;
    /** The group's own settings, and what holds with them. */
    private Map<String, String> ownConfigs = Map.of();

    private ConsumerGroupConfig consumerConfig;

    /** As acknowledged; all else here runs ahead of it by the appends that are under way. */
    CommittedGroup committed;

    int epoch;
    /** Of the topics subscribed to, as of {@code epoch}. */
    long metadataHash;
    /** Never above {@code epoch}. */
    int targetEpoch;

    /** By member id, in no order that counts. */
    final Map<String, ConsumerMember> members = new LinkedHashMap<>();
    /** Member id by instance id. */
    final Map<String, String> idsByInstance = new HashMap<>();

    private final Map<String, Map<Uuid, Set<Integer>>> targets = new HashMap<>();
    /** Who has a partition, or has yet to give it up: member id by topic id and partition. */
    private final Map<Uuid, Map<Integer, String>> owners = new HashMap<>();

    final Map<String, ResolvedRegex> regexes = new HashMap<>();

    /** When it was last known to be not settled. */
    long unsettledAtMs;

    long emptySinceMs;
    long sweepDeadlineMs;
    /** Never later than the earliest deadline. */
    long nextDeadlineMs = NEVER;
    /** Appends asked for and not yet decided. */
    int appending;
    /** Whether something was stored since this was last set to false. */
    boolean moved = true;

    final ConsumerHistory history;

    private List<GroupRecord> records = new ArrayList<>();
    private List<Effect> effects = new ArrayList<>();

    ConsumerGroupState(
            CommittedGroup committed,
            GroupConfig config,
            ConsumerGroup.Surroundings around,
            int appending,
            GroupEvents before,
            long nowMs) {
        this.committed = committed;
        this.config = config;
        this.consumerConfig = config.consumer();
        this.around = around;
        this.appending = appending;
        this.unsettledAtMs = nowMs;
        this.emptySinceMs = nowMs;
        ConsumerGroupMetadata stored = committed.consumers();
        if (stored != null) {
            epoch = Math.max(0, stored.epoch());
            metadataHash = stored.metadataHash();
            targetEpoch = Math.max(0, stored.targetEpoch());
            regexes.putAll(stored.regexes());
            stored.members().forEach((id, metadata) -> {
                ConsumerMember member = new ConsumerMember(id, metadata, CurrentAssignment.NOTHING);
                add(member);
                own(member, stored.currents().getOrDefault(id, CurrentAssignment.NOTHING));
                targets.put(id, stored.targets().getOrDefault(id, Map.of()));
                touch(member, nowMs);
                restartRevocation(member, nowMs);
            });
        }
        sweepDeadlineMs = deadline(nowMs + ClassicGroup.SWEEP_INTERVAL_MS);
        history = new ConsumerHistory(this, before);
    }

    /** As of now: what the group was given for itself goes before the broker's (KIP-848). */
    ConsumerGroupConfig consumerConfig() {
        Map<String, String> given = around.image().get().groupConfigs(groupId());
        if (given != ownConfigs) {
            ownConfigs = given;
            consumerConfig = GroupConfigs.effective(config.consumer(), given);
        }
        return consumerConfig;
    }

    String groupId() {
        return committed.groupId();
    }

    ConsumerMember ofInstance(String instanceId) {
        String id = idsByInstance.get(instanceId);
        return id == null ? null : members.get(id);
    }

    private void add(ConsumerMember member) {
        members.put(member.memberId, member);
        if (member.metadata.instanceId() != null) {
            idsByInstance.put(member.metadata.instanceId(), member.memberId);
        }
    }

    /** A new member, or new words of an old one. */
    void storeMember(ConsumerMember member) {
        add(member);
        records.add(new MemberStored(groupId(), member.memberId, member.metadata));
    }

    void removeMember(ConsumerMember member, long nowMs) {
        own(member, CurrentAssignment.NOTHING);
        members.remove(member.memberId);
        if (member.metadata.instanceId() != null) {
            idsByInstance.remove(member.metadata.instanceId(), member.memberId);
        }
        targets.remove(member.memberId);
        records.add(new CurrentStored(groupId(), member.memberId, null));
        records.add(new TargetStored(groupId(), member.memberId, null));
        records.add(new MemberStored(groupId(), member.memberId, null));
        if (members.isEmpty()) {
            emptySinceMs = nowMs;
        }
    }

    void storeCurrent(ConsumerMember member, CurrentAssignment current) {
        own(member, current);
        records.add(new CurrentStored(groupId(), member.memberId, current));
    }

    private void own(ConsumerMember member, CurrentAssignment current) {
        List.of(member.current.assigned(), member.current.revoking())
                .forEach(topics -> topics.forEach((id, epochs) -> {
                    Map<Integer, String> ofTopic = owners.getOrDefault(id, Map.of());
                    epochs.keySet().forEach(p -> ofTopic.remove(p, member.memberId));
                    if (ofTopic.isEmpty()) {
                        owners.remove(id);
                    }
                }));
        List.of(current.assigned(), current.revoking())
                .forEach(topics -> topics.forEach((id, epochs) -> {
                    Map<Integer, String> ofTopic = owners.computeIfAbsent(id, t -> new HashMap<>());
                    epochs.keySet().forEach(p -> ofTopic.put(p, member.memberId));
                }));
        member.current = current;
    }

    /** Whether nobody but a member has a partition or has yet to give it up. */
    boolean isFree(Uuid topicId, int partition, String memberId) {
        return owners.getOrDefault(topicId, Map.of())
                .getOrDefault(partition, memberId)
                .equals(memberId);
    }

    /** Whether a member has all that the newest target gives it, and nothing else. */
    boolean hasItsTarget(ConsumerMember member) {
        return member.current.state() == CurrentAssignment.State.STABLE && member.current.memberEpoch() == targetEpoch;
    }

    Map<Uuid, Set<Integer>> target(String memberId) {
        return targets.getOrDefault(memberId, Map.of());
    }

    void storeTarget(String memberId, Map<Uuid, Set<Integer>> target) {
        targets.put(memberId, target);
        records.add(new TargetStored(groupId(), memberId, target));
    }

    void storeTargetEpoch() {
        targetEpoch = epoch;
        records.add(new TargetEpochStored(groupId(), targetEpoch));
    }

    void storeRegex(String regex, ResolvedRegex resolved) {
        if (resolved == null) {
            regexes.remove(regex);
        } else {
            regexes.put(regex, resolved);
        }
        records.add(new RegexStored(groupId(), regex, resolved));
    }

    void bumpEpoch(long newMetadataHash, long nowMs) {
        epoch++;
        metadataHash = newMetadataHash;
        unsettledAtMs = nowMs;
        records.add(new EpochStored(groupId(), epoch, metadataHash));
        if (committed.metadata() != null) {
            // What there was of a classic group of this name ends where this one begins.
            records.add(0, new GroupRecord.GroupRemoved(groupId()));
        }
    }

    /** Nothing is left of a group without members but its offsets. */
    void storeNothing() {
        List.copyOf(regexes.keySet()).forEach(regex -> storeRegex(regex, null));
        records.add(new TargetEpochStored(groupId(), -1));
        records.add(new EpochStored(groupId(), EpochStored.TOMBSTONE, 0));
        if (committed.metadata() != null) {
            records.add(new GroupRecord.GroupRemoved(groupId()));
        }
        epoch = 0;
        targetEpoch = 0;
        metadataHash = 0;
    }

    void store(GroupRecord record) {
        records.add(record);
    }

    long deadline(long atMs) {
        nextDeadlineMs = Math.min(nextDeadlineMs, atMs);
        return atMs;
    }

    /** A sign of life. */
    void touch(ConsumerMember member, long nowMs) {
        int sessionTimeoutMs = member.metadata.classic() == null
                ? consumerConfig().sessionTimeoutMs()
                : member.metadata.classic().sessionTimeoutMs();
        member.sessionDeadlineMs = deadline(nowMs + sessionTimeoutMs);
    }

    /** Gives a member its time to give up what it has to, if it has. A classic one is told to rejoin first. */
    void restartRevocation(ConsumerMember member, long nowMs) {
        member.revocationDeadlineMs = member.metadata.classic() == null
                        && member.current.state() == CurrentAssignment.State.UNREVOKED_PARTITIONS
                ? deadline(nowMs + Math.max(0, member.metadata.rebalanceTimeoutMs()))
                : NEVER;
    }

    /** Appends the records that have gathered, if any; {@code then} waits for all that was asked for earlier, too. */
    void store(Effect.Then then) {
        if (records.isEmpty() && then == Effect.Nothing.NOTHING) {
            return;
        }
        appending++;
        moved |= !records.isEmpty();
        effects.add(new Effect.Append(records, then));
        records = new ArrayList<>();
    }

    /** Answers once all that the answer may rest on is acknowledged. */
    <T> void answer(Reply<T> to, T response, Function<Errors, T> failure) {
        if (records.isEmpty() && appending == 0) {
            effects.add(new Effect.Answer<>(to, response));
        } else {
            store(new Effect.ThenAnswer<>(to, response, failure));
        }
    }

    /** Answers now. */
    <T> void answer(Reply<T> to, T response) {
        effects.add(new Effect.Answer<>(to, response));
    }

    void refuse(GroupRequest request, Errors error) {
        effects.add(new Effect.Refuse(request, error));
    }

    void effect(Effect effect) {
        effects.add(effect);
    }

    List<Effect> drain() {
        List<Effect> taken = effects;
        effects = new ArrayList<>();
        return taken;
    }
}

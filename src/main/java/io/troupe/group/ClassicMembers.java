package io.troupe.group;

import io.troupe.group.ConsumerMemberMetadata.Classic;
import io.troupe.group.CurrentAssignment.State;
import io.troupe.metadata.MetadataImage;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/**
 * How members that speak the classic protocol live in a group of the consumer protocol (KIP-848, "Migrating to the new
 * protocol"). Nobody leads them: the coordinator assigns, and each has a generation of its own, its member epoch.
 *
 * <pre>
 * heartbeat   its session goes on; REBALANCE_IN_PROGRESS when it should rejoin: a newer epoch began, it has partitions to give
 *             up, or all that it waits for is free. It has its rebalance time-out to do so
 * join        takes one step towards its target, with what it says to own; answered at once, with nobody to assign for.
 *             It has its rebalance time-out to synchronize
 * sync        hears its part. A cooperative member that finds partitions gone from it gives them up and rejoins by itself
 * </pre>
 */
final class ClassicMembers {
    /** First version of JoinGroup by which a member must come back with the id that it was given (KIP-394). */
    private static final short KNOWN_MEMBER_ID = 4;

    private final ConsumerGroupState group;
    private final ConsumerTargets targets;
    private final ConsumerHeartbeats heartbeats;

    ClassicMembers(ConsumerGroupState group, ConsumerTargets targets, ConsumerHeartbeats heartbeats) {
        this.group = group;
        this.targets = targets;
        this.heartbeats = heartbeats;
    }

    void onJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        MetadataImage image = group.around.image().get();
        boolean comesNew = data.memberId().isEmpty();
        ConsumerMember known = data.groupInstanceId() == null
                ? group.members.get(data.memberId())
                : group.ofInstance(data.groupInstanceId());
        Errors error = mayJoin(join, known);
        List<GroupMember.Protocol> protocols = GroupMember.protocolsOf(join);
        Optional<ClassicWords.Subscription> subscription = error == Errors.NONE
                ? ClassicWords.subscription(protocols.get(0).metadata(), image)
                : Optional.empty();
        if (error == Errors.NONE && subscription.isEmpty()) {
            error = Errors.INCONSISTENT_GROUP_PROTOCOL;
        }
        // Who was removed and does not know it yet must lose what it has before it comes in again.
        if (error == Errors.NONE && known == null && !subscription.get().owned().isEmpty()) {
            error = Errors.UNKNOWN_MEMBER_ID;
        }
        if (error != Errors.NONE) {
            group.refuse(join, error);
            return;
        }
        String memberId = comesNew ? group.around.memberIds().get() : data.memberId();
        short version = join.caller().apiVersion();
        if (comesNew && data.groupInstanceId() == null && version >= KNOWN_MEMBER_ID) {
            group.answer(join.reply(), GroupRequest.Join.refusal(Errors.MEMBER_ID_REQUIRED, memberId, version));
            return;
        }
        ConsumerMember member = update(join, known, memberId, subscription.get(), nowMs);
        CurrentAssignment next = Reconciliation.next(
                member.current,
                group.targetEpoch,
                group.target(memberId),
                subscription.get().owned(),
                (id, p) -> group.isFree(id, p, memberId));
        if (next != member.current) {
            group.storeCurrent(member, next);
            group.history.stepped(member);
        }
        group.touch(member, nowMs);
        member.revocationDeadlineMs = group.deadline(nowMs + member.metadata.rebalanceTimeoutMs());
        group.answer(
                join.reply(),
                new JoinGroupResponseData()
                        .setMemberId(memberId)
                        .setGenerationId(member.current.memberEpoch())
                        .setProtocolType(ClassicWords.TYPE)
                        .setProtocolName(protocols.get(0).name()),
                refusal -> GroupRequest.Join.refusal(refusal, memberId, version));
    }

    private Errors mayJoin(GroupRequest.Join join, ConsumerMember known) {
        var data = join.data();
        if (GroupMember.sizeInBytes(join) > ClassicGroup.MAX_MEMBER_BYTES) {
            return Errors.UNKNOWN_SERVER_ERROR;
        }
        if (data.sessionTimeoutMs() < group.config.minSessionTimeoutMs()
                || data.sessionTimeoutMs() > group.config.maxSessionTimeoutMs()) {
            return Errors.INVALID_SESSION_TIMEOUT;
        }
        if (!data.memberId().isEmpty() && data.groupInstanceId() != null) {
            if (known == null) {
                return Errors.UNKNOWN_MEMBER_ID;
            }
            if (!known.memberId.equals(data.memberId())) {
                return Errors.FENCED_INSTANCE_ID;
            }
        }
        if (known == null && group.members.size() >= group.consumerConfig().maxSize()) {
            return Errors.GROUP_MAX_SIZE_REACHED;
        }
        // All must agree on one, for a day when only classic members are left.
        List<GroupMember.Protocol> offered = GroupMember.protocolsOf(join);
        Set<String> common = new HashSet<>();
        offered.forEach(p -> common.add(p.name()));
        for (ConsumerMember member : group.members.values()) {
            if (member != known && member.metadata.classic() != null) {
                Set<String> names = new HashSet<>();
                member.metadata.classic().protocols().forEach(p -> names.add(p.name()));
                common.retainAll(names);
            }
        }
        return ClassicWords.TYPE.equals(data.protocolType()) && !common.isEmpty()
                ? Errors.NONE
                : Errors.INCONSISTENT_GROUP_PROTOCOL;
    }

    /** The member with what it says of itself now; an epoch begins when it is new or subscribes otherwise. */
    private ConsumerMember update(
            GroupRequest.Join join,
            ConsumerMember known,
            String memberId,
            ClassicWords.Subscription subscription,
            long nowMs) {
        var data = join.data();
        ConsumerMemberMetadata words = new ConsumerMemberMetadata(
                data.groupInstanceId() != null || known == null ? data.groupInstanceId() : known.metadata.instanceId(),
                subscription.rackId(),
                join.caller().clientId(),
                join.caller().clientHost(),
                subscription.topics(),
                null,
                // v0 knows no rebalance time-out: the session's stands for both.
                data.rebalanceTimeoutMs() < 0 ? data.sessionTimeoutMs() : data.rebalanceTimeoutMs(),
                null,
                new Classic(data.sessionTimeoutMs(), GroupMember.protocolsOf(join)));
        ConsumerMember member;
        if (known == null) {
            member = new ConsumerMember(memberId, words, CurrentAssignment.NOTHING);
            group.storeMember(member);
            group.history.joined(member, nowMs);
            targets.next(nowMs);
            return member;
        }
        boolean subscribesOtherwise = !words.subscribesAs(known.metadata);
        member =
                known.isAway() || !known.memberId.equals(memberId) ? heartbeats.replace(known, memberId, nowMs) : known;
        if (member != known || !words.equals(member.metadata)) {
            member.metadata = words;
            group.storeMember(member);
        }
        if (subscribesOtherwise) {
            group.history.rejoined(member, nowMs);
            targets.next(nowMs);
        }
        return member;
    }

    void onSync(GroupRequest.Sync sync, long nowMs) {
        var data = sync.data();
        Errors error = check(data.memberId(), data.groupInstanceId(), data.generationId());
        ConsumerMember member = group.members.get(data.memberId());
        // Who has partitions to give up must first hear which.
        if (error == Errors.NONE
                && member.current.memberEpoch() < group.epoch
                && member.current.state() != State.UNREVOKED_PARTITIONS) {
            awaitRejoin(member, nowMs);
            error = Errors.REBALANCE_IN_PROGRESS;
        }
        if (error == Errors.NONE
                && (data.protocolType() != null && !data.protocolType().equals(ClassicWords.TYPE)
                        || data.protocolName() != null
                                && !data.protocolName().equals(protocol(member).name()))) {
            error = Errors.INCONSISTENT_GROUP_PROTOCOL;
        }
        if (error != Errors.NONE) {
            group.refuse(sync, error);
            return;
        }
        member.revocationDeadlineMs = ConsumerGroupState.NEVER;
        group.touch(member, nowMs);
        group.answer(
                sync.reply(),
                new SyncGroupResponseData()
                        .setProtocolType(ClassicWords.TYPE)
                        .setProtocolName(protocol(member).name())
                        .setAssignment(ClassicWords.assignment(
                                Reconciliation.partitions(member.current.assigned()),
                                protocol(member).metadata(),
                                group.around.image().get())),
                refusal -> new SyncGroupResponseData().setErrorCode(refusal.code()));
    }

    void onHeartbeat(GroupRequest.Heartbeat heartbeat, long nowMs) {
        var data = heartbeat.data();
        Errors error = check(data.memberId(), data.groupInstanceId(), data.generationId());
        if (error == Errors.NONE) {
            ConsumerMember member = group.members.get(data.memberId());
            group.touch(member, nowMs);
            if (shouldRejoin(member)) {
                awaitRejoin(member, nowMs);
                error = Errors.REBALANCE_IN_PROGRESS;
            }
        }
        group.answer(
                heartbeat.reply(),
                new HeartbeatResponseData().setErrorCode(error.code()),
                refusal -> new HeartbeatResponseData().setErrorCode(refusal.code()));
    }

    private boolean shouldRejoin(ConsumerMember member) {
        return member.current.memberEpoch() < group.epoch
                || member.current.state() == State.UNREVOKED_PARTITIONS
                || member.current.state() == State.UNRELEASED_PARTITIONS && allIsFree(member);
    }

    private boolean allIsFree(ConsumerMember member) {
        for (Map.Entry<Uuid, Set<Integer>> topic : group.target(member.memberId).entrySet()) {
            for (int partition : topic.getValue()) {
                if (!group.isFree(topic.getKey(), partition, member.memberId)) {
                    return false;
                }
            }
        }
        return true;
    }

    private void awaitRejoin(ConsumerMember member, long nowMs) {
        if (member.revocationDeadlineMs == ConsumerGroupState.NEVER) {
            member.revocationDeadlineMs = group.deadline(nowMs + member.metadata.rebalanceTimeoutMs());
        }
    }

    /** Whether a request may speak for a classic member, in its generation. */
    private Errors check(String memberId, String groupInstanceId, int generation) {
        if (groupInstanceId != null) {
            ConsumerMember holder = group.ofInstance(groupInstanceId);
            if (holder == null) {
                return Errors.UNKNOWN_MEMBER_ID;
            }
            if (!Objects.equals(holder.memberId, memberId)) {
                return Errors.FENCED_INSTANCE_ID;
            }
        }
        ConsumerMember member = group.members.get(memberId);
        if (member == null || member.metadata.classic() == null) {
            return Errors.UNKNOWN_MEMBER_ID;
        }
        return member.current.memberEpoch() == generation ? Errors.NONE : Errors.ILLEGAL_GENERATION;
    }

    /** The one that it was told by the answer to its join: its own first. */
    private static GroupMember.Protocol protocol(ConsumerMember member) {
        return member.metadata.classic().protocols().get(0);
    }
}

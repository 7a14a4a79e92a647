package io.troupe.group;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.protocol.Errors;

/** Offsets of a group of the consumer protocol: who may commit and read them, and when they and the group are removed. */
final class ConsumerRetention {
    /** First version of OffsetCommit that knows member epochs. */
    private static final short MEMBER_EPOCHS = 9;

    private final ConsumerGroupState group;
    private final ConsumerTargets targets;

    ConsumerRetention(ConsumerGroupState group, ConsumerTargets targets) {
        this.group = group;
        this.targets = targets;
    }

    void onCommitOffsets(GroupRequest.CommitOffsets commit, long nowMs) {
        Errors error = mayCommit(commit.data(), commit.apiVersion());
        if (error != Errors.NONE) {
            group.refuse(commit, error);
            return;
        }
        GroupOffsets.Commit decided = GroupOffsets.commit(commit.data(), group.config.offsetMetadataMaxBytes(), nowMs);
        decided.records().forEach(group::store);
        group.answer(commit.reply(), decided.response(), refusal -> GroupOffsets.commitRefused(commit.data(), refusal));
    }

    /**
     * A member that has not heard of its newest epoch yet may commit what it has had since it was given it (KIP-1251). In none
     * may it commit what another member has, which Kafka lets it do: its heartbeats say what it has, and nothing of what it is
     * about to take, so it may take what was given to another one since, and would set that one's offset back.
     */
    private Errors mayCommit(OffsetCommitRequestData data, short version) {
        int epoch = data.generationIdOrMemberEpoch();
        if (epoch < 0 && group.members.isEmpty()) {
            return Errors.NONE;
        }
        ConsumerMember member = group.members.get(data.memberId());
        if (member == null) {
            return Errors.UNKNOWN_MEMBER_ID;
        }
        if (member.metadata.classic() != null) {
            return epoch == member.current.memberEpoch() ? Errors.NONE : Errors.ILLEGAL_GENERATION;
        }
        if (version < MEMBER_EPOCHS) {
            return Errors.UNSUPPORTED_VERSION;
        }
        if (epoch == member.current.memberEpoch()) {
            return hasAnother(member, data) ? Errors.STALE_MEMBER_EPOCH : Errors.NONE;
        }
        if (epoch < 0 || epoch > member.current.memberEpoch()) {
            return Errors.STALE_MEMBER_EPOCH;
        }
        for (var topic : data.topics()) {
            for (var partition : topic.partitions()) {
                Integer givenIn = member.current.assignmentEpoch(topic.topicId(), partition.partitionIndex());
                if (givenIn == null || epoch < givenIn) {
                    return Errors.STALE_MEMBER_EPOCH;
                }
            }
        }
        return Errors.NONE;
    }

    private boolean hasAnother(ConsumerMember member, OffsetCommitRequestData data) {
        return data.topics().stream().anyMatch(topic -> topic.partitions().stream()
                .anyMatch(p -> !group.isFree(topic.topicId(), p.partitionIndex(), member.memberId)));
    }

    void onFetchOffsets(GroupRequest.FetchOffsets fetch) {
        Errors error = mayFetch(fetch.asked());
        if (error != Errors.NONE) {
            group.refuse(fetch, error);
        } else {
            group.answer(fetch.reply(), GroupOffsets.fetch(group.committed, fetch.asked(), fetch.topics()));
        }
    }

    /** Who does not say that it is a member may read. A member's answer may be on its way: both its epochs count then. */
    private Errors mayFetch(OffsetFetchRequestGroup asked) {
        if (asked.memberId() == null && asked.memberEpoch() < 0) {
            return Errors.NONE;
        }
        ConsumerMember member = group.members.get(asked.memberId());
        if (member == null) {
            return Errors.UNKNOWN_MEMBER_ID;
        }
        ConsumerGroupMetadata stored = group.committed.consumers();
        CurrentAssignment acknowledged =
                stored == null ? null : stored.currents().get(member.memberId);
        return asked.memberEpoch() == member.current.memberEpoch()
                        || acknowledged != null && asked.memberEpoch() == acknowledged.memberEpoch()
                ? Errors.NONE
                : Errors.STALE_MEMBER_EPOCH;
    }

    /** Offsets of topics that are no more go. */
    void checkTopics(TopicIds topics) {
        group.committed
                .offsets()
                .forEach((topic, offsets) -> offsets.forEach((partition, offset) -> {
                    if (!topics.has(topic, offset)) {
                        group.store(new GroupRecord.OffsetRemoved(group.groupId(), topic, partition));
                    }
                }));
    }

    void onDelete(GroupRequest.Delete delete) {
        if (!group.members.isEmpty()) {
            group.answer(delete.reply(), Errors.NON_EMPTY_GROUP);
            return;
        }
        if (group.committed.isVoid() && group.appending == 0) {
            group.answer(delete.reply(), Errors.GROUP_ID_NOT_FOUND);
            return;
        }
        group.committed.offsets().forEach((topic, offsets) -> offsets.keySet()
                .forEach(p -> group.store(new GroupRecord.OffsetRemoved(group.groupId(), topic, p))));
        group.storeNothing();
        group.answer(delete.reply(), Errors.NONE, UnaryOperator.identity());
    }

    void onDeleteOffsets(GroupRequest.DeleteOffsets delete) {
        List<Errors> results = new ArrayList<>();
        for (GroupRequest.Partition p : delete.partitions()) {
            boolean refused = targets.isSubscribedTo(p.topic());
            results.add(refused ? Errors.GROUP_SUBSCRIBED_TO_TOPIC : Errors.NONE);
            if (!refused && group.committed.offset(p.topic(), p.partition()) != null) {
                group.store(new GroupRecord.OffsetRemoved(group.groupId(), p.topic(), p.partition()));
            }
        }
        group.answer(
                delete.reply(),
                new GroupRequest.OffsetsDeleted(Errors.NONE, results),
                error -> new GroupRequest.OffsetsDeleted(error, List.of()));
    }

    /** Offsets that nobody is subscribed to lapse (KIP-211), and then a group that nobody is in. */
    void sweep(long nowMs) {
        if (group.appending > 0) {
            return;
        }
        List<GroupRecord> lapsed = new ArrayList<>();
        group.committed.offsets().forEach((topic, offsets) -> {
            if (!targets.isSubscribedTo(topic)) {
                offsets.forEach((partition, offset) -> {
                    if (offset.hasLapsed(offset.commitTimestampMs(), group.config.offsetsRetentionMs(), nowMs)) {
                        lapsed.add(new GroupRecord.OffsetRemoved(group.groupId(), topic, partition));
                    }
                });
            }
        });
        lapsed.forEach(group::store);
        if (group.members.isEmpty()
                && group.committed.with(lapsed).offsets().isEmpty()
                && nowMs - group.emptySinceMs >= ClassicGroup.SWEEP_INTERVAL_MS) {
            group.storeNothing();
        }
        group.store(Effect.Nothing.NOTHING);
    }
}

package io.troupe.group;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.protocol.Errors;

/** What a group remembers beyond its members: who may commit offsets, and when offsets and the group itself are removed. */
final class GroupRetention {
    private final ClassicGroupState group;

    GroupRetention(ClassicGroupState group) {
        this.group = group;
    }

    void onCommitOffsets(GroupRequest.CommitOffsets commit, long nowMs) {
        Errors error = mayCommit(commit.data(), nowMs);
        if (error != Errors.NONE) {
            group.refuse(commit, error);
            return;
        }
        GroupOffsets.Commit decided = GroupOffsets.commit(commit.data(), group.config.offsetMetadataMaxBytes(), nowMs);
        if (decided.records().isEmpty()) {
            group.answer(commit.reply(), decided.response());
            return;
        }
        group.append(
                decided.records(),
                new Effect.ThenAnswer<>(
                        commit.reply(),
                        decided.response(),
                        refusal -> GroupOffsets.commitRefused(commit.data(), refusal)));
    }

    private Errors mayCommit(OffsetCommitRequestData data, long nowMs) {
        int asGeneration = data.generationIdOrMemberEpoch();
        if (asGeneration < 0 && group.state == ClassicGroup.State.EMPTY) {
            return Errors.NONE;
        }
        Errors error = group.members.check(data.memberId(), data.groupInstanceId());
        if (error != Errors.NONE) {
            return error;
        }
        if (asGeneration != group.generation) {
            return Errors.ILLEGAL_GENERATION;
        }
        group.touch(group.members.get(data.memberId()), nowMs);
        // The new generation's members have not been told what they own: nobody can have consumed in it.
        return group.state == ClassicGroup.State.COMPLETING_REBALANCE ? Errors.REBALANCE_IN_PROGRESS : Errors.NONE;
    }

    /** See {@link ClassicGroup#checkTopics}. */
    void checkTopics(TopicIds topics) {
        List<GroupRecord> records = new ArrayList<>();
        group.committed
                .offsets()
                .forEach((topic, offsets) -> offsets.forEach((partition, offset) -> {
                    if (!topics.has(topic, offset)) {
                        records.add(new GroupRecord.OffsetRemoved(group.groupId(), topic, partition));
                    }
                }));
        if (!records.isEmpty()) {
            group.append(records, Effect.Nothing.NOTHING);
        }
    }

    void onDelete(GroupRequest.Delete delete) {
        if (group.state != ClassicGroup.State.EMPTY) {
            group.answer(delete.reply(), Errors.NON_EMPTY_GROUP);
        } else if (group.committed.isVoid()) {
            group.answer(delete.reply(), Errors.GROUP_ID_NOT_FOUND);
        } else {
            group.append(tombstones(), new Effect.ThenAnswer<>(delete.reply(), Errors.NONE, UnaryOperator.identity()));
        }
    }

    void onDeleteOffsets(GroupRequest.DeleteOffsets delete) {
        if (group.state != ClassicGroup.State.EMPTY && !"consumer".equals(group.protocolType)) {
            group.refuse(delete, Errors.NON_EMPTY_GROUP);
            return;
        }
        Set<String> subscribed = group.state == ClassicGroup.State.EMPTY
                ? Set.of()
                : ClassicWords.topics(group.members.all(), group.protocol);
        List<GroupRecord> records = new ArrayList<>();
        List<Errors> results = new ArrayList<>();
        for (GroupRequest.Partition p : delete.partitions()) {
            boolean refused = subscribed == null || subscribed.contains(p.topic());
            results.add(refused ? Errors.GROUP_SUBSCRIBED_TO_TOPIC : Errors.NONE);
            if (!refused && group.committed.offset(p.topic(), p.partition()) != null) {
                records.add(new GroupRecord.OffsetRemoved(group.groupId(), p.topic(), p.partition()));
            }
        }
        GroupRequest.OffsetsDeleted done = new GroupRequest.OffsetsDeleted(Errors.NONE, results);
        if (records.isEmpty()) {
            group.answer(delete.reply(), done);
        } else {
            group.append(
                    records,
                    new Effect.ThenAnswer<>(
                            delete.reply(), done, error -> new GroupRequest.OffsetsDeleted(error, List.of())));
        }
    }

    /** Offsets of a group without members lapse (KIP-211), and then the group itself. */
    void sweep(long nowMs) {
        if (group.state != ClassicGroup.State.EMPTY || group.appending > 0 || !group.pending.isEmpty()) {
            return;
        }
        List<GroupRecord> lapsed = new ArrayList<>();
        boolean consumers = !group.protocolType().isEmpty();
        group.committed
                .offsets()
                .forEach((topic, offsets) -> offsets.forEach((partition, offset) -> {
                    long sinceMs = consumers
                            ? Math.max(group.stateSinceMs, offset.commitTimestampMs())
                            : offset.commitTimestampMs();
                    if (offset.hasLapsed(sinceMs, group.config.offsetsRetentionMs(), nowMs)) {
                        lapsed.add(new GroupRecord.OffsetRemoved(group.groupId(), topic, partition));
                    }
                }));
        boolean nothingElse = group.committed.with(lapsed).offsets().isEmpty();
        if (nothingElse
                && group.committed.metadata() != null
                && nowMs - group.stateSinceMs >= ClassicGroup.SWEEP_INTERVAL_MS) {
            lapsed.add(new GroupRecord.GroupRemoved(group.groupId()));
        }
        if (!lapsed.isEmpty()) {
            group.append(lapsed, Effect.Removed.REMOVED);
        }
    }

    private List<GroupRecord> tombstones() {
        List<GroupRecord> records = new ArrayList<>();
        group.committed.offsets().forEach((topic, offsets) -> offsets.keySet()
                .forEach(p -> records.add(new GroupRecord.OffsetRemoved(group.groupId(), topic, p))));
        if (group.committed.metadata() != null) {
            records.add(new GroupRecord.GroupRemoved(group.groupId()));
        }
        return records;
    }
}

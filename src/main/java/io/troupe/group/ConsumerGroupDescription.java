package io.troupe.group;

import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData.Assignment;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData.DescribedGroup;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData.Member;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData.TopicPartitions;

/** How a group of the consumer protocol looks from outside. Topics that are no more are left out: they have no name. */
final class ConsumerGroupDescription {
    private static final byte SPEAKS_CLASSIC = 0;
    private static final byte SPEAKS_CONSUMER = 1;

    private ConsumerGroupDescription() {}

    static DescribedGroup of(ConsumerGroup core, ConsumerGroupState group) {
        MetadataImage image = group.around.image().get();
        DescribedGroup described = new DescribedGroup()
                .setGroupId(group.groupId())
                .setGroupState(core.stateText())
                .setGroupEpoch(group.epoch)
                .setAssignmentEpoch(group.targetEpoch)
                .setAssignorName(core.assignor());
        for (ConsumerMember m : group.members.values()) {
            described
                    .members()
                    .add(new Member()
                            .setMemberId(m.memberId)
                            .setInstanceId(m.metadata.instanceId())
                            .setRackId(m.metadata.rackId())
                            .setMemberEpoch(m.current.memberEpoch())
                            .setClientId(m.metadata.clientId())
                            .setClientHost(m.metadata.clientHost())
                            .setSubscribedTopicNames(m.metadata.topicNames())
                            .setSubscribedTopicRegex(m.metadata.topicRegex())
                            .setAssignment(assignment(Reconciliation.partitions(m.current.assigned()), image))
                            .setTargetAssignment(assignment(group.target(m.memberId), image))
                            .setMemberType(m.metadata.classic() == null ? SPEAKS_CONSUMER : SPEAKS_CLASSIC));
        }
        return described;
    }

    private static Assignment assignment(Map<Uuid, Set<Integer>> partitions, MetadataImage image) {
        Assignment assignment = new Assignment();
        partitions.forEach((topicId, numbers) -> image.topic(topicId).ifPresent(topic -> assignment
                .topicPartitions()
                .add(new TopicPartitions()
                        .setTopicId(topicId)
                        .setTopicName(topic.name())
                        .setPartitions(new ArrayList<>(new TreeSet<>(numbers))))));
        return assignment;
    }
}

package io.troupe.group;

import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DeleteGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.OffsetDeleteResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;

/**
 * Consumer groups as the API handlers use them. Every stage completes normally, errors as Kafka's codes in the data; the
 * version is the request's API version, because some answers differ by it.
 */
public interface GroupService {
    /** Who asks. */
    record Caller(String clientId, String clientHost, short apiVersion) {}

    /** Partition of {@code __consumer_offsets} that holds a group, given that topic's partition count. */
    static int partitionFor(String groupId, int partitions) {
        return (groupId.hashCode() & Integer.MAX_VALUE) % partitions;
    }

    CompletionStage<JoinGroupResponseData> joinGroup(Caller caller, JoinGroupRequestData request);

    /** @param hold once it has begun, the stage completes only if there is something else to say */
    CompletionStage<SyncGroupResponseData> syncGroup(
            Caller caller, SyncGroupRequestData request, AnswerHold<SyncGroupResponseData> hold);

    /** @param hold once it has begun, the stage completes only if there is something else to say */
    CompletionStage<HeartbeatResponseData> heartbeat(
            Caller caller, HeartbeatRequestData request, AnswerHold<HeartbeatResponseData> hold);

    CompletionStage<LeaveGroupResponseData> leaveGroup(Caller caller, LeaveGroupRequestData request);

    /** What a member of the consumer protocol says, joins and leaves by, and hears its assignment from (KIP-848). */
    CompletionStage<ConsumerGroupHeartbeatResponseData> consumerHeartbeat(
            Caller caller, ConsumerGroupHeartbeatRequestData request);

    /** Of groups of the consumer protocol only. */
    CompletionStage<ConsumerGroupDescribeResponseData.DescribedGroup> describeConsumerGroup(
            Caller caller, String groupId);

    CompletionStage<OffsetCommitResponseData> commitOffsets(Caller caller, OffsetCommitRequestData request);

    CompletionStage<OffsetFetchResponseData> fetchOffsets(Caller caller, OffsetFetchRequestData request);

    CompletionStage<DescribeGroupsResponseData.DescribedGroup> describeGroup(Caller caller, String groupId);

    /** The last that happened to a group, of whatever protocol; nothing when it is not known or not here. */
    CompletionStage<GroupEvents> groupEvents(String groupId);

    CompletionStage<ListGroupsResponseData> listGroups(Caller caller, ListGroupsRequestData request);

    /** Removes Empty groups and their offsets. */
    CompletionStage<DeleteGroupsResponseData> deleteGroups(Caller caller, DeleteGroupsRequestData request);

    /** Removes offsets of partitions that no member is subscribed to. */
    CompletionStage<OffsetDeleteResponseData> deleteOffsets(Caller caller, OffsetDeleteRequestData request);
}

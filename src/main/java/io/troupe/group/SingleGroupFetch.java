package io.troupe.group;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartition;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopic;
import org.apache.kafka.common.protocol.Errors;

/** OffsetFetch before v8, which asks for one group and has other field names for the same things (KIP-709). */
final class SingleGroupFetch {
    private SingleGroupFetch() {}

    static OffsetFetchRequestGroup groupOf(OffsetFetchRequestData request) {
        List<OffsetFetchRequestTopics> topics = null;
        if (request.topics() != null) {
            topics = new ArrayList<>();
            for (var topic : request.topics()) {
                topics.add(new OffsetFetchRequestTopics()
                        .setName(topic.name())
                        .setPartitionIndexes(topic.partitionIndexes()));
            }
        }
        return new OffsetFetchRequestGroup().setGroupId(request.groupId()).setTopics(topics);
    }

    /** Before v2 there is no error of the whole: it stands at each partition asked for. */
    static OffsetFetchResponseData responseOf(
            OffsetFetchResponseGroup group, OffsetFetchRequestData request, short version) {
        OffsetFetchResponseData response = new OffsetFetchResponseData();
        if (group.errorCode() != Errors.NONE.code()) {
            if (version >= 2) {
                return response.setErrorCode(group.errorCode());
            }
            for (var topic : request.topics()) {
                OffsetFetchResponseTopic answer = new OffsetFetchResponseTopic().setName(topic.name());
                for (int partition : topic.partitionIndexes()) {
                    answer.partitions()
                            .add(new OffsetFetchResponsePartition()
                                    .setPartitionIndex(partition)
                                    .setCommittedOffset(GroupOffsets.NO_OFFSET)
                                    .setMetadata("")
                                    .setErrorCode(group.errorCode()));
                }
                response.topics().add(answer);
            }
            return response;
        }
        for (var topic : group.topics()) {
            OffsetFetchResponseTopic answer = new OffsetFetchResponseTopic().setName(topic.name());
            for (var p : topic.partitions()) {
                answer.partitions()
                        .add(new OffsetFetchResponsePartition()
                                .setPartitionIndex(p.partitionIndex())
                                .setCommittedOffset(p.committedOffset())
                                .setCommittedLeaderEpoch(p.committedLeaderEpoch())
                                .setMetadata(p.metadata())
                                .setErrorCode(p.errorCode()));
            }
            response.topics().add(answer);
        }
        return response;
    }
}

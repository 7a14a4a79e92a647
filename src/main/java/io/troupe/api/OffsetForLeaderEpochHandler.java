package io.troupe.api;

import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LocalReplicas;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderPartition;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderTopic;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData.EpochEndOffset;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData.OffsetForLeaderTopicResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * OffsetForLeaderEpoch 2 to 4, for consumers that check whether what they read survived a change of leader (KIP-320):
 * the largest epoch not above the one asked for, and its end; -1 and -1 when the log cannot tell.
 */
public final class OffsetForLeaderEpochHandler implements ApiHandler<OffsetForLeaderEpochRequestData> {
    private final PartitionLookup lookup;

    public OffsetForLeaderEpochHandler(MetadataCache metadata, LocalReplicas replicas) {
        this.lookup = new PartitionLookup(metadata, replicas);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.OFFSET_FOR_LEADER_EPOCH;
    }

    @Override
    public short minVersion() {
        return 2;
    }

    @Override
    public short maxVersion() {
        return 4;
    }

    @Override
    public void handle(RequestContext context, OffsetForLeaderEpochRequestData request) {
        OffsetForLeaderEpochResponseData response = new OffsetForLeaderEpochResponseData();
        for (OffsetForLeaderTopic topic : request.topics()) {
            OffsetForLeaderTopicResult answer = new OffsetForLeaderTopicResult().setTopic(topic.topic());
            response.topics().add(answer);
            for (OffsetForLeaderPartition partition : topic.partitions()) {
                answer.partitions().add(end(topic.topic(), partition));
            }
        }
        context.respond(response);
    }

    private EpochEndOffset end(String topic, OffsetForLeaderPartition wanted) {
        EpochEndOffset answer = new EpochEndOffset()
                .setPartition(wanted.partition())
                .setLeaderEpoch(-1)
                .setEndOffset(-1);
        PartitionLookup.Found found =
                lookup.find(topic, Uuid.ZERO_UUID, wanted.partition(), wanted.currentLeaderEpoch());
        if (found.error() != Errors.NONE) {
            return answer.setErrorCode(found.error().code());
        }
        EpochEnds ends = EpochEnds.of(found.view(), wanted.leaderEpoch());
        return answer.setLeaderEpoch(ends.epoch()).setEndOffset(ends.endOffset());
    }
}

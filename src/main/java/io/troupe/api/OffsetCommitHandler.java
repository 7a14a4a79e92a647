package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Stores offsets of a group; answered once they are acknowledged by all in-sync replicas.
 *
 * <p>v2 to v4 carry a retention time, which is ignored: offsets lapse by the broker's setting (KIP-211). From v10 on topics
 * are named by id, an unknown one is UNKNOWN_TOPIC_ID.
 */
public final class OffsetCommitHandler implements ApiHandler<OffsetCommitRequestData> {
    private final GroupService groups;

    public OffsetCommitHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.OFFSET_COMMIT;
    }

    @Override
    public short minVersion() {
        return 2;
    }

    @Override
    public short maxVersion() {
        return 10;
    }

    @Override
    public void handle(RequestContext context, OffsetCommitRequestData request) {
        GroupAnswer.send(context, request, groups.commitOffsets(GroupAnswer.caller(context), request));
    }
}

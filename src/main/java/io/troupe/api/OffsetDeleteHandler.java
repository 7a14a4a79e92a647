package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Removes offsets of partitions that no member of the group is subscribed to (KIP-496).
 */
public final class OffsetDeleteHandler implements ApiHandler<OffsetDeleteRequestData> {
    private final GroupService groups;

    public OffsetDeleteHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.OFFSET_DELETE;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 0;
    }

    @Override
    public void handle(RequestContext context, OffsetDeleteRequestData request) {
        GroupAnswer.send(context, request, groups.deleteOffsets(GroupAnswer.caller(context), request));
    }
}

package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Tells what groups have committed; -1 without an error where they have not.
 *
 * <p>v2 asks for all partitions by null; from v8 on several groups at once (KIP-709), from v10 on topics are named by id. v7's
 * wish for stable offsets is ignored while there are no transactions.
 */
public final class OffsetFetchHandler implements ApiHandler<OffsetFetchRequestData> {
    private final GroupService groups;

    public OffsetFetchHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.OFFSET_FETCH;
    }

    @Override
    public short minVersion() {
        return 1;
    }

    @Override
    public short maxVersion() {
        return 10;
    }

    @Override
    public void handle(RequestContext context, OffsetFetchRequestData request) {
        GroupAnswer.send(context, request, groups.fetchOffsets(GroupAnswer.caller(context), request));
    }
}

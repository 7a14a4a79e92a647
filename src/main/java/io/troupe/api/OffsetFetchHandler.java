package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * OffsetFetch, versions 1 to 10: tells what groups have committed; -1 without an error where they have not.
 *
 * <pre>
 * 1    an error of the whole stands at each partition
 * 2    all partitions, by null; an error of the whole stands by itself
 * 5    the leader epoch of the record before the offset (KIP-320)
 * 7    a wish for stable offsets (KIP-447)
 * 8    several groups at once, each with its own error (KIP-709)
 * 9    members of the consumer protocol, who must be in their epoch (KIP-848)
 * 10   topics by id; an unknown one is UNKNOWN_TOPIC_ID
 * </pre>
 *
 * <p>Stable offsets are those that no open transaction is about to change. As long as there are no transactions all of them are, so
 * the wish is taken and UNSTABLE_OFFSET_COMMIT never answered.
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

package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * OffsetCommit, versions 2 to 10: stores offsets of a group; answered once they are acknowledged by all in-sync replicas.
 *
 * <pre>
 * 2-4  may say for how long the offsets are to be kept without members; else, and from 5 on, the broker's setting counts (KIP-211)
 * 6    the leader epoch of the record before the offset (KIP-320)
 * 7    the instance id of a static member (KIP-345)
 * 9    members of the consumer protocol, by their epoch (KIP-848); GROUP_ID_NOT_FOUND where there is no such group, which is
 *      ILLEGAL_GENERATION before
 * 10   topics by id; an unknown one is UNKNOWN_TOPIC_ID
 * </pre>
 *
 * <p>A partition whose text is longer than {@code offset.metadata.max.bytes} is OFFSET_METADATA_TOO_LARGE by itself; the others
 * are stored.
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

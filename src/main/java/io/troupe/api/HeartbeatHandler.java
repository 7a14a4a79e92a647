package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Keeps a member's session and tells it of a rebalance. From v3 on static members are checked (KIP-345).
 *
 * <p>While there is nothing to tell, the answer may wait for a rebalance ({@link LateAnswer}).
 */
public final class HeartbeatHandler implements ApiHandler<HeartbeatRequestData> {
    private final GroupService groups;

    public HeartbeatHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.HEARTBEAT;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 4;
    }

    @Override
    public void handle(RequestContext context, HeartbeatRequestData request) {
        GroupAnswer.send(
                context, request, groups.heartbeat(GroupAnswer.caller(context), request, LateAnswer.mayBe(context)));
    }
}

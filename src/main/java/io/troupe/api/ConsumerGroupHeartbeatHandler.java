package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * A member of a group of the consumer protocol joins, stays, hears what it is to own, and leaves (KIP-848). Answered once what
 * it changed is acknowledged by all in-sync replicas.
 *
 * <p>v1 brings regular expressions, and members that make their own ids (KIP-1082).
 */
public final class ConsumerGroupHeartbeatHandler implements ApiHandler<ConsumerGroupHeartbeatRequestData> {
    private final GroupService groups;

    public ConsumerGroupHeartbeatHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.CONSUMER_GROUP_HEARTBEAT;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 1;
    }

    @Override
    public void handle(RequestContext context, ConsumerGroupHeartbeatRequestData request) {
        GroupAnswer.send(context, request, groups.consumerHeartbeat(GroupAnswer.caller(context), request));
    }
}

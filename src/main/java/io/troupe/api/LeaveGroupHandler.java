package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Removes members from a group. From v3 on several at once, with an error each, static ones by instance id alone (KIP-345);
 * v5's reason is ignored (KIP-800).
 */
public final class LeaveGroupHandler implements ApiHandler<LeaveGroupRequestData> {
    private final GroupService groups;

    public LeaveGroupHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.LEAVE_GROUP;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 5;
    }

    @Override
    public void handle(RequestContext context, LeaveGroupRequestData request) {
        GroupAnswer.send(context, request, groups.leaveGroup(GroupAnswer.caller(context), request));
    }
}

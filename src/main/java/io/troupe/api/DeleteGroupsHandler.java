package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Removes groups without members, and their offsets (KIP-229).
 */
public final class DeleteGroupsHandler implements ApiHandler<DeleteGroupsRequestData> {
    private final GroupService groups;

    public DeleteGroupsHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DELETE_GROUPS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 2;
    }

    @Override
    public void handle(RequestContext context, DeleteGroupsRequestData request) {
        GroupAnswer.send(context, request, groups.deleteGroups(GroupAnswer.caller(context), request));
    }
}

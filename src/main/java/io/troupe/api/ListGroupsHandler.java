package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Lists the groups that this broker coordinates. v4 filters by state (KIP-518), v5 by type (KIP-848).
 */
public final class ListGroupsHandler implements ApiHandler<ListGroupsRequestData> {
    private final GroupService groups;

    public ListGroupsHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.LIST_GROUPS;
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
    public void handle(RequestContext context, ListGroupsRequestData request) {
        GroupAnswer.send(context, request, groups.listGroups(GroupAnswer.caller(context), request));
    }
}

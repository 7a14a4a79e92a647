package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.group.GroupService.Caller;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Describes groups: state, members, and, while Stable, what they say and own. An unknown group is Dead; from v6 on it is
 * GROUP_ID_NOT_FOUND (KIP-1043). Authorized operations (v3) are not told: there are no ACLs. Who sends an {@link EventsTag} is told
 * each group's last events too.
 */
public final class DescribeGroupsHandler implements ApiHandler<DescribeGroupsRequestData> {
    private final GroupService groups;

    public DescribeGroupsHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_GROUPS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 6;
    }

    @Override
    public void handle(RequestContext context, DescribeGroupsRequestData request) {
        Caller caller = GroupAnswer.caller(context);
        List<CompletableFuture<DescribedGroup>> described = request.groups().stream()
                .map(id -> described(caller, id, EventsTag.isIn(request.unknownTaggedFields()))
                        .toCompletableFuture())
                .toList();
        GroupAnswer.send(
                context,
                request,
                CompletableFuture.allOf(described.toArray(CompletableFuture[]::new))
                        .thenApply(done -> new DescribeGroupsResponseData()
                                .setGroups(described.stream()
                                        .map(CompletableFuture::join)
                                        .toList())));
    }

    private CompletionStage<DescribedGroup> described(Caller caller, String groupId, boolean withEvents) {
        CompletionStage<DescribedGroup> described = groups.describeGroup(caller, groupId);
        return withEvents
                ? described.thenCombine(groups.groupEvents(groupId), (group, events) -> {
                    group.unknownTaggedFields().add(EventsTag.of(events));
                    return group;
                })
                : described;
    }
}

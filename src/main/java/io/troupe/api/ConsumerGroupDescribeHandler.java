package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.group.GroupService.Caller;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.message.ConsumerGroupDescribeRequestData;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData.DescribedGroup;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Describes groups of the consumer protocol (KIP-848): epochs, members, what each has and is to have. A classic group is
 * GROUP_ID_NOT_FOUND here. Authorized operations are not told: there are no ACLs.
 */
public final class ConsumerGroupDescribeHandler implements ApiHandler<ConsumerGroupDescribeRequestData> {
    private final GroupService groups;

    public ConsumerGroupDescribeHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.CONSUMER_GROUP_DESCRIBE;
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
    public void handle(RequestContext context, ConsumerGroupDescribeRequestData request) {
        Caller caller = GroupAnswer.caller(context);
        List<CompletableFuture<DescribedGroup>> described = request.groupIds().stream()
                .map(id -> groups.describeConsumerGroup(caller, id).toCompletableFuture())
                .toList();
        GroupAnswer.send(
                context,
                request,
                CompletableFuture.allOf(described.toArray(CompletableFuture[]::new))
                        .thenApply(done -> new ConsumerGroupDescribeResponseData()
                                .setGroups(described.stream()
                                        .map(CompletableFuture::join)
                                        .toList())));
    }
}

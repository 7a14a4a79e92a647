package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Takes the leader's assignment and gives each member its own, once it is stored. Who is assigned nothing yet may hear so later
 * ({@link LateAnswer}), while others in a cooperative group give partitions up (KIP-429).
 *
 * <p>From v5 on the protocol's type and name are checked (KIP-559).
 */
public final class SyncGroupHandler implements ApiHandler<SyncGroupRequestData> {
    private final GroupService groups;

    public SyncGroupHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.SYNC_GROUP;
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
    public void handle(RequestContext context, SyncGroupRequestData request) {
        GroupAnswer.send(
                context, request, groups.syncGroup(GroupAnswer.caller(context), request, LateAnswer.mayBe(context)));
    }
}

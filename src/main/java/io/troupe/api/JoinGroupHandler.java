package io.troupe.api;

import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Puts a member into a classic group and answers when the rebalance completes.
 *
 * <p>From v4 on a member is told its id before it may join (KIP-394); v5 brings static members (KIP-345), v8 a reason, which
 * is ignored (KIP-800), v9 tells a returning static leader to leave the assignment as it is (KIP-814).
 */
public final class JoinGroupHandler implements ApiHandler<JoinGroupRequestData> {
    private final GroupService groups;

    public JoinGroupHandler(GroupService groups) {
        this.groups = groups;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.JOIN_GROUP;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 9;
    }

    @Override
    public void handle(RequestContext context, JoinGroupRequestData request) {
        GroupAnswer.send(context, request, groups.joinGroup(GroupAnswer.caller(context), request));
    }
}

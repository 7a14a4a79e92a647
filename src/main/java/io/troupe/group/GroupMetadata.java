package io.troupe.group;

import java.util.List;

/**
 * A classic group as it is stored: the last generation whose assignment was written down, or an Empty group.
 *
 * @param protocolType empty for a group that only commits offsets
 * @param protocol null when the group is empty
 * @param leader member id, null when the group is empty
 * @param stateTimestampMs since when it is in this state, -1 when unknown
 */
record GroupMetadata(
        String protocolType,
        int generation,
        String protocol,
        String leader,
        long stateTimestampMs,
        List<Member> members) {
    GroupMetadata {
        members = List.copyOf(members);
    }

    /**
     * A stored member. The arrays are never changed.
     *
     * @param groupInstanceId null for a dynamic member
     * @param subscription its metadata for the chosen protocol
     */
    record Member(
            String memberId,
            String groupInstanceId,
            String clientId,
            String clientHost,
            int rebalanceTimeoutMs,
            int sessionTimeoutMs,
            byte[] subscription,
            byte[] assignment) {}
}

package io.troupe.group;

import java.util.List;
import java.util.Objects;

/**
 * What a member of a group of the consumer protocol says of itself. Immutable.
 *
 * @param instanceId null for a dynamic member
 * @param rackId null when not told
 * @param topicNames in ascending order, without doubles; empty when only a regular expression is given
 * @param topicRegex null or empty for none
 * @param rebalanceTimeoutMs how long it may take to give partitions up
 * @param serverAssignor null for no preference
 * @param classic null unless it speaks the classic protocol
 */
record ConsumerMemberMetadata(
        String instanceId,
        String rackId,
        String clientId,
        String clientHost,
        List<String> topicNames,
        String topicRegex,
        int rebalanceTimeoutMs,
        String serverAssignor,
        Classic classic) {

    /** Of a member that speaks the classic protocol: what it joined with. The list and the arrays are never changed. */
    record Classic(int sessionTimeoutMs, List<GroupMember.Protocol> protocols) {}

    boolean hasRegex() {
        return topicRegex != null && !topicRegex.isEmpty();
    }

    /** Whether it asks for the same topics. */
    boolean subscribesAs(ConsumerMemberMetadata other) {
        return topicNames.equals(other.topicNames)
                && Objects.equals(hasRegex() ? topicRegex : null, other.hasRegex() ? other.topicRegex : null);
    }
}

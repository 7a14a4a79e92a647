package io.troupe.group;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.group.assignor.TopicRegexes;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.protocol.Errors;

/** What is wrong with a heartbeat of the consumer protocol: by itself, and for the member it speaks for. Pure. */
final class ConsumerHeartbeatCheck {
    /** Longest id, rack or expression, in UTF-16 units: a stored key holds 32,767 bytes, and a unit takes at most three. */
    static final int MAX_TEXT = 10_000;
    /** Of all names of a subscription together, in UTF-16 units: it is stored, and loaded by every later coordinator. */
    static final int MAX_NAMES = 1 << 20;
    /** First version in which the member makes its own id (KIP-1082). */
    private static final short OWN_MEMBER_ID = 1;

    static final int JOIN = 0;
    static final int LEAVE = -1;
    static final int LEAVE_STATIC = -2;

    private ConsumerHeartbeatCheck() {}

    /** Why a request is refused. */
    record Problem(Errors error, String message) {}

    /** Null when nothing is wrong with the request as such. To be asked before a group is: none is made or changed for it. */
    static Problem of(ConsumerGroupHeartbeatRequestData r, short version, ConsumerGroupConfig config) {
        if (r.groupId().isEmpty()) {
            return invalid("GroupId can't be empty.");
        }
        if (r.memberEpoch() < LEAVE_STATIC) {
            return invalid("MemberEpoch " + r.memberEpoch() + " is invalid: it is at least -2.");
        }
        if (r.memberId().isEmpty() && (r.memberEpoch() != JOIN || version >= OWN_MEMBER_ID)) {
            return invalid("MemberId can't be empty.");
        }
        if ("".equals(r.instanceId())) {
            return invalid("InstanceId can't be empty.");
        }
        if ("".equals(r.rackId())) {
            return invalid("RackId can't be empty.");
        }
        if (r.memberEpoch() == LEAVE_STATIC && r.instanceId() == null) {
            return invalid("InstanceId can't be null when a static member leaves.");
        }
        if (longest(r) > MAX_TEXT) {
            return invalid("Ids, rack and regular expression have at most " + MAX_TEXT + " characters.");
        }
        if (namesLength(r) > MAX_NAMES) {
            return invalid("SubscribedTopicNames have at most " + MAX_NAMES + " characters together.");
        }
        if (r.memberEpoch() == JOIN) {
            if (r.rebalanceTimeoutMs() == -1) {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            if (r.topicPartitions() == null || !r.topicPartitions().isEmpty()) {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            if (r.subscribedTopicNames() == null && r.subscribedTopicRegex() == null) {
                return invalid(
                        "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
            }
        }
        if (r.serverAssignor() != null && !config.assignors().contains(r.serverAssignor())) {
            return new Problem(
                    Errors.UNSUPPORTED_ASSIGNOR,
                    "ServerAssignor " + r.serverAssignor() + " is not supported. Supported assignors: "
                            + String.join(", ", config.assignors()) + ".");
        }
        return ofRegex(r.subscribedTopicRegex());
    }

    private static Problem ofRegex(String regex) {
        if (regex != null && !regex.isEmpty()) {
            try {
                TopicRegexes.check(regex);
            } catch (IllegalArgumentException e) {
                return new Problem(Errors.INVALID_REGULAR_EXPRESSION, e.getMessage());
            }
        }
        return null;
    }

    private static int longest(ConsumerGroupHeartbeatRequestData r) {
        int longest = Math.max(r.groupId().length(), r.memberId().length());
        for (String text : new String[] {r.instanceId(), r.rackId(), r.subscribedTopicRegex()}) {
            longest = Math.max(longest, text == null ? 0 : text.length());
        }
        return longest;
    }

    private static long namesLength(ConsumerGroupHeartbeatRequestData r) {
        long length = 0;
        if (r.subscribedTopicNames() != null) {
            for (String name : r.subscribedTopicNames()) {
                length += name.length();
            }
        }
        return length;
    }

    private static Problem invalid(String message) {
        return new Problem(Errors.INVALID_REQUEST, message);
    }

    /**
     * Whether a member may speak in this epoch (KIP-848, "Member Epoch"). Who comes with the epoch before its last one may have
     * missed an answer, and is let in when it has nothing that it was not given.
     *
     * @param owned what it says it has; null when it did not say
     * @return null when it may
     */
    static Problem ofEpoch(int received, CurrentAssignment current, Map<Uuid, Set<Integer>> owned) {
        if (received == JOIN || received == current.memberEpoch()) {
            return null;
        }
        if (received > current.memberEpoch()) {
            return fenced("greater", received, current);
        }
        return received == current.previousEpoch() && hasNoMoreThan(owned, current.assigned())
                ? null
                : fenced("smaller", received, current);
    }

    private static Problem fenced(String how, int received, CurrentAssignment current) {
        return new Problem(
                Errors.FENCED_MEMBER_EPOCH,
                "The consumer group member has a " + how + " member epoch (" + received
                        + ") than the one known by the group coordinator (" + current.memberEpoch()
                        + "). The member must abandon all its partitions and rejoin.");
    }

    private static boolean hasNoMoreThan(Map<Uuid, Set<Integer>> owned, Map<Uuid, Map<Integer, Integer>> assigned) {
        return owned != null
                && owned.entrySet().stream().allMatch(topic -> assigned.getOrDefault(topic.getKey(), Map.of())
                        .keySet()
                        .containsAll(topic.getValue()));
    }
}

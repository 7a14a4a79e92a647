package io.troupe.group;

import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;

/** What members of protocol type "consumer" are subscribed to. */
final class Subscriptions {
    private Subscriptions() {}

    /** Null when it cannot be told: a member's metadata is not the consumer protocol's, or no protocol is chosen yet. */
    static Set<String> topics(Collection<GroupMember> members, String protocol) {
        if (protocol == null) {
            return null;
        }
        Set<String> topics = new HashSet<>();
        for (GroupMember member : members) {
            try {
                topics.addAll(ConsumerProtocol.deserializeSubscription(ByteBuffer.wrap(member.metadata(protocol)))
                        .topics());
            } catch (RuntimeException e) {
                // A member may write what it likes, and the decoder has many ways to say so.
                return null;
            }
        }
        return topics;
    }
}

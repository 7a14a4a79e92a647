package io.troupe.client;

import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.apache.kafka.common.TopicPartition;

/** What a {@link ConsumerActor} reads. */
public sealed interface Subscription {

    /** These topics, shared with the other members of its group. */
    record Topics(Set<String> topics) implements Subscription {
        public Topics {
            topics = Set.copyOf(topics);
            if (topics.isEmpty()) {
                throw new IllegalArgumentException("no topic is given to subscribe to");
            }
        }
    }

    /**
     * All topics whose whole name matches, those too that come later; shared with the other members of its group.
     *
     * @param expression read as RE2 by the broker with {@code group.protocol=consumer}, as a {@link Pattern} by the client otherwise
     */
    record Matching(String expression) implements Subscription {
        public Matching {
            try {
                Pattern.compile(expression);
            } catch (PatternSyntaxException e) {
                throw new IllegalArgumentException(
                        "'" + expression + "' is no regular expression: " + e.getDescription(), e);
            }
        }
    }

    /** Exactly these partitions, whoever else reads them. With a {@code group.id} it begins where that group stands, and commits there. */
    record Partitions(Set<TopicPartition> partitions) implements Subscription {
        public Partitions {
            partitions = Set.copyOf(partitions);
            if (partitions.isEmpty()) {
                throw new IllegalArgumentException("no partition is given to read");
            }
        }
    }

    static Subscription topics(String... topics) {
        return new Topics(Set.of(topics));
    }

    static Subscription matching(String expression) {
        return new Matching(expression);
    }

    static Subscription partitions(TopicPartition... partitions) {
        return new Partitions(Set.of(partitions));
    }
}

package io.troupe.partition;

import io.troupe.config.DynamicConfigs;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * A broker's two throttles of replication (KIP-73), one for all that it leads and one for all that it follows, shared by its links. A
 * rate bounds the replicas that the topic's list names ({@code partition:broker}, or {@code *}) while they are not in the ISR;
 * all that follows from committed metadata, so both ends of a link know it. Any thread.
 */
final class ReplicationThrottles {
    private static final String LEADERS = "leader.replication.throttled.replicas";
    private static final String FOLLOWERS = "follower.replication.throttled.replicas";

    private final int brokerId;
    private final MetadataCache metadata;
    private final LongSupplier nowMs;
    private final ByteRate led = new ByteRate();
    private final ByteRate followed = new ByteRate();

    /**
     * @param brokerId this broker
     * @param nowMs a clock that never jumps
     */
    ReplicationThrottles(int brokerId, MetadataCache metadata, LongSupplier nowMs) {
        this.brokerId = brokerId;
        this.metadata = metadata;
        this.nowMs = nowMs;
    }

    /** For the link to a broker whose followers this broker leads. */
    Throttle ofFollowers(int followerId) {
        return new Throttle() {
            @Override
            public boolean holds(PartitionKey partition) {
                return leaderRate(partition, followerId) != Long.MAX_VALUE
                        || followerRate(partition, followerId) != Long.MAX_VALUE;
            }

            @Override
            public boolean hasRoom(PartitionKey partition) {
                return led.hasRoom(leaderRate(partition, followerId), nowMs.getAsLong());
            }

            @Override
            public void passed(PartitionKey partition, int bytes) {
                count(led, leaderRate(partition, followerId), bytes);
            }
        };
    }

    /** For the link from a broker that leads what this broker follows. */
    Throttle ofLeaders() {
        return new Throttle() {
            @Override
            public boolean holds(PartitionKey partition) {
                return followerRate(partition, brokerId) != Long.MAX_VALUE;
            }

            @Override
            public boolean hasRoom(PartitionKey partition) {
                return followed.hasRoom(followerRate(partition, brokerId), nowMs.getAsLong());
            }

            @Override
            public void passed(PartitionKey partition, int bytes) {
                if (bytes > 0) {
                    count(followed, followerRate(partition, brokerId), bytes);
                }
            }
        };
    }

    private void count(ByteRate rate, long bytesPerSecond, int bytes) {
        if (bytesPerSecond != Long.MAX_VALUE) {
            rate.passed(bytes, bytesPerSecond, nowMs.getAsLong());
        }
    }

    private long leaderRate(PartitionKey partition, int followerId) {
        return rate(DynamicConfigs.LEADER_RATE, brokerId, LEADERS, partition, followerId);
    }

    private long followerRate(PartitionKey partition, int followerId) {
        return rate(DynamicConfigs.FOLLOWER_RATE, followerId, FOLLOWERS, partition, followerId);
    }

    /** {@link Long#MAX_VALUE} when none holds that follower; that is nearly always, and then seen at once. */
    private long rate(String name, int throttled, String list, PartitionKey partition, int followerId) {
        MetadataImage image = metadata.current();
        DynamicConfigs settings = image.dynamicConfigs(throttled);
        if (settings.get(name) == null) {
            return Long.MAX_VALUE;
        }
        Optional<TopicImage> topic = image.topic(partition.topicId());
        return topic.isPresent()
                        && isListed(topic.get().configs().get(list), partition.partition(), throttled)
                        && !isInSync(topic.get(), partition.partition(), followerId)
                ? settings.rate(name)
                : Long.MAX_VALUE;
    }

    private static boolean isInSync(TopicImage topic, int partition, int broker) {
        if (partition >= topic.partitions().size()) {
            return false;
        }
        PartitionImage image = topic.partitions().get(partition);
        return image.isr().contains(broker);
    }

    /** @param list {@code *}, or {@code partition:broker} by comma; null for none */
    static boolean isListed(String list, int partition, int broker) {
        if (list == null || list.isBlank()) {
            return false;
        }
        String wanted = partition + ":" + broker;
        for (String entry : list.split(",")) {
            if (entry.trim().equals("*") || entry.trim().equals(wanted)) {
                return true;
            }
        }
        return false;
    }
}

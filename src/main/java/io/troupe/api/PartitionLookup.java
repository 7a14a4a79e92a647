package io.troupe.api;

import io.troupe.config.Listener;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** Finds the partition that a request names, and its leader when this broker leads it. Any thread. */
final class PartitionLookup {
    /** Leader epoch of a request that does not know or care. */
    static final int ANY_EPOCH = -1;

    /**
     * What was found.
     *
     * @param topic null when unknown
     * @param replica that serves the request; null unless {@code error} is NONE
     * @param view the replica's at the time of the look-up; null unless {@code error} is NONE
     */
    record Found(TopicImage topic, LocalReplicas.Readable replica, LogView view, Errors error) {
        private static Found refused(TopicImage topic, Errors error) {
            return new Found(topic, null, null, error);
        }
    }

    /** Who leads a partition and where a client of one listener reaches it. */
    record CurrentLeader(int leaderId, int leaderEpoch, Optional<Node> node) {
        record Node(String host, int port, Optional<String> rack) {}
    }

    private final MetadataCache metadata;
    private final LocalReplicas replicas;

    PartitionLookup(MetadataCache metadata, LocalReplicas replicas) {
        this.metadata = metadata;
        this.replicas = replicas;
    }

    /** The topic that a request names by id when it has one, else by name. */
    Optional<TopicImage> topic(String name, Uuid topicId) {
        MetadataImage image = metadata.current();
        return Uuid.ZERO_UUID.equals(topicId) ? Optional.ofNullable(name).flatMap(image::topic) : image.topic(topicId);
    }

    /**
     * Finds a partition's leader on this broker.
     *
     * @param topicId zero when the request names topics by name
     * @param leaderEpoch the LE that the client knows, {@link #ANY_EPOCH} for none
     */
    Found find(String name, Uuid topicId, int partition, int leaderEpoch) {
        return find(name, topicId, partition, leaderEpoch, false);
    }

    /** @param orFollower whether this broker's replica will do although another broker leads (KIP-392) */
    Found find(String name, Uuid topicId, int partition, int leaderEpoch, boolean orFollower) {
        Optional<TopicImage> topic = topic(name, topicId);
        if (topic.isEmpty()) {
            boolean byName = Uuid.ZERO_UUID.equals(topicId);
            // A zero id in a request that has no names asks for nothing that could exist.
            boolean unnamed = name == null || name.isEmpty();
            return Found.refused(
                    null, byName && !unnamed ? Errors.UNKNOWN_TOPIC_OR_PARTITION : Errors.UNKNOWN_TOPIC_ID);
        }
        return find(topic.get(), partition, leaderEpoch, orFollower);
    }

    Found find(TopicImage topic, int partition, int leaderEpoch) {
        return find(topic, partition, leaderEpoch, false);
    }

    private Found find(TopicImage topic, int partition, int leaderEpoch, boolean orFollower) {
        if (partition < 0 || partition >= topic.partitions().size()) {
            return Found.refused(topic, Errors.UNKNOWN_TOPIC_OR_PARTITION);
        }
        LocalReplicas.Readable replica = replicas.leader(topic.topicId(), partition);
        if (replica == null && orFollower) {
            replica = replicas.follower(topic.topicId(), partition);
        }
        if (replica == null) {
            return Found.refused(topic, notHere(topic.partitions().get(partition)));
        }
        LogView view = replica.view();
        if (leaderEpoch != ANY_EPOCH && leaderEpoch < view.leaderEpoch()) {
            return Found.refused(topic, Errors.FENCED_LEADER_EPOCH);
        }
        if (leaderEpoch != ANY_EPOCH && leaderEpoch > view.leaderEpoch()) {
            return Found.refused(topic, Errors.UNKNOWN_LEADER_EPOCH);
        }
        return new Found(topic, replica, view, Errors.NONE);
    }

    /** Where nobody leads because a log has failed, that is told; else another leader is worth asking for. */
    private static Errors notHere(PartitionImage partition) {
        return !partition.hasLeader() && !partition.offline().isEmpty()
                ? Errors.KAFKA_STORAGE_ERROR
                : Errors.NOT_LEADER_OR_FOLLOWER;
    }

    /** The leader as soon as it is here, or what is found when the time is up; never fails. */
    CompletionStage<Found> onceLed(TopicImage topic, int partition, int timeoutMs) {
        return replicas.awaitLed(List.of(new TopicIdPartition(topic.topicId(), partition, topic.name())), timeoutMs)
                .thenApply(done -> find(topic, partition, ANY_EPOCH));
    }

    /**
     * The replica that a consumer is to read from instead of the leader, which is here (KIP-392).
     *
     * @param rack of the client, null or empty for none
     * @return a broker id, {@link NearestReplica#LEADER} for the leader
     */
    int nearest(TopicImage topic, int partition, String rack, Listener through) {
        return NearestReplica.of(metadata.current(), topic.partitions().get(partition), rack, through.name());
    }

    /** The committed leader; empty when the partition is unknown. */
    Optional<CurrentLeader> currentLeader(TopicImage topic, int partition, Listener through) {
        MetadataImage image = metadata.current();
        Optional<TopicImage> now = topic == null ? Optional.empty() : image.topic(topic.topicId());
        if (now.isEmpty()
                || partition < 0
                || partition >= now.get().partitions().size()) {
            return Optional.empty();
        }
        PartitionImage state = now.get().partitions().get(partition);
        return Optional.of(
                new CurrentLeader(state.leader(), state.leaderEpoch(), node(image, state.leader(), through)));
    }

    private static Optional<CurrentLeader.Node> node(MetadataImage image, int brokerId, Listener through) {
        Optional<BrokerImage> broker = image.broker(brokerId).filter(b -> !b.fenced());
        return broker.flatMap(b -> b.listeners().stream()
                .filter(l -> l.name().equals(through.name()))
                .findFirst()
                .map(l -> new CurrentLeader.Node(l.address().host(), l.address().port(), b.rack())));
    }
}

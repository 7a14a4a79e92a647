package io.troupe.api;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.List;
import java.util.Optional;

/** Which replica a consumer is to read from, when that is one of its own rack (KIP-392). Pure. */
final class NearestReplica {
    /** Stay with the leader. */
    static final int LEADER = -1;

    private NearestReplica() {}

    /**
     * An in-sync replica whose broker is up and stands in the client's rack, unless the leader does; Kafka's rack-aware selector. In-sync
     * replicas have all that a consumer may read, so of several one serves as well as another: they share the partitions.
     *
     * @param rack of the client; null or empty for none
     * @param listener by which the client came: the replica's broker must have it too
     * @return a broker id other than the leader's, {@link #LEADER} for none
     */
    static int of(MetadataImage image, PartitionImage partition, String rack, String listener) {
        if (rack == null || rack.isEmpty() || isIn(image, partition.leader(), rack, listener)) {
            return LEADER;
        }
        List<Integer> near = partition.isr().stream()
                .filter(id -> isIn(image, id, rack, listener))
                .sorted()
                .toList();
        return near.isEmpty() ? LEADER : near.get(partition.partition() % near.size());
    }

    private static boolean isIn(MetadataImage image, int brokerId, String rack, String listener) {
        Optional<BrokerImage> broker = image.broker(brokerId);
        return broker.isPresent()
                && !broker.get().fenced()
                && !broker.get().inControlledShutdown()
                && broker.get().rack().filter(rack::equals).isPresent()
                && broker.get().listeners().stream().anyMatch(l -> l.name().equals(listener));
    }
}

package io.troupe.group;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What of the topics subscribed to begins a new epoch of a group when it changes (KIP-848, KIP-1101): ids, numbers of partitions,
 * and the racks of each partition's replicas, whichever replica is in which. Leaders, ISRs and brokers that are down count for
 * nothing. Pure.
 *
 * <p>Stored with each epoch, so what is made of the same topics must stay the same; it need not be Kafka's number.
 */
final class MetadataHash {
    private MetadataHash() {}

    /** Of those of the topics that exist; 0 when none does. */
    static long of(MetadataImage image, Set<String> topics) {
        Map<Integer, Long> racks = racks(image);
        long hash = 0;
        for (String name : new TreeSet<>(topics)) {
            TopicImage topic = image.topic(name).orElse(null);
            if (topic != null) {
                hash = mix(hash, topic.topicId().getMostSignificantBits());
                hash = mix(hash, topic.topicId().getLeastSignificantBits());
                hash = mix(hash, topic.partitions().size());
                if (!racks.isEmpty()) {
                    hash = mix(hash, racks, topic);
                }
            }
        }
        return hash;
    }

    /** Whether the same topics may have another hash in the newer image. */
    static boolean mayDiffer(MetadataImage before, MetadataImage after) {
        Map<Integer, Long> racks = racks(after);
        if (!racks.equals(racks(before))) {
            return true;
        }
        for (TopicImage topic : after.topics().values()) {
            TopicImage former = before.topic(topic.topicId()).orElse(null);
            if (former != topic
                    && (former == null
                            || former.partitions().size() != topic.partitions().size()
                            || !racks.isEmpty() && haveMoved(former, topic))) {
                return true;
            }
        }
        return false;
    }

    private static boolean haveMoved(TopicImage before, TopicImage after) {
        for (int p = 0; p < after.partitions().size(); p++) {
            if (!after.partitions()
                    .get(p)
                    .replicas()
                    .equals(before.partitions().get(p).replicas())) {
                return true;
            }
        }
        return false;
    }

    /** By broker id: a number for its rack. Brokers without one are missing. */
    private static Map<Integer, Long> racks(MetadataImage image) {
        Map<Integer, Long> racks = new HashMap<>();
        for (BrokerImage broker : image.brokers()) {
            broker.rack().ifPresent(rack -> racks.put(broker.brokerId(), number(rack)));
        }
        return racks;
    }

    private static long number(String rack) {
        long number = rack.length();
        for (int i = 0; i < rack.length(); i++) {
            number = mix(number, rack.charAt(i));
        }
        return number;
    }

    private static long mix(long hash, Map<Integer, Long> racks, TopicImage topic) {
        long mixed = hash;
        for (PartitionImage partition : topic.partitions()) {
            mixed = mix(mixed, partition.partition());
            long[] numbers = partition.replicas().stream()
                    .filter(racks::containsKey)
                    .mapToLong(racks::get)
                    .sorted()
                    .toArray();
            for (long number : numbers) {
                mixed = mix(mixed, number);
            }
        }
        return mixed;
    }

    /** The finalizer of MurmurHash3, which spreads every bit over all. */
    private static long mix(long hash, long value) {
        long h = hash * 31 + value + 0x9e3779b97f4a7c15L;
        h = (h ^ h >>> 33) * 0xff51afd7ed558ccdL;
        h = (h ^ h >>> 33) * 0xc4ceb9fe1a85ec53L;
        return h ^ h >>> 33;
    }
}

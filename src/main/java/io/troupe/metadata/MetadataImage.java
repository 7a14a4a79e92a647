package io.troupe.metadata;

import io.troupe.config.DynamicConfigs;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import scala.collection.immutable.HashMap;
import scala.collection.immutable.HashMap$;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.OptionConverters;

/**
 * The cluster as of one metadata index: immutable, the fold of the committed {@link MetadataEvent}s up to there. An event
 * costs what it changes: the rest is shared with the image before (persistent hash maps), look-ups are O(1).
 */
public final class MetadataImage {
    private static final MetadataImage EMPTY = new MetadataImage(
            null, -1, 0, -1, emptyMap(), emptyMap(), Collections.emptyNavigableMap(), 0, Map.of(), RunTimeConfigs.NONE);

    /** The name under which settings stand that all brokers have unless they have their own. */
    public static final String ALL_BROKERS = "";

    private static final String MIN_ISR = "min.insync.replicas";

    private final String clusterId;
    private final long index;
    private final int controllerEpoch;
    private final int controllerId;
    private final HashMap<String, TopicImage> topics;
    private final HashMap<Uuid, String> names;
    /** By broker id; copied on change, since brokers are few and change seldom. Never written after construction. */
    private final Map<Integer, BrokerImage> brokers;

    private final long nextProducerId;
    /** Disk by node id of the voters that count; never written after construction. */
    private final Map<Integer, Uuid> voters;

    private final RunTimeConfigs configs;

    private MetadataImage(
            String clusterId,
            long index,
            int controllerEpoch,
            int controllerId,
            HashMap<String, TopicImage> topics,
            HashMap<Uuid, String> names,
            Map<Integer, BrokerImage> brokers,
            long nextProducerId,
            Map<Integer, Uuid> voters,
            RunTimeConfigs configs) {
        this.clusterId = clusterId;
        this.index = index;
        this.controllerEpoch = controllerEpoch;
        this.controllerId = controllerId;
        this.topics = topics;
        this.names = names;
        this.brokers = brokers;
        this.nextProducerId = nextProducerId;
        this.voters = voters;
        this.configs = configs;
    }

    public static MetadataImage empty() {
        return EMPTY;
    }

    /** An image read from a snapshot. */
    static MetadataImage of(
            String clusterId,
            long index,
            int controllerEpoch,
            int controllerId,
            Collection<TopicImage> topics,
            Collection<BrokerImage> brokers,
            long nextProducerId,
            Map<Integer, Uuid> voters,
            RunTimeConfigs configs) {
        HashMap<String, TopicImage> byName = emptyMap();
        HashMap<Uuid, String> names = emptyMap();
        for (TopicImage topic : topics) {
            byName = byName.updated(topic.name(), topic);
            names = names.updated(topic.topicId(), topic.name());
        }
        Map<Integer, BrokerImage> byId = new TreeMap<>();
        brokers.forEach(b -> byId.put(b.brokerId(), b));
        return new MetadataImage(
                clusterId, index, controllerEpoch, controllerId, byName, names, byId, nextProducerId, voters, configs);
    }

    /** Null until the first controller has made one. */
    public String clusterId() {
        return clusterId;
    }

    /** Index of the last event applied; -1 before the first. */
    public long index() {
        return index;
    }

    /** Round of the controller that wrote the last event. */
    public int controllerEpoch() {
        return controllerEpoch;
    }

    /** Node id of that controller, -1 for none. */
    public int controllerId() {
        return controllerId;
    }

    /** Whether both have the same topics, by name and id. May be false though they do, but not between one topic's coming or going and the next. */
    public boolean hasTopicsOf(MetadataImage other) {
        return names == other.names;
    }

    public Optional<TopicImage> topic(String name) {
        return OptionConverters.toJava(topics.get(name));
    }

    public Optional<TopicImage> topic(Uuid topicId) {
        return OptionConverters.toJava(names.get(topicId)).flatMap(this::topic);
    }

    public Optional<PartitionImage> partition(TopicPartition partition) {
        return topic(partition.topic())
                .filter(t -> partition.partition() >= 0
                        && partition.partition() < t.partitions().size())
                .map(t -> t.partitions().get(partition.partition()));
    }

    /** All topics, by name: an unmodifiable view, in no order. */
    public Map<String, TopicImage> topics() {
        return CollectionConverters.asJava(topics);
    }

    public Optional<BrokerImage> broker(int brokerId) {
        return Optional.ofNullable(brokers.get(brokerId));
    }

    /** All registered brokers, fenced ones included, by id. */
    public Collection<BrokerImage> brokers() {
        return Collections.unmodifiableCollection(brokers.values());
    }

    /** First producer id not yet handed out in a block. */
    public long nextProducerId() {
        return nextProducerId;
    }

    /** What was set at run time, by broker id or {@link #ALL_BROKERS}; who has nothing is missing. */
    public Map<String, Map<String, String>> brokerConfigs() {
        return configs.brokers();
    }

    /** What was set at run time for that broker alone, or for all of them; the same object until it changes. */
    public Map<String, String> brokerConfigs(String broker) {
        return configs.ofBroker(broker);
    }

    /** What was set of single groups, by group id, whether there are such groups or not; who has nothing is missing. */
    public Map<String, Map<String, String>> groupConfigs() {
        return configs.groups();
    }

    /** What was set of that group alone; the same object until it changes. */
    public Map<String, String> groupConfigs(String groupId) {
        return configs.ofGroup(groupId);
    }

    /** What was set at run time and concerns that broker. */
    public DynamicConfigs dynamicConfigs(int brokerId) {
        return configs.brokers().isEmpty()
                ? DynamicConfigs.NONE
                : new DynamicConfigs(brokerConfigs(Integer.toString(brokerId)), brokerConfigs(ALL_BROKERS));
    }

    /** The voters that count, by node id, each with the id of its disk (SAFETY 2.9). */
    public Map<Integer, Uuid> voters() {
        return Collections.unmodifiableMap(voters);
    }

    /**
     * The image after one more event.
     *
     * @param index must be {@code index() + 1}
     * @throws IllegalStateException when the event does not follow on this image: a gap, an unknown topic or broker. Committed
     *     events were decided on exactly this image, so that is a fault of the program or the disk, never of a user
     */
    public MetadataImage apply(long index, MetadataEvent event) {
        if (index != this.index + 1) {
            throw new IllegalStateException("metadata event " + index + " does not follow on " + this.index);
        }
        if (event instanceof MetadataEvent.ControllerElected e) {
            return new MetadataImage(
                    clusterId == null ? e.clusterId() : clusterId,
                    index,
                    e.controllerEpoch(),
                    e.controllerId(),
                    topics,
                    names,
                    brokers,
                    nextProducerId,
                    voters,
                    configs);
        } else if (event instanceof MetadataEvent.VoterAdmitted e) {
            Map<Integer, Uuid> admitted = new TreeMap<>(voters);
            admitted.put(e.nodeId(), e.diskId());
            return with(index, admitted, configs);
        } else if (event instanceof MetadataEvent.BrokerConfigsChanged e) {
            return with(index, voters, configs.withBroker(e.broker(), e.configs()));
        } else if (event instanceof MetadataEvent.GroupConfigsChanged e) {
            return with(index, voters, configs.withGroup(e.groupId(), e.configs()));
        } else if (event instanceof MetadataEvent.CommandAnswered) {
            return with(index, topics, names, brokers, nextProducerId);
        } else if (event instanceof MetadataEvent.BrokerRegistered e) {
            return registered(index, e);
        } else if (event instanceof MetadataEvent.BrokerFencingChanged e) {
            return fencingChanged(index, e);
        } else if (event instanceof MetadataEvent.BrokerUnregistered e) {
            return with(index, topics, names, withoutBroker(e.brokerId()), nextProducerId);
        } else if (event instanceof MetadataEvent.TopicCreated e) {
            return with(
                    index,
                    topics.updated(e.topic().name(), e.topic()),
                    names.updated(e.topic().topicId(), e.topic().name()),
                    brokers,
                    nextProducerId);
        } else if (event instanceof MetadataEvent.TopicDeleted e) {
            TopicImage topic = existing(e.topicId());
            return with(index, topics.removed(topic.name()), names.removed(e.topicId()), brokers, nextProducerId);
        } else if (event instanceof MetadataEvent.TopicConfigsChanged e) {
            return configsChanged(index, e);
        } else if (event instanceof MetadataEvent.PartitionsChanged e) {
            return partitionsChanged(index, e);
        } else if (event instanceof MetadataEvent.ProducerIdsAllocated e) {
            return with(index, topics, names, brokers, e.firstProducerId() + e.count());
        }
        throw new IllegalStateException("unknown metadata event " + event);
    }

    /**
     * SAFETY 1.1, 1.10 and 1.14: fenced under a new BE; every leadership ends. Without proof that its logs are complete it also
     * leaves ISR and ELR and is only last known; and not even that when they may be gone, unless there never was another replica.
     */
    private MetadataImage registered(long index, MetadataEvent.BrokerRegistered event) {
        BrokerImage b = event.broker();
        int id = b.brokerId();
        Map<Integer, BrokerImage> newBrokers =
                withBroker(new BrokerImage(id, index, List.copyOf(b.listeners()), b.rack(), true, false));
        HashMap<String, TopicImage> changed = mapPartitions(p -> {
            boolean leaves = event.logs() != MetadataEvent.Logs.COMPLETE
                    && (p.isr().contains(id) || p.elr().contains(id));
            boolean lost =
                    event.logs() == MetadataEvent.Logs.LOST && p.replicas().size() > 1;
            boolean forgotten = lost && p.lastKnown().contains(id);
            boolean tried = p.offline().contains(id);
            if (p.leader() != id && !leaves && !forgotten && !tried) {
                return p;
            }
            // A process that begins tries again what failed for the one before.
            PartitionImage online = tried ? p.withOffline(without(p.offline(), id)) : p;
            PartitionImage ended = p.leader() == id ? online.ledBy(PartitionImage.NO_LEADER) : online;
            PartitionImage left = leaves || forgotten
                    ? ended.withIsr(
                            without(p.isr(), id),
                            without(p.elr(), id),
                            lost ? without(p.lastKnown(), id) : with(p.lastKnown(), id))
                    : ended;
            return left.withPartitionEpoch(p.partitionEpoch() + 1);
        });
        return with(index, changed, names, newBrokers, nextProducerId);
    }

    private MetadataImage fencingChanged(long index, MetadataEvent.BrokerFencingChanged e) {
        BrokerImage b = brokers.get(e.brokerId());
        if (b == null || b.brokerEpoch() != e.brokerEpoch()) {
            throw new IllegalStateException("fencing of a broker that is not registered so: " + e + ", is " + b);
        }
        return with(
                index,
                topics,
                names,
                withBroker(new BrokerImage(
                        b.brokerId(), b.brokerEpoch(), b.listeners(), b.rack(), e.fenced(), e.inControlledShutdown())),
                nextProducerId);
    }

    /** SAFETY 1.10: another min.insync.replicas empties the ELR; where the ISR is empty too, its members stay last known. */
    private MetadataImage configsChanged(long index, MetadataEvent.TopicConfigsChanged e) {
        TopicImage old = existing(e.topicId());
        List<PartitionImage> partitions = old.partitions();
        if (!Objects.equals(old.configs().get(MIN_ISR), e.configs().get(MIN_ISR))) {
            partitions = partitions.stream().map(MetadataImage::withoutElr).toList();
        }
        return withTopic(index, new TopicImage(old.name(), old.topicId(), partitions, Map.copyOf(e.configs())));
    }

    private static PartitionImage withoutElr(PartitionImage p) {
        if (p.elr().isEmpty()) {
            return p;
        }
        List<Integer> lastKnown = p.lastKnown();
        for (Integer id : p.elr()) {
            lastKnown = with(lastKnown, id);
        }
        return p.withIsr(p.isr(), List.of(), p.isr().isEmpty() ? lastKnown : p.lastKnown())
                .withPartitionEpoch(p.partitionEpoch() + 1);
    }

    private MetadataImage partitionsChanged(long index, MetadataEvent.PartitionsChanged e) {
        TopicImage old = existing(e.topicId());
        List<PartitionImage> partitions = new ArrayList<>(old.partitions());
        for (PartitionImage p : e.partitions()) {
            if (p.partition() < partitions.size()) {
                partitions.set(p.partition(), p);
            } else if (p.partition() == partitions.size()) {
                partitions.add(p);
            } else {
                throw new IllegalStateException("partition " + p + " of " + old.name() + " leaves a gap");
            }
        }
        return withTopic(
                index,
                new TopicImage(old.name(), old.topicId(), Collections.unmodifiableList(partitions), old.configs()));
    }

    private TopicImage existing(Uuid topicId) {
        return topic(topicId).orElseThrow(() -> new IllegalStateException("no topic with id " + topicId));
    }

    private MetadataImage withTopic(long index, TopicImage topic) {
        return with(index, topics.updated(topic.name(), topic), names, brokers, nextProducerId);
    }

    private MetadataImage with(
            long index,
            HashMap<String, TopicImage> topics,
            HashMap<Uuid, String> names,
            Map<Integer, BrokerImage> brokers,
            long nextProducerId) {
        return new MetadataImage(
                clusterId,
                index,
                controllerEpoch,
                controllerId,
                topics,
                names,
                brokers,
                nextProducerId,
                voters,
                configs);
    }

    private MetadataImage with(long index, Map<Integer, Uuid> newVoters, RunTimeConfigs newConfigs) {
        return new MetadataImage(
                clusterId,
                index,
                controllerEpoch,
                controllerId,
                topics,
                names,
                brokers,
                nextProducerId,
                newVoters,
                newConfigs);
    }

    private Map<Integer, BrokerImage> withBroker(BrokerImage broker) {
        Map<Integer, BrokerImage> copy = new TreeMap<>(brokers);
        copy.put(broker.brokerId(), broker);
        return copy;
    }

    private Map<Integer, BrokerImage> withoutBroker(int brokerId) {
        Map<Integer, BrokerImage> copy = new TreeMap<>(brokers);
        copy.remove(brokerId);
        return copy;
    }

    /** Topics none of whose partitions change (are returned as they came) are kept as they are. */
    private HashMap<String, TopicImage> mapPartitions(UnaryOperator<PartitionImage> change) {
        HashMap<String, TopicImage> result = topics;
        for (TopicImage topic : topics().values()) {
            List<PartitionImage> partitions = null;
            for (int i = 0; i < topic.partitions().size(); i++) {
                PartitionImage old = topic.partitions().get(i);
                PartitionImage changed = change.apply(old);
                if (changed != old) {
                    if (partitions == null) {
                        partitions = new ArrayList<>(topic.partitions());
                    }
                    partitions.set(i, changed);
                }
            }
            if (partitions != null) {
                result = result.updated(
                        topic.name(),
                        new TopicImage(
                                topic.name(),
                                topic.topicId(),
                                Collections.unmodifiableList(partitions),
                                topic.configs()));
            }
        }
        return result;
    }

    private static List<Integer> without(List<Integer> ids, Integer id) {
        return ids.stream().filter(x -> !x.equals(id)).toList();
    }

    private static List<Integer> with(List<Integer> ids, Integer id) {
        if (ids.contains(id)) {
            return ids;
        }
        List<Integer> more = new ArrayList<>(ids);
        more.add(id);
        return List.copyOf(more);
    }

    private static <K, V> HashMap<K, V> emptyMap() {
        return HashMap$.MODULE$.empty();
    }

    /** For messages: topics only by count. */
    @Override
    public String toString() {
        return "MetadataImage[index=" + index + ", clusterId=" + clusterId + ", controller=" + controllerId + "@"
                + controllerEpoch + ", brokers=" + brokers.values() + ", topics=" + topics.size() + "]";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MetadataImage o
                && index == o.index
                && controllerEpoch == o.controllerEpoch
                && controllerId == o.controllerId
                && nextProducerId == o.nextProducerId
                && Objects.equals(clusterId, o.clusterId)
                && brokers.equals(o.brokers)
                && voters.equals(o.voters)
                && configs.equals(o.configs)
                && topics.equals(o.topics);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(index);
    }
}

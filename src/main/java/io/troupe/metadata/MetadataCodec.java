package io.troupe.metadata;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/**
 * The bytes of metadata events and of whole images, on disk and between brokers. Pure.
 *
 * <pre>
 * event  := tag (1) version (1) fields     tag: which event, never reused; version: of its fields, 0 now
 * image  := 'I' (1) version (1) fields
 * int    := zig-zag varint                 ids, epochs, counts
 * string := length+1 as int, UTF-8 bytes   0 for null
 * list   := count as int, elements
 * uuid   := 16 bytes
 * partition := number replicas leader leaderEpoch partitionEpoch isr elr lastKnown; with the number n written as -1-n
 *              while it is reassigned or has logs offline, when the lists of added, removed and offline replicas follow
 * brokers' settings, groups' settings := the last fields of an image, missing in those written before there were any
 * </pre>
 *
 * <p>Every read is checked against the bytes that remain; whatever does not fit, is left over, or has an unknown tag or
 * version is an {@link IllegalArgumentException} that says so.
 */
public final class MetadataCodec {
    private static final byte VERSION = 0;
    private static final byte IMAGE = 'I';
    private static final byte CONTROLLER_ELECTED = 1;
    private static final byte BROKER_REGISTERED = 2;
    private static final byte BROKER_FENCING_CHANGED = 3;
    private static final byte TOPIC_CREATED = 4;
    private static final byte TOPIC_DELETED = 5;
    private static final byte TOPIC_CONFIGS_CHANGED = 6;
    private static final byte PARTITIONS_CHANGED = 7;
    private static final byte PRODUCER_IDS_ALLOCATED = 8;
    private static final byte BROKER_UNREGISTERED = 9;
    private static final byte BROKER_CONFIGS_CHANGED = 10;
    private static final byte GROUP_CONFIGS_CHANGED = 11;
    private static final byte VOTER_ADMITTED = 30;
    private static final byte COMMAND_ANSWERED = 31;

    private MetadataCodec() {}

    public static byte[] encode(MetadataEvent event) {
        FieldWriter w = new FieldWriter();
        if (event instanceof MetadataEvent.ControllerElected e) {
            start(w, CONTROLLER_ELECTED);
            w.putInt(e.controllerId()).putInt(e.controllerEpoch()).putString(e.clusterId());
        } else if (event instanceof MetadataEvent.BrokerRegistered e) {
            start(w, BROKER_REGISTERED);
            putBroker(w, e.broker());
            w.putByte(
                    switch (e.logs()) {
                        case UNPROVEN -> (byte) 0;
                        case COMPLETE -> (byte) 1;
                        case LOST -> (byte) 2;
                    });
        } else if (event instanceof MetadataEvent.BrokerFencingChanged e) {
            start(w, BROKER_FENCING_CHANGED);
            w.putInt(e.brokerId()).putLong(e.brokerEpoch());
            w.putBoolean(e.fenced()).putBoolean(e.inControlledShutdown());
        } else if (event instanceof MetadataEvent.TopicCreated e) {
            start(w, TOPIC_CREATED);
            putTopic(w, e.topic());
        } else if (event instanceof MetadataEvent.TopicDeleted e) {
            start(w, TOPIC_DELETED);
            w.putUuid(e.topicId());
        } else if (event instanceof MetadataEvent.TopicConfigsChanged e) {
            start(w, TOPIC_CONFIGS_CHANGED);
            w.putUuid(e.topicId()).putStrings(e.configs());
        } else if (event instanceof MetadataEvent.PartitionsChanged e) {
            start(w, PARTITIONS_CHANGED);
            w.putUuid(e.topicId()).putList(e.partitions(), MetadataCodec::putPartition);
        } else if (event instanceof MetadataEvent.ProducerIdsAllocated e) {
            start(w, PRODUCER_IDS_ALLOCATED);
            w.putInt(e.brokerId()).putLong(e.brokerEpoch());
            w.putLong(e.firstProducerId()).putInt(e.count());
        } else if (event instanceof MetadataEvent.BrokerUnregistered e) {
            start(w, BROKER_UNREGISTERED);
            w.putInt(e.brokerId()).putLong(e.brokerEpoch());
        } else if (event instanceof MetadataEvent.BrokerConfigsChanged e) {
            start(w, BROKER_CONFIGS_CHANGED);
            w.putString(e.broker()).putStrings(e.configs());
        } else if (event instanceof MetadataEvent.GroupConfigsChanged e) {
            start(w, GROUP_CONFIGS_CHANGED);
            w.putString(e.groupId()).putStrings(e.configs());
        } else if (event instanceof MetadataEvent.VoterAdmitted e) {
            start(w, VOTER_ADMITTED);
            w.putInt(e.nodeId()).putUuid(e.diskId());
        } else if (event instanceof MetadataEvent.CommandAnswered e) {
            start(w, COMMAND_ANSWERED);
            w.putString(e.commandId()).putBytes(e.reply());
        }
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not exactly one event that this version knows */
    public static MetadataEvent decode(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        byte tag = r.getByte();
        version(r, "metadata event " + tag);
        MetadataEvent event =
                switch (tag) {
                    case CONTROLLER_ELECTED ->
                        new MetadataEvent.ControllerElected(r.getInt(), r.getInt(), r.getString());
                    case BROKER_REGISTERED -> new MetadataEvent.BrokerRegistered(getBroker(r), getLogs(r));
                    case BROKER_FENCING_CHANGED ->
                        new MetadataEvent.BrokerFencingChanged(r.getInt(), r.getLong(), r.getBoolean(), r.getBoolean());
                    case TOPIC_CREATED -> new MetadataEvent.TopicCreated(getTopic(r));
                    case TOPIC_DELETED -> new MetadataEvent.TopicDeleted(r.getUuid());
                    case TOPIC_CONFIGS_CHANGED -> new MetadataEvent.TopicConfigsChanged(r.getUuid(), r.getStrings());
                    case PARTITIONS_CHANGED ->
                        new MetadataEvent.PartitionsChanged(r.getUuid(), r.getList(MetadataCodec::getPartition));
                    case PRODUCER_IDS_ALLOCATED ->
                        new MetadataEvent.ProducerIdsAllocated(r.getInt(), r.getLong(), r.getLong(), r.getInt());
                    case BROKER_UNREGISTERED -> new MetadataEvent.BrokerUnregistered(r.getInt(), r.getLong());
                    case BROKER_CONFIGS_CHANGED ->
                        new MetadataEvent.BrokerConfigsChanged(r.getString(), r.getStrings());
                    case GROUP_CONFIGS_CHANGED -> new MetadataEvent.GroupConfigsChanged(r.getString(), r.getStrings());
                    case COMMAND_ANSWERED -> new MetadataEvent.CommandAnswered(r.getString(), r.getBytes());
                    case VOTER_ADMITTED -> new MetadataEvent.VoterAdmitted(r.getInt(), r.getUuid());
                    default ->
                        throw new IllegalArgumentException("unknown metadata event (tag " + tag
                                + "): written by a newer version of Troupe, or corrupt");
                };
        r.expectEnd();
        return event;
    }

    public static byte[] encodeImage(MetadataImage image) {
        FieldWriter w = new FieldWriter();
        start(w, IMAGE);
        w.putString(image.clusterId()).putLong(image.index());
        w.putInt(image.controllerEpoch()).putInt(image.controllerId()).putLong(image.nextProducerId());
        w.putList(image.brokers(), MetadataCodec::putBroker);
        w.putList(image.topics().values(), MetadataCodec::putTopic);
        w.putList(image.voters().entrySet(), (out, e) -> out.putInt(e.getKey()).putUuid(e.getValue()));
        putConfigs(w, image.brokerConfigs());
        putConfigs(w, image.groupConfigs());
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not exactly one image that this version knows */
    public static MetadataImage decodeImage(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        byte tag = r.getByte();
        if (tag != IMAGE) {
            throw new IllegalArgumentException("not a metadata image: begins with " + tag);
        }
        version(r, "metadata image");
        String clusterId = r.getString();
        long index = r.getLong();
        int controllerEpoch = r.getInt();
        int controllerId = r.getInt();
        long nextProducerId = r.getLong();
        List<BrokerImage> brokers = r.getList(MetadataCodec::getBroker);
        List<TopicImage> topics = r.getList(MetadataCodec::getTopic);
        Map<Integer, Uuid> voters = new TreeMap<>();
        r.getList(in -> Map.entry(in.getInt(), in.getUuid())).forEach(e -> voters.put(e.getKey(), e.getValue()));
        RunTimeConfigs configs = RunTimeConfigs.NONE;
        for (Map.Entry<String, Map<String, String>> broker : getConfigs(r)) {
            configs = configs.withBroker(broker.getKey(), broker.getValue());
        }
        for (Map.Entry<String, Map<String, String>> group : getConfigs(r)) {
            configs = configs.withGroup(group.getKey(), group.getValue());
        }
        r.expectEnd();
        return MetadataImage.of(
                clusterId, index, controllerEpoch, controllerId, topics, brokers, nextProducerId, voters, configs);
    }

    private static void putConfigs(FieldWriter w, Map<String, Map<String, String>> byName) {
        w.putList(byName.entrySet(), (out, e) -> out.putString(e.getKey()).putStrings(e.getValue()));
    }

    private static List<Map.Entry<String, Map<String, String>>> getConfigs(FieldReader r) {
        return r.hasMore() ? r.getList(in -> Map.entry(in.getString(), in.getStrings())) : List.of();
    }

    /** A listener, as commands carry it too. */
    public static void putListener(FieldWriter w, Listener listener) {
        w.putString(listener.name()).putString(listener.protocol().name);
        w.putString(listener.address().host()).putInt(listener.address().port());
    }

    public static Listener getListener(FieldReader r) {
        return new Listener(
                r.getString(), SecurityProtocol.forName(r.getString()), new HostPort(r.getString(), r.getInt()));
    }

    /** A partition's state, as replies carry it too. */
    public static void putPartition(FieldWriter w, PartitionImage p) {
        boolean more = p.reassigning() || !p.offline().isEmpty();
        w.putInt(more ? ~p.partition() : p.partition()).putList(p.replicas(), FieldWriter::putInt);
        w.putInt(p.leader()).putInt(p.leaderEpoch()).putInt(p.partitionEpoch());
        w.putList(p.isr(), FieldWriter::putInt).putList(p.elr(), FieldWriter::putInt);
        w.putList(p.lastKnown(), FieldWriter::putInt);
        if (more) {
            w.putList(p.adding(), FieldWriter::putInt).putList(p.removing(), FieldWriter::putInt);
            w.putList(p.offline(), FieldWriter::putInt);
        }
    }

    public static PartitionImage getPartition(FieldReader r) {
        int number = r.getInt();
        boolean more = number < 0;
        return new PartitionImage(
                more ? ~number : number,
                r.getList(FieldReader::getInt),
                r.getInt(),
                r.getInt(),
                r.getInt(),
                r.getList(FieldReader::getInt),
                r.getList(FieldReader::getInt),
                r.getList(FieldReader::getInt),
                more ? r.getList(FieldReader::getInt) : List.of(),
                more ? r.getList(FieldReader::getInt) : List.of(),
                more ? r.getList(FieldReader::getInt) : List.of());
    }

    private static MetadataEvent.Logs getLogs(FieldReader r) {
        byte logs = r.getByte();
        return switch (logs) {
            case 0 -> MetadataEvent.Logs.UNPROVEN;
            case 1 -> MetadataEvent.Logs.COMPLETE;
            case 2 -> MetadataEvent.Logs.LOST;
            default -> throw new IllegalArgumentException("corrupt: " + logs + " is no state of logs");
        };
    }

    private static void putBroker(FieldWriter w, BrokerImage b) {
        w.putInt(b.brokerId()).putLong(b.brokerEpoch()).putList(b.listeners(), MetadataCodec::putListener);
        w.putString(b.rack().orElse(null)).putBoolean(b.fenced()).putBoolean(b.inControlledShutdown());
    }

    private static BrokerImage getBroker(FieldReader r) {
        return new BrokerImage(
                r.getInt(),
                r.getLong(),
                r.getList(MetadataCodec::getListener),
                Optional.ofNullable(r.getString()),
                r.getBoolean(),
                r.getBoolean());
    }

    private static void putTopic(FieldWriter w, TopicImage t) {
        w.putString(t.name()).putUuid(t.topicId());
        w.putList(t.partitions(), MetadataCodec::putPartition).putStrings(t.configs());
    }

    private static TopicImage getTopic(FieldReader r) {
        String name = r.getString();
        Uuid topicId = r.getUuid();
        List<PartitionImage> partitions = new ArrayList<>(r.getList(MetadataCodec::getPartition));
        Map<String, String> configs = r.getStrings();
        return new TopicImage(name, topicId, List.copyOf(partitions), configs);
    }

    private static void start(FieldWriter w, byte tag) {
        w.putByte(tag).putByte(VERSION);
    }

    private static void version(FieldReader r, String what) {
        byte version = r.getByte();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    what + " has version " + version + ", this Troupe reads " + VERSION + ": use a newer one");
        }
    }
}

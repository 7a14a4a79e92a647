package io.troupe.metadata;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;

/** A committed change of the cluster; the metadata log is a sequence of these. Bytes: {@code MetadataCodec}. */
public sealed interface MetadataEvent {
    /** First event of every controller: its no-op, which commits what it adopted. The first ever carries the cluster id. */
    record ControllerElected(int controllerId, int controllerEpoch, String clusterId) implements MetadataEvent {}

    /** What a broker that starts can say of the logs that it had. */
    enum Logs {
        /** Closed in order in the broker epoch before: nothing is missing. */
        COMPLETE,
        /** The end of any log may be missing. */
        UNPROVEN,
        /** A log dir is new or was wiped: any log may be missing as a whole. */
        LOST
    }

    /** Also ends all leaderships of the broker (SAFETY: BE is this event's index), which starts fenced. */
    record BrokerRegistered(BrokerImage broker, Logs logs) implements MetadataEvent {
        public BrokerRegistered(BrokerImage broker, boolean cleanShutdown) {
            this(broker, cleanShutdown ? Logs.COMPLETE : Logs.UNPROVEN);
        }
    }

    record BrokerFencingChanged(int brokerId, long brokerEpoch, boolean fenced, boolean inControlledShutdown)
            implements MetadataEvent {}

    /** The broker is forgotten: no member of the cluster until it registers anew. */
    record BrokerUnregistered(int brokerId, long brokerEpoch) implements MetadataEvent {}

    record TopicCreated(TopicImage topic) implements MetadataEvent {}

    record TopicDeleted(Uuid topicId) implements MetadataEvent {}

    /** The whole set of overrides as it is from now on. */
    record TopicConfigsChanged(Uuid topicId, Map<String, String> configs) implements MetadataEvent {}

    /**
     * The whole set of a broker's settings that were given at run time, as it is from now on.
     *
     * @param broker its id, {@link MetadataImage#ALL_BROKERS} for what all brokers have unless they have their own
     */
    record BrokerConfigsChanged(String broker, Map<String, String> configs) implements MetadataEvent {}

    /** The whole set of a group's settings as it is from now on; the group itself need not exist. */
    record GroupConfigsChanged(String groupId, Map<String, String> configs) implements MetadataEvent {}

    /** New state of one or more partitions of a topic. */
    record PartitionsChanged(Uuid topicId, List<PartitionImage> partitions) implements MetadataEvent {}

    /** The voter on that node counts, with this disk: an empty disk is no voter before (SAFETY 2.9). */
    record VoterAdmitted(int nodeId, Uuid diskId) implements MetadataEvent {}

    /** The answer to a command whose events stand right before: the next controller gives it to whoever asks again. */
    record CommandAnswered(String commandId, byte[] reply) implements MetadataEvent {}

    /** Producer ids [firstProducerId, firstProducerId + count) belong to this broker. */
    record ProducerIdsAllocated(int brokerId, long brokerEpoch, long firstProducerId, int count)
            implements MetadataEvent {}
}

package io.troupe.http;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopic;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

/** Topics and partitions that requests name, found in this broker's metadata. Any thread. */
final class Topics {
    private static final int METADATA_VERSION = 9;

    private final int ownId;
    private final MetadataCache metadata;
    private final BrokerCalls calls;
    private final int timeoutMs;

    Topics(int ownId, MetadataCache metadata, BrokerCalls calls, int timeoutMs) {
        this.ownId = ownId;
        this.metadata = metadata;
        this.calls = calls;
        this.timeoutMs = timeoutMs;
    }

    MetadataImage image() {
        return metadata.current();
    }

    int ownId() {
        return ownId;
    }

    /** @throws HttpFailure 40401 */
    TopicImage existing(String name) {
        return metadata.current().topic(name).orElseThrow(() -> HttpFailure.unknownTopic(name));
    }

    /** @throws HttpFailure 40402 */
    static int partition(TopicImage topic, String text) {
        int partitions = topic.partitions().size();
        try {
            int partition = Integer.parseInt(text);
            if (partition >= 0 && partition < partitions) {
                return partition;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw HttpFailure.unknownPartition(topic.name(), text, partitions);
    }

    /** The topic, made first when there is none and topics are made on demand; what a Kafka producer's first question does. */
    CompletionStage<TopicImage> forProducing(String name) {
        Optional<TopicImage> known = metadata.current().topic(name);
        if (known.isPresent()) {
            return CompletableFuture.completedFuture(known.get());
        }
        try {
            Topic.validate(name);
        } catch (InvalidTopicException e) {
            throw new HttpFailure(
                    HttpFailure.UNKNOWN_TOPIC,
                    "Topic " + HttpFailure.shown(name) + " cannot exist: its name is not legal.");
        }
        MetadataRequestData request = new MetadataRequestData()
                .setTopics(List.of(new MetadataRequestTopic().setName(name)))
                .setAllowAutoTopicCreation(true);
        return calls.call(ownId, METADATA_VERSION, request, 0, timeoutMs).thenApply(answer -> {
            Optional<TopicImage> made = metadata.current().topic(name);
            if (made.isPresent()) {
                return made.get();
            }
            for (MetadataResponseTopic topic : ((MetadataResponseData) answer).topics()) {
                if (topic.errorCode() != Errors.NONE.code()
                        && topic.errorCode() != Errors.UNKNOWN_TOPIC_OR_PARTITION.code()) {
                    throw HttpFailure.of(Errors.forCode(topic.errorCode()), null, "Topic " + name);
                }
            }
            throw HttpFailure.unknownTopic(name);
        });
    }

    /** Asks for topics to be made; this broker knows them when the answer says that they are. */
    CompletionStage<ApiMessage> create(CreateTopicsRequestData request, int version) {
        return calls.call(ownId, version, request.setTimeoutMs(timeoutMs), 0, timeoutMs);
    }

    /** The broker that leads a partition now; empty when nobody does, or who does is not there. */
    Optional<Integer> leader(TopicImage topic, int partition) {
        MetadataImage image = metadata.current();
        return image.topic(topic.topicId())
                .filter(t -> partition < t.partitions().size())
                .map(t -> t.partitions().get(partition))
                .filter(PartitionImage::hasLeader)
                .map(PartitionImage::leader)
                .filter(id -> image.broker(id).filter(b -> !b.fenced()).isPresent());
    }

    /** What is the matter when a partition of it has no leader: it is gone, or one will be there in a while. */
    Errors withoutLeader(TopicImage topic) {
        return metadata.current().topic(topic.topicId()).isPresent()
                ? Errors.LEADER_NOT_AVAILABLE
                : Errors.UNKNOWN_TOPIC_ID;
    }

    /** Ids of the brokers that are there. */
    List<Integer> brokers() {
        return metadata.current().brokers().stream()
                .filter(b -> !b.fenced())
                .map(BrokerImage::brokerId)
                .toList();
    }
}

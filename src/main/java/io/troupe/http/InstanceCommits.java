package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** What a consumer instance tells its group of where it reads: what it is asked to, and by itself what it has read. Pure. */
final class InstanceCommits {
    /** In place of a member's epoch. */
    static final int NO_MEMBER = -1;

    private final InstancePositions positions;
    private final ConsumerInstance.KnownTopics topics;
    private final ConsumerInstance.Work work;
    private final Map<Long, Consumer<HttpFailure>> underWay = new HashMap<>();
    private long lastNumber;

    InstanceCommits(InstancePositions positions, ConsumerInstance.KnownTopics topics, ConsumerInstance.Work work) {
        this.positions = positions;
        this.topics = topics;
        this.work = work;
    }

    /** @param wanted null for wherever reading is */
    void asked(List<Place> wanted, int memberEpoch, Consumer<InstanceReply> reply) {
        List<Place> offsets = wanted == null ? positions.dirty(positions.partitions(), false) : identified(wanted);
        if (offsets.isEmpty()) {
            reply.accept(new InstanceReply.Done());
            return;
        }
        begin(offsets, memberEpoch, failure -> {
            // Of a topic that is gone there is nothing to be kept.
            boolean done = failure == null || wanted == null && failure.errorCode() == HttpFailure.UNKNOWN_TOPIC;
            reply.accept(done ? new InstanceReply.Done() : InstanceReply.Refused.of(failure));
        });
    }

    /** Of a partition that is read here it is the topic that was read, whichever has its name by now. */
    private List<Place> identified(List<Place> named) {
        return named.stream()
                .map(place -> {
                    TopicPartition partition = place.partition().topicPartition();
                    Uuid read = positions.topicId(partition);
                    return new Place(
                            read.equals(Uuid.ZERO_UUID) ? topics.of(partition) : new TopicIdPartition(read, partition),
                            place.offset(),
                            place.metadata());
                })
                .toList();
    }

    /** What was sent; goes on in any case. */
    void unasked(Collection<TopicPartition> partitions, int memberEpoch, Runnable then) {
        List<Place> dirty = positions.dirty(partitions, true);
        if (dirty.isEmpty()) {
            then.run();
        } else {
            begin(dirty, memberEpoch, failure -> then.run());
        }
    }

    private void begin(List<Place> offsets, int memberEpoch, Consumer<HttpFailure> then) {
        long number = ++lastNumber;
        underWay.put(number, failure -> {
            if (failure == null) {
                positions.committed(offsets);
            }
            then.accept(failure);
        });
        work.commit(number, memberEpoch, offsets);
    }

    /** @param failure null when all is committed */
    void ended(long number, HttpFailure failure) {
        underWay.remove(number).accept(failure);
    }

    /** What to tell who commits, when the group says this of a partition. */
    static HttpFailure failure(Errors error, TopicPartition partition) {
        return switch (error) {
            case STALE_MEMBER_EPOCH, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH ->
                new HttpFailure(
                        HttpFailure.ILLEGAL_STATE,
                        "The group has rebalanced, and " + partition
                                + " may be another consumer's; read on to hear what is assigned.");
            default -> HttpFailure.of(error, null, "Offset of " + partition);
        };
    }
}

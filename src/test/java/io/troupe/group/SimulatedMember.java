package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.SimulatedConsumer.Part;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.protocol.Errors;

/** A member of a simulated group, of whichever protocol. */
interface SimulatedMember {
    String memberId();

    /** 0 before it has joined. */
    int epoch();

    /** What it reads, and where it stands there. */
    Map<Part, Long> owned();

    boolean isSubscribedTo(String topic);

    /**
     * Whether it may believe to have a partition. A heartbeat says what a member has, and nothing of what it was told to have and
     * is about to take: if a newer target wants that from it, the coordinator believes that there is nothing to give up (KIP-848
     * has no word for it, and Kafka's coordinator does the same).
     *
     * @param owner who has it by the coordinator's book; null for nobody
     */
    default boolean mayHave(Part part, String owner) {
        return memberId().equals(owner);
    }

    void step();

    /** A client of the classic protocol does not let its user commit in a rebalance. */
    default boolean mayCommit() {
        return true;
    }

    /** Its process ends, with a word or without. */
    void end();

    /** Reads on in one of its partitions and commits. Who is not a member any more must be refused. */
    default void commit(SimulatedGroup run, String instance, short version) {
        List<Part> parts = owned().keySet().stream()
                .filter(part -> run.image.topic(part.topicId()).isPresent())
                .toList();
        if (!mayCommit() || parts.isEmpty() || run.random.nextBoolean()) {
            return;
        }
        Part part = parts.get(run.random.nextInt(parts.size()));
        long position = owned().merge(part, 1L, Long::sum);
        boolean out = !run.knows(memberId());
        OffsetCommitRequestData data = new OffsetCommitRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(memberId())
                .setGroupInstanceId(instance)
                .setGenerationIdOrMemberEpoch(epoch());
        data.topics()
                .add(new OffsetCommitRequestTopic()
                        .setTopicId(part.topicId())
                        .setName(run.image.topic(part.topicId()).orElseThrow().name())
                        .setPartitions(List.of(new OffsetCommitRequestPartition()
                                .setPartitionIndex(part.partition())
                                .setCommittedOffset(position)
                                .setCommittedMetadata(""))));
        Asked<OffsetCommitResponseData> answer = run.ask(reply -> new GroupRequest.CommitOffsets(version, data, reply));
        if (!answer.parked()) {
            Errors error = Errors.forCode(
                    answer.now().topics().get(0).partitions().get(0).errorCode());
            assertTrue(!out || error != Errors.NONE, () -> memberId() + " is out, and commits");
            if (error == Errors.NONE) {
                run.highest.merge(part, position, Math::max);
            }
        }
    }
}

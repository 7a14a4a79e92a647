package io.troupe.group;

import java.util.List;
import org.apache.kafka.common.protocol.Errors;

/**
 * A group as a deterministic state machine: commands and the time come in, {@link Effect}s come out; no clock, no I/O, no
 * threads. Owned by one thread at a time.
 */
interface GroupCore {
    CommittedGroup committed();

    /** The last that happened to it. */
    GroupEvents events();

    /** Notes that it was made of what is stored, because of {@code why}. */
    void noteLoaded(String why, long nowMs);

    /** Kafka's name of the state. */
    String stateText();

    /** Kafka's name of the protocol by which its members are coordinated. */
    String groupType();

    /** Empty for a group that only commits offsets. */
    String protocolType();

    /** Appends asked for and not yet decided. */
    int appending();

    /** When {@link #tick} is due at the latest, or earlier than needed; {@link Long#MAX_VALUE} for never. */
    long nextDeadlineMs();

    List<Effect> handle(GroupRequest request, long nowMs);

    /** Whatever is due by now. */
    List<Effect> tick(long nowMs);

    /**
     * An append was decided: acknowledged, or refused with an error for clients.
     *
     * @param error {@link Errors#NONE} when the records are acknowledged
     */
    List<Effect> appended(Effect.Append append, Errors error, long nowMs);

    /** Topics were deleted, or may have been while nobody looked: offsets of such topics go. No append may be under way. */
    List<Effect> checkTopics(TopicIds topics, long nowMs);

    /** Topics were made, deleted or enlarged, or may have been while nobody looked. */
    default List<Effect> topicsChanged(long nowMs) {
        return List.of();
    }

    /** Answers every parked request, because the machine ends. */
    List<Effect> end(Errors error);
}

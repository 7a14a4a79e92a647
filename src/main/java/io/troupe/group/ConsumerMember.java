package io.troupe.group;

/** One member of a group of the consumer protocol; owned by its {@link ConsumerGroup}. */
final class ConsumerMember {
    final String memberId;
    ConsumerMemberMetadata metadata;
    CurrentAssignment current;
    /** When its session ends. */
    long sessionDeadlineMs = ConsumerGroupState.NEVER;
    /** By when it must have given up what it has to; or have rejoined, or asked for its part, if it speaks classic. */
    long revocationDeadlineMs = ConsumerGroupState.NEVER;

    ConsumerMember(String memberId, ConsumerMemberMetadata metadata, CurrentAssignment current) {
        this.memberId = memberId;
        this.metadata = metadata;
        this.current = current;
    }

    /** A static member that is away, and has its session's time to come back. */
    boolean isAway() {
        return current.memberEpoch() == CurrentAssignment.LEFT_STATIC;
    }
}

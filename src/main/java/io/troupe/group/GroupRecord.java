package io.troupe.group;

/** What a record of {@code __consumer_offsets} says. Bytes: {@link GroupRecords}. */
sealed interface GroupRecord
        permits ConsumerGroupRecord,
                GroupRecord.OffsetStored,
                GroupRecord.OffsetRemoved,
                GroupRecord.GroupStored,
                GroupRecord.GroupRemoved {
    String groupId();

    record OffsetStored(String groupId, String topic, int partition, CommittedOffset offset) implements GroupRecord {}

    /** A tombstone. */
    record OffsetRemoved(String groupId, String topic, int partition) implements GroupRecord {}

    record GroupStored(String groupId, GroupMetadata metadata) implements GroupRecord {}

    /** A tombstone. It removes the group, not its offsets: each of these has its own. */
    record GroupRemoved(String groupId) implements GroupRecord {}
}

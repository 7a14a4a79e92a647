package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.troupe.group.ConsumerGroupRecord.CurrentStored;
import io.troupe.group.ConsumerGroupRecord.EpochStored;
import io.troupe.group.ConsumerGroupRecord.MemberStored;
import io.troupe.group.ConsumerGroupRecord.PartitionsStored;
import io.troupe.group.ConsumerGroupRecord.RegexStored;
import io.troupe.group.ConsumerGroupRecord.ResolvedRegex;
import io.troupe.group.ConsumerGroupRecord.TargetEpochStored;
import io.troupe.group.ConsumerGroupRecord.TargetStored;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** The bytes are those that Kafka 4.3.1 writes for the same values. */
class ConsumerGroupRecordsTest {
    private static final Uuid ID = new Uuid(1, 2);
    private static final String ID_HEX = "00000000000000010000000000000002";

    private static void isStoredAs(GroupRecord record, String keyHex, String valueHex) {
        ByteBuffer key = GroupRecords.key(record);
        ByteBuffer value = GroupRecords.value(record);
        assertEquals(keyHex.replace(" ", ""), hex(key));
        if (valueHex == null) {
            assertNull(value);
        } else {
            assertEquals(valueHex.replace(" ", ""), hex(value));
        }
        assertEquals(record, GroupRecords.read(key, value));
    }

    private static String hex(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    private static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(hex.replace(" ", "")));
    }

    private static ConsumerMemberMetadata member(ConsumerMemberMetadata.Classic classic) {
        return new ConsumerMemberMetadata(null, null, "c", "/h", List.of("t"), null, 1000, null, classic);
    }

    @Test
    void eachKindIsStoredAsKafkaStoresIt() {
        isStoredAs(new EpochStored("g", 7, 9), "0003 000167", "0000 00000007 01 00 08 0000000000000009");
        isStoredAs(
                new MemberStored(
                        "g",
                        "m",
                        new ConsumerMemberMetadata(
                                "i", null, "c", "/h", List.of("t", "u"), "x.*", 1000, "range", null)),
                "0005 000167 00016d",
                "0000 0269 00 0263 032f68 03 0274 0275 04782e2a 000003e8 0672616e6765 00");
        isStoredAs(new TargetEpochStored("g", 7), "0006 000167", "0000 00000007 00");
        isStoredAs(
                new TargetStored("g", "m", Map.of(ID, Set.of(0, 3))),
                "0007 000167 00016d",
                "0000 02 " + ID_HEX + " 03 00000000 00000003 00 00");
        isStoredAs(
                new CurrentStored(
                        "g",
                        "m",
                        new CurrentAssignment(
                                7,
                                6,
                                CurrentAssignment.State.UNREVOKED_PARTITIONS,
                                Map.of(ID, Map.of(0, 5, 3, 7)),
                                Map.of(ID, Map.of(4, 2)))),
                "0008 000167 00016d",
                "0000 00000007 00000006 01 02 " + ID_HEX + " 03 00000000 00000003 01 00 09 03 00000005 00000007 02 "
                        + ID_HEX + " 02 00000004 01 00 05 02 00000002 00");
        isStoredAs(
                new RegexStored("g", "x.*", new ResolvedRegex(List.of("t"), 3, 4)),
                "0010 000167 0003 782e2a",
                "0000 02 0274 0000000000000003 0000000000000004 00");
    }

    @Test
    void tombstonesHaveNoValue() {
        isStoredAs(new EpochStored("g", -1, 0), "0003 000167", null);
        isStoredAs(new MemberStored("g", "m", null), "0005 000167 00016d", null);
        isStoredAs(new TargetEpochStored("g", -1), "0006 000167", null);
        isStoredAs(new TargetStored("g", "m", null), "0007 000167 00016d", null);
        isStoredAs(new CurrentStored("g", "m", null), "0008 000167 00016d", null);
        isStoredAs(new RegexStored("g", "x", null), "0010 000167 0001 78", null);
    }

    @Test // members that speak the classic protocol
    void whatAClassicMemberJoinedWithIsATaggedField() {
        String hex = "0000 00 00 0263 032f68 02 0274 00 000003e8 00 01 00 11 01 00001770 02 0672616e6765 03 0102 00 00";
        MemberStored read = (MemberStored) GroupRecords.read(bytes("0005 000167 00016d"), bytes(hex));
        GroupMember.Protocol protocol = read.metadata().classic().protocols().get(0);
        assertEquals(6000, read.metadata().classic().sessionTimeoutMs());
        assertEquals("range", protocol.name());
        assertArrayEquals(new byte[] {1, 2}, protocol.metadata());
        MemberStored written =
                new MemberStored("g", "m", member(new ConsumerMemberMetadata.Classic(6000, List.of(protocol))));
        assertEquals(hex.replace(" ", ""), hex(GroupRecords.value(written)));
    }

    @Test // before KIP-1251
    void withoutEpochsPartitionsCountAsGivenInTheMembersEpoch() {
        CurrentStored read = (CurrentStored) GroupRecords.read(
                bytes("0008 000167 00016d"), bytes("0000 00000007 00000006 00 02 " + ID_HEX + " 02 00000000 00 01 00"));
        assertEquals(Map.of(ID, Map.of(0, 7)), read.current().assigned());
    }

    @Test // written by Kafka before 4.1
    void partitionMetadataIsReadOver() {
        assertEquals(new PartitionsStored("g"), GroupRecords.read(bytes("0004 000167"), bytes("0000 01 00")));
        assertNull(CommittedGroup.empty("g")
                .with(List.of(new PartitionsStored("g")))
                .consumers());
    }

    @Test
    void brokenBytesAreRefused() {
        for (String broken : List.of("", "0001 00", "0000", "0000 00000007 00000006 00 ff01", "0000 7fffffff")) {
            assertThrows(
                    GroupRecords.MalformedRecordException.class,
                    () -> GroupRecords.read(bytes("0008 000167 00016d"), bytes(broken)));
        }
    }

    @Test // "Persistence": compaction keeps the newest of each key, in whatever order
    void theFoldDoesNotDependOnTheOrderOfKeys() {
        CurrentAssignment current =
                new CurrentAssignment(7, 6, CurrentAssignment.State.STABLE, Map.of(ID, Map.of(0, 7)), Map.of());
        List<GroupRecord> records = List.of(
                new CurrentStored("g", "m", current),
                new TargetStored("g", "m", Map.of(ID, Set.of(0))),
                new MemberStored("g", "m", member(null)),
                new TargetEpochStored("g", 7),
                new EpochStored("g", 7, 9));
        List<GroupRecord> other =
                List.of(records.get(4), records.get(2), records.get(3), records.get(0), records.get(1));
        CommittedGroup group = CommittedGroup.empty("g").with(records);
        assertEquals(group, CommittedGroup.empty("g").with(other));
        assertEquals(current, group.consumers().currents().get("m"));
        CommittedGroup ended = group.with(List.of(
                new EpochStored("g", -1, 0),
                new TargetEpochStored("g", -1),
                new MemberStored("g", "m", null),
                new CurrentStored("g", "m", null),
                new TargetStored("g", "m", null)));
        assertNull(ended.consumers());
    }
}

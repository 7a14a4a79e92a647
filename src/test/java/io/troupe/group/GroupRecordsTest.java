package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** The bytes of __consumer_offsets are Kafka's. */
class GroupRecordsTest {
    private static String hex(ByteBuffer b) {
        byte[] bytes = new byte[b.remaining()];
        b.duplicate().get(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    private static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(hex.replace(" ", "")));
    }

    static List<GroupRecord> readAll(List<ByteBuffer> batches) {
        List<GroupRecord> records = new ArrayList<>();
        for (ByteBuffer batch : batches) {
            for (Batches.Decoded d : Batches.records(batch.duplicate())) {
                records.add(GroupRecords.read(d.key(), d.value()));
            }
        }
        return records;
    }

    @Test
    void anOffsetIsKeyV1AndValueV4() {
        var record = new GroupRecord.OffsetStored("g", "t", 3, new CommittedOffset(258, 5, "m", 1, new Uuid(1, 2)));
        assertEquals("0001" + "000167" + "000174" + "00000003", hex(GroupRecords.key(record)));
        assertEquals(
                "0004" + "0000000000000102" + "00000005" + "026d" + "0000000000000001" + "01" + "00" + "10"
                        + "00000000000000010000000000000002",
                hex(GroupRecords.value(record)));
        assertEquals(record, GroupRecords.read(GroupRecords.key(record), GroupRecords.value(record)));
        assertEquals(new GroupRecord.OffsetRemoved("g", "t", 3), GroupRecords.read(GroupRecords.key(record), null));
    }

    @Test
    void aGroupIsKeyV2AndValueV3() {
        var member = new GroupMetadata.Member("a", null, "c", "h", 7, 8, new byte[] {1}, new byte[] {2, 3});
        var record =
                new GroupRecord.GroupStored("g", new GroupMetadata("consumer", 4, "range", "a", 9, List.of(member)));
        assertEquals("0002" + "000167", hex(GroupRecords.key(record)));
        assertEquals(
                "0003" + "0008636f6e73756d6572" + "00000004" + "000572616e6765" + "000161" + "0000000000000009"
                        + "00000001" + "000161" + "ffff" + "000163" + "000168" + "00000007" + "00000008"
                        + "0000000101" + "000000020203",
                hex(GroupRecords.value(record)));
        var read = (GroupRecord.GroupStored) GroupRecords.read(GroupRecords.key(record), GroupRecords.value(record));
        assertArrayEquals(new byte[] {2, 3}, read.metadata().members().get(0).assignment());
        assertEquals(new GroupRecord.GroupRemoved("g"), GroupRecords.read(GroupRecords.key(record), null));
    }

    @Test
    void olderValuesAreRead() {
        ByteBuffer key = bytes("0000 000167 000174 00000000");
        var v1 = (GroupRecord.OffsetStored)
                GroupRecords.read(key, bytes("0001 0000000000000007 ffff 0000000000000001 0000000000000002"));
        assertEquals(new CommittedOffset(7, -1, "", 1, 2, Uuid.ZERO_UUID), v1.offset());
    }

    @Test
    void anOffsetWhoseClientSaidWhenItLapsesIsValueV1() {
        var record = new GroupRecord.OffsetStored("g", "t", 3, new CommittedOffset(258, -1, "m", 1, 9, new Uuid(1, 2)));
        assertEquals(
                "0001" + "0000000000000102" + "0001" + "6d" + "0000000000000001" + "0000000000000009",
                hex(GroupRecords.value(record)));
        assertEquals(
                new GroupRecord.OffsetStored("g", "t", 3, new CommittedOffset(258, -1, "m", 1, 9, Uuid.ZERO_UUID)),
                GroupRecords.read(GroupRecords.key(record), GroupRecords.value(record)));
    }

    @Test
    void unknownTaggedFieldsAreSkippedAndBrokenOnesRefused() {
        ByteBuffer key = bytes("0001 000167 000174 00000000");
        String upToTags = "0004 0000000000000007 ffffffff 01 0000000000000001";
        var read = (GroupRecord.OffsetStored)
                GroupRecords.read(key, bytes(upToTags + "02 05 01 ff 8001 8001" + "00".repeat(128)));
        assertEquals(new CommittedOffset(7, -1, "", 1, Uuid.ZERO_UUID), read.offset());
        for (String broken : List.of("", "01 00 04 00000000", "01 00 10 00", "ffffffff7f", "ffffffffff")) {
            assertThrows(
                    GroupRecords.MalformedRecordException.class,
                    () -> GroupRecords.read(key, bytes(upToTags + broken)));
        }
    }

    @Test
    void newerKeysAreSkippedAndBrokenBytesRefused() {
        assertNull(GroupRecords.read(bytes("0011 00"), null));
        ByteBuffer key = bytes("0001 000167 000174 00000000");
        assertThrows(GroupRecords.MalformedRecordException.class, () -> GroupRecords.read(key, bytes("0009")));
        assertThrows(GroupRecords.MalformedRecordException.class, () -> GroupRecords.read(key, bytes("0003 00")));
        assertThrows(GroupRecords.MalformedRecordException.class, () -> GroupRecords.read(bytes("0001 7fff00"), null));
        assertThrows(
                GroupRecords.MalformedRecordException.class,
                () -> GroupRecords.read(
                        bytes("0002 000167"), bytes("0003 0000 00000000 ffff ffff 0000000000000000 7fffffff")));
    }
}

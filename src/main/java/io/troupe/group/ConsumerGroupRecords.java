package io.troupe.group;

import io.troupe.group.ConsumerGroupRecord.CurrentStored;
import io.troupe.group.ConsumerGroupRecord.EpochStored;
import io.troupe.group.ConsumerGroupRecord.MemberStored;
import io.troupe.group.ConsumerGroupRecord.PartitionsStored;
import io.troupe.group.ConsumerGroupRecord.RegexStored;
import io.troupe.group.ConsumerGroupRecord.ResolvedRegex;
import io.troupe.group.ConsumerGroupRecord.TargetEpochStored;
import io.troupe.group.ConsumerGroupRecord.TargetStored;
import io.troupe.group.GroupRecords.Writer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;

/**
 * The bytes of a consumer-protocol group's records in {@code __consumer_offsets} (KIP-848, 1251), as Kafka's own tools read them.
 * Keys are written as in {@link GroupRecords}; in values {@code string}, {@code bytes} and counts begin with an uvarint
 * length + 1 (0: null), and {@code tags} is an uvarint count of tagged fields, each an uvarint tag, an uvarint size, and bytes.
 * Tags not listed are skipped.
 *
 * <pre>
 * key    int16 type, string group; 5, 7 and 8: string member id; 16: string expression
 * value  int16 version, always 0, and then
 *
 * 3 group          int32 epoch
 *                  tags (0: int64 hash of the topics' metadata)
 * 4 partitions     not written any more; read over
 * 5 member         string? instance id, string? rack id, string client id, string client host
 *                  count, string topic...
 *                  string? expression, int32 rebalance time-out, string? assignor
 *                  tags (0: byte 1, and what a member of the classic protocol joined with:
 *                    int32 session time-out, count, and for each protocol: string name, bytes metadata, tags
 *                    tags)
 * 6 target epoch   int32 epoch, tags
 * 7 target         count, and for each topic
 *                    uuid topic id, count, int32 partition..., tags
 *                  tags
 * 8 current        int32 member epoch, int32 previous epoch, int8 state
 *                  twice (assigned, being revoked): as the target's topics, with tags (0: count, int32 the epoch in which
 *                    the partition in that place was given)
 *                  tags
 * 16 expression    count, string topic..., int64 version, int64 time, tags
 * </pre>
 */
final class ConsumerGroupRecords {
    private static final short GROUP_KEY = 3;
    private static final short PARTITIONS_KEY = 4;
    private static final short MEMBER_KEY = 5;
    private static final short TARGET_EPOCH_KEY = 6;
    private static final short TARGET_KEY = 7;
    private static final short CURRENT_KEY = 8;
    private static final short REGEX_KEY = 16;
    private static final short VALUE = 0;
    /** Of each of these kinds of records the only tagged field that is known. */
    private static final int TAG = 0;

    private ConsumerGroupRecords() {}

    static void key(Writer out, ConsumerGroupRecord record) {
        if (record instanceof EpochStored) {
            key(out, GROUP_KEY, record, null);
        } else if (record instanceof PartitionsStored) {
            key(out, PARTITIONS_KEY, record, null);
        } else if (record instanceof MemberStored r) {
            key(out, MEMBER_KEY, record, r.memberId());
        } else if (record instanceof TargetEpochStored) {
            key(out, TARGET_EPOCH_KEY, record, null);
        } else if (record instanceof TargetStored r) {
            key(out, TARGET_KEY, record, r.memberId());
        } else if (record instanceof CurrentStored r) {
            key(out, CURRENT_KEY, record, r.memberId());
        } else if (record instanceof RegexStored r) {
            key(out, REGEX_KEY, record, r.regex());
        }
    }

    private static void key(Writer out, short type, GroupRecord record, String second) {
        out.int16(type);
        out.string(record.groupId());
        if (second != null) {
            out.string(second);
        }
    }

    /** Null for a tombstone. */
    static ByteBuffer value(ConsumerGroupRecord record) {
        Writer out = new Writer();
        out.int16(VALUE);
        if (record instanceof EpochStored r && r.epoch() >= 0) {
            group(out, r);
        } else if (record instanceof MemberStored r && r.metadata() != null) {
            member(out, r.metadata());
        } else if (record instanceof TargetEpochStored r && r.epoch() >= 0) {
            out.int32(r.epoch());
            out.uvarint(0);
        } else if (record instanceof TargetStored r && r.target() != null) {
            target(out, r.target());
        } else if (record instanceof CurrentStored r && r.current() != null) {
            current(out, r.current());
        } else if (record instanceof RegexStored r && r.resolved() != null) {
            strings(out, r.resolved().topics());
            out.int64(r.resolved().version());
            out.int64(r.resolved().timestampMs());
            out.uvarint(0);
        } else {
            return null;
        }
        return out.done();
    }

    private static void group(Writer out, EpochStored r) {
        out.int32(r.epoch());
        if (r.metadataHash() == 0) {
            out.uvarint(0);
        } else {
            out.uvarint(1);
            out.uvarint(TAG);
            out.uvarint(Long.BYTES);
            out.int64(r.metadataHash());
        }
    }

    private static void member(Writer out, ConsumerMemberMetadata m) {
        out.compactString(m.instanceId());
        out.compactString(m.rackId());
        out.compactString(m.clientId());
        out.compactString(m.clientHost());
        strings(out, m.topicNames());
        out.compactString(m.topicRegex());
        out.int32(m.rebalanceTimeoutMs());
        out.compactString(m.serverAssignor());
        if (m.classic() == null) {
            out.uvarint(0);
            return;
        }
        Writer classic = new Writer();
        classic.int8((byte) 1);
        classic.int32(m.classic().sessionTimeoutMs());
        classic.uvarint(m.classic().protocols().size() + 1);
        for (GroupMember.Protocol p : m.classic().protocols()) {
            classic.compactString(p.name());
            classic.compactBytes(p.metadata());
            classic.uvarint(0);
        }
        classic.uvarint(0);
        ByteBuffer bytes = classic.done();
        out.uvarint(1);
        out.uvarint(TAG);
        out.uvarint(bytes.remaining());
        out.raw(bytes);
    }

    private static void target(Writer out, Map<Uuid, Set<Integer>> target) {
        out.uvarint(target.size() + 1);
        target.forEach((topicId, partitions) -> {
            out.uuid(topicId);
            out.uvarint(partitions.size() + 1);
            new TreeSet<>(partitions).forEach(out::int32);
            out.uvarint(0);
        });
        out.uvarint(0);
    }

    private static void current(Writer out, CurrentAssignment c) {
        out.int32(c.memberEpoch());
        out.int32(c.previousEpoch());
        out.int8(c.state().id);
        partitions(out, c.assigned());
        partitions(out, c.revoking());
        out.uvarint(0);
    }

    private static void partitions(Writer out, Map<Uuid, Map<Integer, Integer>> topics) {
        out.uvarint(topics.size() + 1);
        topics.forEach((topicId, epochs) -> {
            Map<Integer, Integer> inOrder = new TreeMap<>(epochs);
            out.uuid(topicId);
            out.uvarint(inOrder.size() + 1);
            inOrder.keySet().forEach(out::int32);
            Writer given = new Writer();
            given.uvarint(inOrder.size() + 1);
            inOrder.values().forEach(given::int32);
            ByteBuffer bytes = given.done();
            out.uvarint(1);
            out.uvarint(TAG);
            out.uvarint(bytes.remaining());
            out.raw(bytes);
        });
    }

    private static void strings(Writer out, List<String> strings) {
        out.uvarint(strings.size() + 1);
        strings.forEach(out::compactString);
    }

    /**
     * Reads a record whose key's type was read.
     *
     * @param value null for a tombstone; is moved
     * @return null for a key of an unknown type
     */
    static ConsumerGroupRecord read(short type, ByteBuffer key, ByteBuffer value) {
        if (value != null && type >= GROUP_KEY && type <= REGEX_KEY) {
            GroupRecords.known(value.getShort(), VALUE, "consumer group");
        }
        return switch (type) {
            case GROUP_KEY -> {
                String groupId = GroupRecords.string(key);
                yield value == null ? new EpochStored(groupId, EpochStored.TOMBSTONE, 0) : readGroup(groupId, value);
            }
            case PARTITIONS_KEY -> new PartitionsStored(GroupRecords.string(key));
            case MEMBER_KEY ->
                new MemberStored(
                        GroupRecords.string(key), GroupRecords.string(key), value == null ? null : readMember(value));
            case TARGET_EPOCH_KEY ->
                new TargetEpochStored(GroupRecords.string(key), value == null ? -1 : value.getInt());
            case TARGET_KEY ->
                new TargetStored(
                        GroupRecords.string(key), GroupRecords.string(key), value == null ? null : readTarget(value));
            case CURRENT_KEY ->
                new CurrentStored(
                        GroupRecords.string(key), GroupRecords.string(key), value == null ? null : readCurrent(value));
            case REGEX_KEY ->
                new RegexStored(
                        GroupRecords.string(key),
                        GroupRecords.string(key),
                        value == null ? null : new ResolvedRegex(readStrings(value), value.getLong(), value.getLong()));
            default -> null;
        };
    }

    private static EpochStored readGroup(String groupId, ByteBuffer v) {
        int epoch = v.getInt();
        ByteBuffer hash = tagged(v);
        return new EpochStored(groupId, epoch, hash == null ? 0 : hash.getLong());
    }

    private static ConsumerMemberMetadata readMember(ByteBuffer v) {
        return new ConsumerMemberMetadata(
                GroupRecords.compactString(v),
                GroupRecords.compactString(v),
                GroupRecords.compactString(v),
                GroupRecords.compactString(v),
                readStrings(v),
                GroupRecords.compactString(v),
                v.getInt(),
                GroupRecords.compactString(v),
                readClassic(tagged(v)));
    }

    private static ConsumerMemberMetadata.Classic readClassic(ByteBuffer v) {
        if (v == null || v.get() < 0) {
            return null;
        }
        int sessionTimeoutMs = v.getInt();
        List<GroupMember.Protocol> protocols = new ArrayList<>();
        for (int i = count(v); i > 0; i--) {
            protocols.add(new GroupMember.Protocol(
                    GroupRecords.compactString(v), GroupRecords.take(v, GroupRecords.uvarint(v) - 1)));
            tagged(v);
        }
        return new ConsumerMemberMetadata.Classic(sessionTimeoutMs, protocols);
    }

    private static Map<Uuid, Set<Integer>> readTarget(ByteBuffer v) {
        Map<Uuid, Set<Integer>> target = new HashMap<>();
        for (int topics = count(v); topics > 0; topics--) {
            Uuid topicId = new Uuid(v.getLong(), v.getLong());
            target.put(topicId, new TreeSet<>(readInts(v)));
            tagged(v);
        }
        return target;
    }

    private static CurrentAssignment readCurrent(ByteBuffer v) {
        int memberEpoch = v.getInt();
        int previousEpoch = v.getInt();
        CurrentAssignment.State state = CurrentAssignment.State.of(v.get());
        return new CurrentAssignment(
                memberEpoch, previousEpoch, state, readPartitions(v, memberEpoch), readPartitions(v, memberEpoch));
    }

    /** Without epochs, as older versions stored them, partitions count as given in the member's epoch. */
    private static Map<Uuid, Map<Integer, Integer>> readPartitions(ByteBuffer v, int memberEpoch) {
        Map<Uuid, Map<Integer, Integer>> topics = new HashMap<>();
        for (int i = count(v); i > 0; i--) {
            Uuid topicId = new Uuid(v.getLong(), v.getLong());
            List<Integer> partitions = readInts(v);
            ByteBuffer given = tagged(v);
            List<Integer> epochs = given == null ? List.of() : readInts(given);
            Map<Integer, Integer> byPartition = new HashMap<>();
            for (int p = 0; p < partitions.size(); p++) {
                byPartition.put(partitions.get(p), p < epochs.size() ? epochs.get(p) : memberEpoch);
            }
            topics.put(topicId, byPartition);
        }
        return topics;
    }

    private static List<Integer> readInts(ByteBuffer v) {
        List<Integer> ints = new ArrayList<>();
        for (int i = count(v); i > 0; i--) {
            ints.add(v.getInt());
        }
        return ints;
    }

    private static List<String> readStrings(ByteBuffer v) {
        List<String> strings = new ArrayList<>();
        for (int i = count(v); i > 0; i--) {
            strings.add(GroupRecords.compactString(v));
        }
        return strings;
    }

    private static int count(ByteBuffer v) {
        int count = GroupRecords.uvarint(v) - 1;
        if (count > v.remaining()) {
            throw new IllegalArgumentException(count + " entries in " + v.remaining() + " bytes");
        }
        return count;
    }

    /** Goes over tagged fields; null when the one that is known is not among them. */
    private static ByteBuffer tagged(ByteBuffer v) {
        ByteBuffer known = null;
        for (int fields = GroupRecords.uvarint(v); fields > 0; fields--) {
            int tag = GroupRecords.uvarint(v);
            byte[] bytes = GroupRecords.take(v, GroupRecords.uvarint(v));
            if (tag == TAG) {
                known = ByteBuffer.wrap(bytes);
            }
        }
        return known;
    }
}

package io.troupe.group;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;

/**
 * The bytes of {@code __consumer_offsets}, as Kafka's own tools read them. Big endian; {@code string} is an int16 length
 * (-1: null) and UTF-8, {@code bytes} an int32 length and bytes.
 *
 * <pre>
 * key    int16 version 0 or 1 (1 is written): an offset
 *          string group, string topic, int32 partition
 *        int16 version 2: a group
 *          string group
 *
 * offset int16 version 0 to 4 (4 is written, 1 where the client said when the offset lapses)
 *          int64 offset
 *          3+:  int32 leader epoch
 *          string metadata; 4: uvarint length + 1, and UTF-8
 *          int64 commit timestamp
 *          1:   int64 expire timestamp
 *          4:   uvarint count, and for each tagged field
 *                 uvarint tag, uvarint size, bytes; tag 0 is the topic id (16 bytes), others are skipped
 *
 * group  int16 version 0 to 3 (3 is written)
 *          string protocol type
 *          int32 generation
 *          string? protocol
 *          string? leader
 *          2+:  int64 time of the state
 *          int32 count, and for each member
 *            string member id
 *            3+: string? group instance id
 *            string client id, string client host
 *            1+: int32 rebalance time-out
 *            int32 session time-out
 *            bytes subscription, bytes assignment
 * </pre>
 *
 * <p>A value that is absent is a tombstone. Keys of versions 3 to 8 and 16 belong to groups of the consumer protocol ({@link
 * ConsumerGroupRecords}), others to newer kinds of records, which are skipped.
 */
final class GroupRecords {
    private static final short OFFSET_KEY = 1;
    private static final short GROUP_KEY = 2;
    private static final short OFFSET_VALUE = 4;
    private static final short OFFSET_VALUE_THAT_EXPIRES = 1;
    private static final short GROUP_VALUE = 3;
    private static final int TOPIC_ID_TAG = 0;
    private static final int UUID_BYTES = 16;

    private GroupRecords() {}

    /** A record that cannot be what its key says it is. */
    static final class MalformedRecordException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        MalformedRecordException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static ByteBuffer key(GroupRecord record) {
        Writer out = new Writer();
        if (record instanceof GroupRecord.OffsetStored o) {
            offsetKey(out, o.groupId(), o.topic(), o.partition());
        } else if (record instanceof GroupRecord.OffsetRemoved o) {
            offsetKey(out, o.groupId(), o.topic(), o.partition());
        } else if (record instanceof ConsumerGroupRecord ours) {
            ConsumerGroupRecords.key(out, ours);
        } else {
            out.int16(GROUP_KEY);
            out.string(record.groupId());
        }
        return out.done();
    }

    private static void offsetKey(Writer out, String groupId, String topic, int partition) {
        out.int16(OFFSET_KEY);
        out.string(groupId);
        out.string(topic);
        out.int32(partition);
    }

    /** Null for a tombstone. */
    static ByteBuffer value(GroupRecord record) {
        if (record instanceof ConsumerGroupRecord ours) {
            return ConsumerGroupRecords.value(ours);
        }
        if (record instanceof GroupRecord.OffsetStored stored) {
            CommittedOffset o = stored.offset();
            Writer out = new Writer();
            if (o.expireTimestampMs() != CommittedOffset.BY_RETENTION) {
                // As in Kafka: no other version has the time, and this one has no room for an id.
                out.int16(OFFSET_VALUE_THAT_EXPIRES);
                out.int64(o.offset());
                out.string(o.metadata());
                out.int64(o.commitTimestampMs());
                out.int64(o.expireTimestampMs());
                return out.done();
            }
            out.int16(OFFSET_VALUE);
            out.int64(o.offset());
            out.int32(o.leaderEpoch());
            out.compactString(o.metadata());
            out.int64(o.commitTimestampMs());
            if (o.topicId().equals(Uuid.ZERO_UUID)) {
                out.uvarint(0);
            } else {
                out.uvarint(1);
                out.uvarint(TOPIC_ID_TAG);
                out.uvarint(UUID_BYTES);
                out.uuid(o.topicId());
            }
            return out.done();
        }
        return record instanceof GroupRecord.GroupStored stored ? groupValue(stored.metadata()) : null;
    }

    private static ByteBuffer groupValue(GroupMetadata g) {
        Writer out = new Writer();
        out.int16(GROUP_VALUE);
        out.string(g.protocolType());
        out.int32(g.generation());
        out.string(g.protocol());
        out.string(g.leader());
        out.int64(g.stateTimestampMs());
        out.int32(g.members().size());
        for (GroupMetadata.Member m : g.members()) {
            out.string(m.memberId());
            out.string(m.groupInstanceId());
            out.string(m.clientId());
            out.string(m.clientHost());
            out.int32(m.rebalanceTimeoutMs());
            out.int32(m.sessionTimeoutMs());
            out.bytes(m.subscription());
            out.bytes(m.assignment());
        }
        return out.done();
    }

    /**
     * Reads a record; neither buffer is moved.
     *
     * @param value null for a tombstone
     * @return null for a key of an unknown version
     * @throws MalformedRecordException when the bytes do not fit their version, or the value's version is unknown
     */
    static GroupRecord read(ByteBuffer key, ByteBuffer value) {
        try {
            ByteBuffer k = key.duplicate();
            short version = k.getShort();
            if (version == 0 || version == OFFSET_KEY) {
                String groupId = string(k);
                String topic = string(k);
                int partition = k.getInt();
                return value == null
                        ? new GroupRecord.OffsetRemoved(groupId, topic, partition)
                        : new GroupRecord.OffsetStored(groupId, topic, partition, readOffset(value.duplicate()));
            }
            if (version == GROUP_KEY) {
                String groupId = string(k);
                return value == null
                        ? new GroupRecord.GroupRemoved(groupId)
                        : new GroupRecord.GroupStored(groupId, readGroup(value.duplicate()));
            }
            return ConsumerGroupRecords.read(version, k, value == null ? null : value.duplicate());
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw new MalformedRecordException("a record of __consumer_offsets cannot be read: " + e.getMessage(), e);
        }
    }

    private static CommittedOffset readOffset(ByteBuffer v) {
        short version = known(v.getShort(), OFFSET_VALUE, "offset");
        long offset = v.getLong();
        int leaderEpoch = version >= 3 ? v.getInt() : -1;
        String metadata = version >= 4 ? compactString(v) : string(v);
        long commitTimestampMs = v.getLong();
        long expireTimestampMs = version == OFFSET_VALUE_THAT_EXPIRES ? v.getLong() : CommittedOffset.BY_RETENTION;
        Uuid topicId = version >= 4 ? topicId(v) : Uuid.ZERO_UUID;
        return new CommittedOffset(
                offset, leaderEpoch, metadata == null ? "" : metadata, commitTimestampMs, expireTimestampMs, topicId);
    }

    private static Uuid topicId(ByteBuffer v) {
        Uuid topicId = Uuid.ZERO_UUID;
        for (int fields = uvarint(v); fields > 0; fields--) {
            int tag = uvarint(v);
            byte[] value = take(v, uvarint(v));
            if (tag == TOPIC_ID_TAG) {
                ByteBuffer bits = ByteBuffer.wrap(value);
                topicId = new Uuid(bits.getLong(), bits.getLong());
            }
        }
        return topicId;
    }

    private static GroupMetadata readGroup(ByteBuffer v) {
        short version = known(v.getShort(), GROUP_VALUE, "group");
        String protocolType = string(v);
        int generation = v.getInt();
        String protocol = string(v);
        String leader = string(v);
        long timestamp = version >= 2 ? v.getLong() : -1;
        int count = v.getInt();
        if (count < 0 || count > v.remaining()) {
            throw new IllegalArgumentException(count + " members in " + v.remaining() + " bytes");
        }
        List<GroupMetadata.Member> members = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            String memberId = string(v);
            String instanceId = version >= 3 ? string(v) : null;
            String clientId = string(v);
            String clientHost = string(v);
            int rebalanceTimeoutMs = version >= 1 ? v.getInt() : -1;
            int sessionTimeoutMs = v.getInt();
            members.add(new GroupMetadata.Member(
                    memberId,
                    instanceId,
                    clientId,
                    clientHost,
                    rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
                    sessionTimeoutMs,
                    bytes(v),
                    bytes(v)));
        }
        return new GroupMetadata(protocolType, generation, protocol, leader, timestamp, members);
    }

    static short known(short version, short newest, String what) {
        if (version < 0 || version > newest) {
            throw new IllegalArgumentException(
                    "version " + version + " of a stored " + what + ", known are 0 to " + newest);
        }
        return version;
    }

    static String string(ByteBuffer b) {
        short length = b.getShort();
        return length < 0 ? null : new String(take(b, length), StandardCharsets.UTF_8);
    }

    static String compactString(ByteBuffer b) {
        int length = uvarint(b) - 1;
        return length < 0 ? null : new String(take(b, length), StandardCharsets.UTF_8);
    }

    /** Seven bits a byte, least significant first. */
    static int uvarint(ByteBuffer b) {
        long value = 0;
        for (int shift = 0; shift < 35; shift += 7) {
            byte part = b.get();
            value |= (long) (part & 0x7f) << shift;
            if (part >= 0) {
                if (value > Integer.MAX_VALUE) {
                    break;
                }
                return (int) value;
            }
        }
        throw new IllegalArgumentException("a number of variable length that is too large");
    }

    private static byte[] bytes(ByteBuffer b) {
        int length = b.getInt();
        return length < 0 ? new byte[0] : take(b, length);
    }

    static byte[] take(ByteBuffer b, int length) {
        if (length > b.remaining()) {
            throw new IllegalArgumentException("a field of " + length + " bytes where " + b.remaining() + " are left");
        }
        byte[] bytes = new byte[length];
        b.get(bytes);
        return bytes;
    }

    /** Grows as needed; records are small. */
    static final class Writer {
        private ByteBuffer out = ByteBuffer.allocate(128);

        private ByteBuffer room(int bytes) {
            if (out.remaining() < bytes) {
                ByteBuffer larger = ByteBuffer.allocate(Math.max(out.capacity() * 2, out.position() + bytes));
                out = larger.put(out.flip());
            }
            return out;
        }

        void int8(byte v) {
            room(1).put(v);
        }

        void int16(short v) {
            room(2).putShort(v);
        }

        void int32(int v) {
            room(4).putInt(v);
        }

        void int64(long v) {
            room(8).putLong(v);
        }

        void string(String s) {
            if (s == null) {
                int16((short) -1);
                return;
            }
            byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
            if (utf8.length > Short.MAX_VALUE) {
                throw new IllegalArgumentException("a string of " + utf8.length + " bytes does not fit a group record");
            }
            int16((short) utf8.length);
            room(utf8.length).put(utf8);
        }

        void compactString(String s) {
            if (s == null) {
                uvarint(0);
                return;
            }
            byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
            uvarint(utf8.length + 1);
            room(utf8.length).put(utf8);
        }

        void uvarint(int v) {
            int rest = v;
            while (rest >= 0x80) {
                room(1).put((byte) (rest | 0x80));
                rest >>>= 7;
            }
            room(1).put((byte) rest);
        }

        void compactBytes(byte[] b) {
            uvarint(b.length + 1);
            room(b.length).put(b);
        }

        void uuid(Uuid id) {
            int64(id.getMostSignificantBits());
            int64(id.getLeastSignificantBits());
        }

        void raw(ByteBuffer b) {
            room(b.remaining()).put(b);
        }

        void bytes(byte[] b) {
            int32(b.length);
            room(b.length).put(b);
        }

        ByteBuffer done() {
            return out.flip();
        }
    }
}

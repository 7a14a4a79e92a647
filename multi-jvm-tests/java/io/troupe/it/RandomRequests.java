package io.troupe.it;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.CompactArrayOf;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.utils.internals.ByteUtils;

/**
 * Requests whose form is right and whose values are whatever the dice say, written from the schemas of the protocol's messages: numbers
 * at their edges, nulls, empty and long strings, topics that exist or do not, tagged fields that nobody knows. Ids that the broker gave
 * in its answers are used again, so that some requests get beyond the first check. The same seed gives the same requests, but for those
 * ids. One thread.
 */
final class RandomRequests {
    /** A request's body stops to grow about here; arrays that come later are empty. */
    private static final int BODY_BYTES = 64 << 10;

    private static final int LEARNED_VALUES = 16;
    private static final List<String> TOPICS = List.of(
            "fuzz-a",
            "fuzz-b",
            "fuzz-c",
            "fuzz-d",
            "fuzz-e",
            "",
            ".",
            "..",
            "a b",
            "fuzz/x",
            "__consumer_offsets",
            "fuzz_a",
            "fuzz.a");
    private static final List<String> GROUPS = List.of("fuzz-g1", "fuzz-g2", "fuzz-g3", "");
    private static final List<String> CONFIG_KEYS = List.of(
            "cleanup.policy",
            "retention.ms",
            "segment.bytes",
            "max.message.bytes",
            "min.insync.replicas",
            "message.timestamp.type",
            "compression.type",
            "flush.messages",
            "no.such.key",
            "");
    private static final List<String> CONFIG_VALUES = List.of(
            "compact",
            "delete",
            "compact,delete",
            "0",
            "-1",
            "1",
            "1048576",
            "99999999999999999999",
            "LogAppendTime",
            "x",
            "gzip",
            "");
    private static final long[] NUMBERS = {
        0,
        1,
        -1,
        2,
        3,
        7,
        100,
        -2,
        Byte.MAX_VALUE,
        Short.MAX_VALUE,
        Short.MIN_VALUE,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    /**
     * One request's bytes without the length in front.
     *
     * @param answered whether an answer must come: not with acks=0, nor when it asks to wait for long
     */
    record Request(ApiKeys api, short version, byte[] bytes, boolean answered) {}

    private final Random random;
    private final String untouched;
    private final Map<String, List<Object>> learned = new HashMap<>();
    private ByteArrayOutputStream bytes;
    private DataOutputStream out;
    private boolean answered;

    /** @param untouched a topic whose id is not learned, so that no request is about it */
    RandomRequests(Random random, String untouched) {
        this.random = random;
        this.untouched = untouched;
    }

    Request next(ApiKeys api, short version, int correlationId) {
        bytes = new ByteArrayOutputStream();
        out = new DataOutputStream(bytes);
        answered = true;
        try {
            out.writeShort(api.id);
            out.writeShort(version);
            out.writeInt(correlationId);
            write(Type.NULLABLE_STRING, "client_id", "");
            if (api.requestHeaderVersion(version) >= 2) {
                tagged(new TaggedFields(Map.of()), "");
            }
            write(api.messageType.requestSchemas()[version], "", "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Request(api, version, bytes.toByteArray(), answered);
    }

    /** Remembers ids out of an answer. */
    void learn(Struct answer) {
        for (BoundField field : answer.schema().fields()) {
            if (untouched.equals(answer.get(field))) {
                return;
            }
        }
        for (BoundField field : answer.schema().fields()) {
            Object value = answer.get(field);
            if (value instanceof Struct struct) {
                learn(struct);
            } else if (value instanceof Object[] array) {
                for (Object element : array) {
                    if (element instanceof Struct struct) {
                        learn(struct);
                    }
                }
            } else if (value instanceof Uuid
                    || field.def.name.matches("member_id|generation_id|producer_id|producer_epoch")) {
                List<Object> values = learned.computeIfAbsent(field.def.name, name -> new ArrayList<>());
                if (values.size() < LEARNED_VALUES) {
                    values.add(value);
                } else {
                    values.set(random.nextInt(LEARNED_VALUES), value);
                }
            }
        }
    }

    private void write(Type type, String name, String parent) throws IOException {
        if (type instanceof Schema schema) {
            if (type.isNullable()) {
                boolean isNull = one(4);
                out.writeByte(isNull ? -1 : 1);
                if (isNull) {
                    return;
                }
            }
            for (BoundField field : schema.fields()) {
                write(field.def.type, field.def.name, name);
            }
        } else if (type instanceof TaggedFields tags) {
            tagged(tags, name);
        } else if (type.isArray()) {
            array(type, name, parent);
        } else if (type == Type.BOOLEAN) {
            out.writeBoolean(random.nextBoolean());
        } else if (type == Type.INT8) {
            out.writeByte((int) number(name));
        } else if (type == Type.INT16 || type == Type.UINT16) {
            out.writeShort((int) number(name));
        } else if (type == Type.INT32 || type == Type.UNSIGNED_INT32) {
            out.writeInt((int) number(name));
        } else if (type == Type.INT64) {
            out.writeLong(number(name));
        } else if (type == Type.FLOAT64) {
            out.writeLong(random.nextLong());
        } else if (type == Type.UUID) {
            Uuid id = uuid(name);
            out.writeLong(id.getMostSignificantBits());
            out.writeLong(id.getLeastSignificantBits());
        } else if (type.toString().contains("STRING")) {
            string(type, name, parent);
        } else if (type.toString().contains("RECORDS")) {
            sized(type, one(10) ? null : RandomRecords.next(random), false);
        } else if (type.toString().contains("BYTES")) {
            sized(type, type.isNullable() && one(5) ? null : randomBytes(one(20) ? 5000 : 40), false);
        } else {
            throw new IllegalStateException("no values for type " + type);
        }
    }

    private void array(Type type, String name, String parent) throws IOException {
        boolean compact = type instanceof CompactArrayOf;
        if (type.isNullable() && one(6)) {
            count(compact, -1);
            return;
        }
        int count = one(6) ? 0 : one(4) ? 2 + random.nextInt(4) : one(60) ? 2000 : 1;
        Type element = type.arrayElementType().orElseThrow();
        // The count stands before the elements: they are written aside, as many as fit.
        DataOutputStream outer = out;
        ByteArrayOutputStream outerBytes = bytes;
        ByteArrayOutputStream elements = new ByteArrayOutputStream();
        bytes = elements;
        out = new DataOutputStream(elements);
        int written = 0;
        for (; written < count && outerBytes.size() + elements.size() < BODY_BYTES; written++) {
            write(element, element instanceof Schema ? name : name.isEmpty() ? parent : name, parent);
        }
        bytes = outerBytes;
        out = outer;
        count(compact, written);
        out.write(elements.toByteArray());
    }

    private void tagged(TaggedFields type, String parent) throws IOException {
        TreeMap<Integer, byte[]> tags = new TreeMap<>();
        for (Map.Entry<Integer, Field> field : type.fields().entrySet()) {
            if (random.nextBoolean()) {
                DataOutputStream outer = out;
                ByteArrayOutputStream outerBytes = bytes;
                bytes = new ByteArrayOutputStream();
                out = new DataOutputStream(bytes);
                write(field.getValue().type, field.getValue().name, parent);
                tags.put(field.getKey(), bytes.toByteArray());
                bytes = outerBytes;
                out = outer;
            }
        }
        if (one(8)) {
            tags.put(100 + random.nextInt(100), randomBytes(30));
            tags.put(Integer.MAX_VALUE, new byte[0]);
        }
        ByteUtils.writeUnsignedVarint(tags.size(), out);
        for (Map.Entry<Integer, byte[]> tag : tags.entrySet()) {
            ByteUtils.writeUnsignedVarint(tag.getKey(), out);
            ByteUtils.writeUnsignedVarint(tag.getValue().length, out);
            out.write(tag.getValue());
        }
    }

    private long number(String name) {
        if (name.matches("(max_wait|timeout|session_timeout|rebalance_timeout).*ms")) {
            if (one(50)) {
                answered = false;
                return NUMBERS[random.nextInt(NUMBERS.length)];
            }
            return random.nextInt(12) - 1;
        }
        if (name.equals("acks")) {
            long acks = one(20) ? NUMBERS[random.nextInt(NUMBERS.length)] : random.nextInt(3) - 1;
            answered &= (short) acks != 0;
            return acks;
        }
        if (name.matches("partition.*|num_partitions|.*replication_factor|broker_ids|replica_id") && !one(10)) {
            return random.nextInt(4) - 1;
        }
        if (name.matches("resource_type|.*operation|key_type|coordinator_type") && !one(10)) {
            return random.nextInt(5);
        }
        List<Object> values = learned.get(name);
        if (values != null && !one(5)) {
            return ((Number) values.get(random.nextInt(values.size()))).longValue();
        }
        return one(4) ? random.nextLong() : NUMBERS[random.nextInt(NUMBERS.length)];
    }

    private Uuid uuid(String name) {
        List<Object> values = learned.get(name);
        if (values != null && !one(5)) {
            return (Uuid) values.get(random.nextInt(values.size()));
        }
        return one(3) ? Uuid.ZERO_UUID : new Uuid(random.nextLong(), random.nextLong());
    }

    private void string(Type type, String name, String parent) throws IOException {
        if (type.isNullable() && one(3)) {
            sized(type, null, true);
            return;
        }
        String value;
        if (one(25)) {
            value = strange();
        } else if (name.contains("member_id") || name.contains("instance_id")) {
            List<Object> values = learned.get("member_id");
            value = values == null || one(4) ? "" : String.valueOf(values.get(random.nextInt(values.size())));
        } else if (name.contains("group") || name.startsWith("key") || name.contains("coordinator_key")) {
            value = pick(GROUPS);
        } else if (parent.contains("config") || name.contains("config")) {
            value = pick(name.equals("value") ? CONFIG_VALUES : CONFIG_KEYS);
        } else if (name.equals("protocol_type")) {
            value = one(5) ? "connect" : "consumer";
        } else if (parent.equals("protocols") || name.equals("protocol_name")) {
            value = one(3) ? "roundrobin" : "range";
        } else if (name.equals("resource_name")) {
            value = one(2) ? pick(TOPICS) : one(2) ? "1" : "";
        } else {
            value = pick(TOPICS);
        }
        sized(type, value.getBytes(StandardCharsets.UTF_8), true);
    }

    private String strange() {
        return switch (random.nextInt(5)) {
            case 0 -> "x".repeat(249);
            case 1 -> "x".repeat(250);
            case 2 -> "long".repeat(8000);
            case 3 -> "\u0000\n\u20ac\uD83D\uDE00";
            default -> "%s{}${x}<b>'";
        };
    }

    /** @param value null for null */
    private void sized(Type type, byte[] value, boolean shortLength) throws IOException {
        int length = value == null ? -1 : value.length;
        if (type.toString().startsWith("COMPACT")) {
            ByteUtils.writeUnsignedVarint(length + 1, out);
        } else if (shortLength) {
            out.writeShort(length);
        } else {
            out.writeInt(length);
        }
        if (value != null) {
            out.write(value);
        }
    }

    private void count(boolean compact, int count) throws IOException {
        if (compact) {
            ByteUtils.writeUnsignedVarint(count + 1, out);
        } else {
            out.writeInt(count);
        }
    }

    private byte[] randomBytes(int bound) {
        byte[] some = new byte[random.nextInt(bound)];
        random.nextBytes(some);
        return some;
    }

    private String pick(List<String> from) {
        return from.get(random.nextInt(from.size()));
    }

    private boolean one(int in) {
        return random.nextInt(in) == 0;
    }

    /** The same request damaged: bytes changed, numbers put where lengths may stand, cut short, or extended. Key and version stay. */
    byte[] damage(byte[] request) {
        byte[] damaged = request.clone();
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            int at = 8 + random.nextInt(damaged.length - 8);
            switch (random.nextInt(5)) {
                case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> damaged[at] = (byte) random.nextInt();
                case 2 -> damaged = Arrays.copyOf(damaged, at + 1);
                case 3 -> damaged = Arrays.copyOf(damaged, damaged.length + random.nextInt(50));
                default -> {
                    if (at + 4 <= damaged.length) {
                        ByteBuffer.wrap(damaged).putInt(at, (int) NUMBERS[random.nextInt(NUMBERS.length)]);
                    }
                }
            }
        }
        return damaged;
    }
}

package io.troupe.metadata;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;

/**
 * Reads what {@link FieldWriter} wrote. Lengths and counts are checked against the bytes that remain before anything is
 * allocated; every method throws {@link IllegalArgumentException} on bytes that cannot be such a field. One thread.
 */
public final class FieldReader {
    private final ByteBuffer in;

    public FieldReader(byte[] bytes) {
        in = ByteBuffer.wrap(bytes);
    }

    public byte getByte() {
        need(1);
        return in.get();
    }

    public boolean getBoolean() {
        byte value = getByte();
        if (value != 0 && value != 1) {
            throw new IllegalArgumentException("corrupt: boolean " + value + " at " + (in.position() - 1));
        }
        return value == 1;
    }

    public int getInt() {
        long value = getLong();
        if (value != (int) value) {
            throw new IllegalArgumentException("corrupt: " + value + " is no int, at " + in.position());
        }
        return (int) value;
    }

    public long getLong() {
        long raw = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            byte b = getByte();
            raw |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return (raw >>> 1) ^ -(raw & 1);
            }
        }
        throw new IllegalArgumentException("corrupt: varint of more than 10 bytes at " + in.position());
    }

    /** May be null. */
    public String getString() {
        byte[] bytes = getBytes();
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    /** May be null. */
    public byte[] getBytes() {
        int length = getInt() - 1;
        if (length == -1) {
            return null;
        }
        need(length);
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }

    public Uuid getUuid() {
        need(16);
        return new Uuid(in.getLong(), in.getLong());
    }

    /** An unmodifiable list; an element takes at least one byte. */
    public <T> List<T> getList(Function<FieldReader, T> element) {
        int count = getInt();
        need(count);
        List<T> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(element.apply(this));
        }
        return Collections.unmodifiableList(values);
    }

    /** An unmodifiable map; values may be null. */
    public Map<String, String> getStrings() {
        int count = getInt();
        need(count);
        Map<String, String> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            values.put(getString(), getString());
        }
        return Collections.unmodifiableMap(values);
    }

    /** Whether bytes are left over. */
    public boolean hasMore() {
        return in.hasRemaining();
    }

    /** @throws IllegalArgumentException when bytes are left over */
    public void expectEnd() {
        if (in.hasRemaining()) {
            throw new IllegalArgumentException("corrupt: " + in.remaining() + " bytes left over");
        }
    }

    private void need(int bytes) {
        if (bytes < 0 || bytes > in.remaining()) {
            throw new IllegalArgumentException(
                    "corrupt: needs " + bytes + " bytes at " + in.position() + ", " + in.remaining() + " remain");
        }
    }
}

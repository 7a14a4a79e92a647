package io.troupe.metadata;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.apache.kafka.common.Uuid;

/** Writes fields in the encoding that {@link MetadataCodec} describes. One use, one thread. */
public final class FieldWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(128);

    public FieldWriter putByte(byte value) {
        out.write(value);
        return this;
    }

    public FieldWriter putBoolean(boolean value) {
        return putByte((byte) (value ? 1 : 0));
    }

    public FieldWriter putInt(int value) {
        return putLong(value);
    }

    public FieldWriter putLong(long value) {
        long rest = (value << 1) ^ (value >> 63);
        while ((rest & ~0x7fL) != 0) {
            out.write((int) ((rest & 0x7f) | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
        return this;
    }

    /** @param value may be null */
    public FieldWriter putString(String value) {
        return putBytes(value == null ? null : value.getBytes(StandardCharsets.UTF_8));
    }

    /** @param value may be null */
    public FieldWriter putBytes(byte[] value) {
        if (value == null) {
            return putInt(0);
        }
        putInt(value.length + 1);
        out.write(value, 0, value.length);
        return this;
    }

    /** @param value not null */
    public FieldWriter putUuid(Uuid value) {
        putFixedLong(value.getMostSignificantBits());
        return putFixedLong(value.getLeastSignificantBits());
    }

    public <T> FieldWriter putList(Collection<T> values, BiConsumer<FieldWriter, T> element) {
        putInt(values.size());
        values.forEach(v -> element.accept(this, v));
        return this;
    }

    /** Sorted by key, so that equal maps have equal bytes. Values may be null. */
    public FieldWriter putStrings(Map<String, String> values) {
        return putList(new TreeMap<>(values).entrySet(), (w, e) -> w.putString(e.getKey())
                .putString(e.getValue()));
    }

    public byte[] toByteArray() {
        return out.toByteArray();
    }

    private FieldWriter putFixedLong(long value) {
        for (int shift = 56; shift >= 0; shift -= 8) {
            out.write((int) (value >>> shift));
        }
        return this;
    }
}

package io.troupe.record;

import java.util.List;

/**
 * One record, unpacked: for what is no Kafka client and so has no batches.
 *
 * @param offset of a record that was read; -1 of one to be written
 * @param timestampMs milliseconds since 1970
 * @param key null for none
 * @param value null for none
 */
public record PlainRecord(long offset, long timestampMs, byte[] key, byte[] value, List<Header> headers) {
    /** @param value null for none */
    public record Header(String name, byte[] value) {}

    /** An upper bound of what it adds to a batch. */
    public int sizeInBytes() {
        long size = 32 + length(key) + length(value);
        for (Header header : headers) {
            size += 10 + 3L * header.name().length() + length(header.value());
        }
        return (int) Math.min(size, Integer.MAX_VALUE);
    }

    private static long length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }
}

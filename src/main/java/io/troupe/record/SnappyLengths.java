package io.troupe.record;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The lengths that snappy data announces, examined before the codec allocates by them: it would take a chunk's word for half a gigabyte.
 * Pure; reads a few bytes of each chunk.
 *
 * <pre>
 * chunked (xerial): magic 82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version int32 | compatible int32 | chunk*
 * chunk:            length int32 | a raw block of so many bytes; or, in the place of the length, all of a header again
 * raw block:        unpacked length varint | elements
 * </pre>
 */
final class SnappyLengths {
    private static final long MAGIC = 0x82534E4150505900L;
    private static final int MAGIC_HEAD = (int) (MAGIC >>> 32);
    private static final int HEADER_BYTES = 16;

    /** Three bytes of an element copy 64 at most. */
    private static final long MAX_EXPANSION = 22;

    private static final int MAX_LENGTH_BYTES = 5;

    private SnappyLengths() {}

    /**
     * @param data from position to limit; neither is changed
     * @throws IOException when a chunk is longer than what is there, or cannot unpack to what it announces
     */
    static void check(ByteBuffer data) throws IOException {
        int at = data.position();
        if (data.limit() - at < HEADER_BYTES || data.getLong(at) != MAGIC) {
            checkBlock(data, at, data.limit());
            return;
        }
        at += HEADER_BYTES;
        while (data.limit() - at >= Integer.BYTES) {
            int length = data.getInt(at);
            if (length == MAGIC_HEAD && data.limit() - at >= HEADER_BYTES) {
                at += HEADER_BYTES;
                continue;
            }
            at += Integer.BYTES;
            if (length < 0 || length > data.limit() - at) {
                throw new IOException(
                        "a snappy chunk of " + length + " bytes where " + (data.limit() - at) + " are left");
            }
            checkBlock(data, at, at + length);
            at += length;
        }
    }

    private static void checkBlock(ByteBuffer data, int from, int to) throws IOException {
        long announced = 0;
        for (int i = 0; i < MAX_LENGTH_BYTES && from + i < to; i++) {
            byte b = data.get(from + i);
            announced |= (long) (b & 0x7F) << (7 * i);
            if (b >= 0) {
                break;
            }
        }
        if (announced > MAX_EXPANSION * (to - from)) {
            throw new IOException(
                    "a snappy block of " + (to - from) + " bytes announces " + announced + " unpacked bytes");
        }
    }
}

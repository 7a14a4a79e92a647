package io.troupe.journal;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC-32C over a piece of a buffer. */
final class Checksum {
    private Checksum() {}

    static int crc32c(ByteBuffer buffer, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(buffer.slice(from, length));
        return (int) crc.getValue();
    }
}

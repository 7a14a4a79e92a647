package io.troupe.it;

import java.nio.ByteBuffer;
import java.util.Random;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** What a produce request might carry: good batches of every codec, the same with a field or a record changed, and noise. */
final class RandomRecords {
    private static final int CRC = 17;
    private static final int ATTRIBUTES = 21;

    private RandomRecords() {}

    static byte[] next(Random random) {
        if (random.nextInt(8) == 0) {
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            return noise;
        }
        CompressionType[] codecs = CompressionType.values();
        SimpleRecord[] records = new SimpleRecord[1 + random.nextInt(5)];
        for (int i = 0; i < records.length; i++) {
            records[i] = new SimpleRecord(
                    random.nextInt(20) == 0
                            ? random.nextLong() & Long.MAX_VALUE
                            : 1_700_000_000_000L + random.nextInt(1000),
                    random.nextInt(3) == 0 ? null : new byte[random.nextInt(20)],
                    random.nextInt(5) == 0 ? null : new byte[random.nextInt(2000)]);
        }
        MemoryRecords batch = MemoryRecords.withRecords(
                Compression.of(codecs[random.nextInt(codecs.length)]).build(), records);
        byte[] bytes = new byte[batch.sizeInBytes()];
        batch.buffer().duplicate().get(bytes);
        for (int changes = random.nextInt(3); changes > 0; changes--) {
            bytes[random.nextInt(bytes.length)] ^= (byte) random.nextInt();
        }
        if (random.nextInt(4) != 0) {
            CRC32C crc = new CRC32C();
            crc.update(bytes, ATTRIBUTES, bytes.length - ATTRIBUTES);
            ByteBuffer.wrap(bytes).putInt(CRC, (int) crc.getValue());
        }
        return bytes;
    }
}

package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metadata voter's snapshots, files {@code metadata-<sequence number>.snapshot} in the first log dir. One thread.
 *
 * <pre>
 * magic     4   "TMS1"
 * crc       4   CRC-32C of all that follows
 * sequence  8   journal records up to and with this one are in it
 * length    4   of the value
 * value
 * </pre>
 *
 * <p>Written beside, forced, renamed, the directory forced; checked on reading. One that cannot be read is passed over for the one before.
 */
final class MetadataSnapshots {
    private static final Logger LOG = LoggerFactory.getLogger(MetadataSnapshots.class);
    private static final String PREFIX = "metadata-";
    private static final String SUFFIX = ".snapshot";
    private static final int MAGIC = 0x544d5331;
    private static final int HEADER_BYTES = 20;

    /**
     * @param damaged whether there are snapshots, and none can be read
     */
    record Found(Optional<byte[]> value, long sequenceNr, boolean damaged) {}

    private final Path dir;
    private final Disk disk;

    MetadataSnapshots(Path dir, Disk disk) {
        this.dir = dir;
        this.disk = disk;
    }

    /** Durable on return. */
    void save(long sequenceNr, byte[] value) throws IOException {
        ByteBuffer file = ByteBuffer.allocate(HEADER_BYTES + value.length);
        file.putInt(MAGIC).putInt(0).putLong(sequenceNr).putInt(value.length).put(value);
        file.putInt(4, crc(file)).flip();
        Path temporary = dir.resolve("metadata.snapshot.tmp");
        try (FileChannel channel = disk.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            while (file.hasRemaining()) {
                channel.write(file, file.position());
            }
            disk.force(channel, true);
        }
        disk.rename(temporary, path(sequenceNr));
        disk.forceDirectory(dir);
    }

    /** The newest that is whole and not beyond {@code most}. */
    Found load(long most) throws IOException {
        List<Long> all = sequenceNrs();
        Collections.reverse(all);
        boolean damaged = false;
        for (long sequenceNr : all) {
            if (sequenceNr <= most) {
                Optional<byte[]> value = read(sequenceNr);
                if (value.isPresent()) {
                    return new Found(value, sequenceNr, false);
                }
                damaged = true;
                LOG.error("{} is damaged and passed over.", path(sequenceNr));
            }
        }
        return new Found(Optional.empty(), 0, damaged);
    }

    /** Deletes those from {@code least} to {@code most}. */
    void delete(long least, long most) throws IOException {
        for (long sequenceNr : sequenceNrs()) {
            if (sequenceNr >= least && sequenceNr <= most) {
                disk.delete(path(sequenceNr));
            }
        }
    }

    private Optional<byte[]> read(long sequenceNr) throws IOException {
        Path path = path(sequenceNr);
        long size = disk.size(path);
        if (size < HEADER_BYTES || size > Integer.MAX_VALUE) {
            return Optional.empty();
        }
        ByteBuffer file = ByteBuffer.allocate((int) size);
        try (FileChannel channel = disk.open(path, StandardOpenOption.READ)) {
            while (file.hasRemaining()) {
                if (channel.read(file, file.position()) < 0) {
                    return Optional.empty();
                }
            }
        }
        boolean whole = file.getInt(0) == MAGIC
                && file.getInt(4) == crc(file)
                && file.getLong(8) == sequenceNr
                && file.getInt(16) == size - HEADER_BYTES;
        if (!whole) {
            return Optional.empty();
        }
        byte[] value = new byte[file.getInt(16)];
        file.get(HEADER_BYTES, value);
        return Optional.of(value);
    }

    private static int crc(ByteBuffer file) {
        CRC32C crc = new CRC32C();
        crc.update(file.array(), 8, file.capacity() - 8);
        return (int) crc.getValue();
    }

    private Path path(long sequenceNr) {
        return dir.resolve(PREFIX + String.format("%020d", sequenceNr) + SUFFIX);
    }

    /** Ascending. */
    private List<Long> sequenceNrs() throws IOException {
        List<Long> all = new ArrayList<>();
        for (Path file : disk.list(dir)) {
            String name = file.getFileName().toString();
            String number = name.startsWith(PREFIX) && name.endsWith(SUFFIX)
                    ? name.substring(PREFIX.length(), name.length() - SUFFIX.length())
                    : "";
            if (number.matches("\\d{20}")) {
                all.add(Long.parseLong(number));
            }
        }
        Collections.sort(all);
        return all;
    }
}

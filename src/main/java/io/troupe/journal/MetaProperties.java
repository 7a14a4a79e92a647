package io.troupe.journal;

import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.common.Uuid;

/**
 * {@code meta.properties}: whose log dir this is, in Kafka's form.
 *
 * @param clusterId null until a cluster has taken the dir in
 * @param directoryId made once per dir; a wiped disk gets another
 */
record MetaProperties(String clusterId, int nodeId, String directoryId) {
    static final String FILE = "meta.properties";

    static MetaProperties fresh(int nodeId, Optional<String> clusterId) {
        return new MetaProperties(
                clusterId.orElse(null), nodeId, Uuid.randomUuid().toString());
    }

    /** Empty when the dir is new. */
    static Optional<MetaProperties> read(Path dir) throws IOException {
        Path file = dir.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Properties read = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            read.load(in);
        }
        String node = read.getProperty("node.id", read.getProperty("broker.id"));
        if (!"1".equals(read.getProperty("version")) || node == null || !node.matches("\\d{1,9}")) {
            throw new LogDirException(
                    file + " is not readable: version is '" + read.getProperty("version") + "' and node.id is '" + node
                            + "', where version 1 and a number are due. Restore the file; if the dir holds no data, delete it.",
                    null);
        }
        String directory = read.getProperty("directory.id");
        return Optional.of(new MetaProperties(
                read.getProperty("cluster.id"),
                Integer.parseInt(node),
                directory == null ? Uuid.randomUuid().toString() : directory));
    }

    /** Durable on return: temporary file, fsync, rename, fsync of the directory. */
    void write(Path dir) throws IOException {
        StringBuilder text = new StringBuilder("version=1\n");
        if (clusterId != null) {
            text.append("cluster.id=").append(clusterId).append('\n');
        }
        text.append("node.id=").append(nodeId).append('\n');
        text.append("directory.id=").append(directoryId).append('\n');
        Path temporary = dir.resolve(FILE + ".tmp");
        try (FileChannel channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(text.toString());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(temporary, dir.resolve(FILE), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Directories.forceDirectory(dir);
    }

    MetaProperties withClusterId(String id) {
        return new MetaProperties(id, nodeId, directoryId);
    }
}

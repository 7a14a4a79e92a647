package io.troupe.journal;

import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
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
    /** What Kafka's formatting and its brokers leave in a log dir, and nothing here. */
    private static final List<String> OF_KAFKA = List.of(
            "bootstrap.checkpoint",
            "recovery-point-offset-checkpoint",
            "replication-offset-checkpoint",
            "log-start-offset-checkpoint",
            ".kafka_cleanshutdown",
            "__cluster_metadata-0/quorum-state");

    private static MetaProperties fresh(int nodeId, Optional<String> clusterId) {
        return new MetaProperties(
                clusterId.orElse(null), nodeId, Uuid.randomUuid().toString());
    }

    /**
     * Reads those of a dir, or stamps a new one; durable on return.
     *
     * @param clusterId the one that the operator has fixed
     * @throws LogDirException when the dir belongs to another broker or cluster, or the file cannot be understood
     */
    static MetaProperties claim(Path dir, int nodeId, Optional<String> clusterId, Disk disk) throws IOException {
        Optional<MetaProperties> found = read(dir, disk);
        MetaProperties properties = found.orElseGet(() -> fresh(nodeId, clusterId));
        properties.checkOwner(dir, nodeId, clusterId);
        if (properties.clusterId == null && clusterId.isPresent()) {
            properties = properties.withClusterId(clusterId.get());
        }
        if (!found.equals(Optional.of(properties))) {
            properties.write(dir, disk);
        }
        return properties;
    }

    /**
     * Kafka's file of this name looks the same, but its logs would be unknown here, and what is written here unreadable there.
     *
     * @throws LogDirException when the dir is Kafka's; before anything was made in it
     */
    static void refuseKafkas(Path dir, Disk disk) {
        for (String file : OF_KAFKA) {
            if (disk.exists(dir.resolve(file))) {
                throw new LogDirException(
                        "Log dir " + dir + " holds data of Apache Kafka (" + file + "), which Troupe does not read."
                                + " Set log.dirs to another directory; nothing was changed in this one.",
                        null);
            }
        }
    }

    /** @throws LogDirException when they are of another broker, or of another cluster than the one given */
    void checkOwner(Path dir, int brokerId, Optional<String> cluster) {
        if (nodeId != brokerId) {
            throw new LogDirException(
                    "Log dir " + dir + " belongs to broker " + nodeId + ", this is broker " + brokerId
                            + ". Set node.id (broker.id) to " + nodeId + ", or log.dirs to another directory.",
                    null);
        }
        if (clusterId != null && cluster.isPresent() && !clusterId.equals(cluster.get())) {
            throw new LogDirException(
                    "Log dir " + dir + " belongs to cluster " + clusterId + ", this broker to cluster " + cluster.get()
                            + ". Set log.dirs to another directory, or correct cluster.id.",
                    null);
        }
    }

    /** Empty when the dir is new. */
    private static Optional<MetaProperties> read(Path dir, Disk disk) throws IOException {
        Path file = dir.resolve(FILE);
        if (!disk.exists(file)) {
            return Optional.empty();
        }
        Properties read = new Properties();
        try (Reader in = Channels.newReader(disk.open(file, StandardOpenOption.READ), StandardCharsets.UTF_8)) {
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
    void write(Path dir, Disk disk) throws IOException {
        StringBuilder text = new StringBuilder("version=1\n");
        if (clusterId != null) {
            text.append("cluster.id=").append(clusterId).append('\n');
        }
        text.append("node.id=").append(nodeId).append('\n');
        text.append("directory.id=").append(directoryId).append('\n');
        Path temporary = dir.resolve(FILE + ".tmp");
        try (FileChannel channel = disk.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(text.toString());
            while (bytes.hasRemaining()) {
                channel.write(bytes, bytes.position());
            }
            disk.force(channel, true);
        }
        disk.rename(temporary, dir.resolve(FILE));
        disk.forceDirectory(dir);
    }

    MetaProperties withClusterId(String id) {
        return new MetaProperties(id, nodeId, directoryId);
    }
}

package io.troupe.journal;

import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which directories of a log dir belong to which log. A log's directory is {@code <topic>-<partition>}; one that is to be
 * deleted is renamed first, {@code .<topicId>-delete}, so a topic created anew never sees old data; one that belongs to
 * nobody is renamed {@code .<topicId>-stray} and left to the operator. Its monitor guards names and the records about them.
 */
final class LogPlacement {
    static final String DELETE_SUFFIX = "-delete";
    static final String STRAY_SUFFIX = "-stray";

    /** What ext4, xfs and the like allow; topic names are ASCII. */
    private static final int MAX_NAME_BYTES = 255;

    private static final Logger LOG = LoggerFactory.getLogger(LogPlacement.class);

    private final Path path;
    private final Disk disk;
    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final Predicate<LogId> isOpen;
    // Renamed away, and still to be forgotten once that is durable.
    private final Set<LogId> released = new HashSet<>();

    LogPlacement(Path path, Disk disk, MetaLog metaLog, IndexStore indexes, Predicate<LogId> isOpen) {
        this.path = path;
        this.disk = disk;
        this.metaLog = metaLog;
        this.indexes = indexes;
        this.isOpen = isOpen;
    }

    /** Hands out what an earlier deletion left behind, and names what no log of this broker owns. */
    void survey(Consumer<Path> leftover) throws IOException {
        Set<String> known = metaLog.ids().stream()
                .map(id -> directoryName(metaLog.log(id).topic, id.partition()))
                .collect(Collectors.toSet());
        for (Path entry : disk.list(path)) {
            String name = entry.getFileName().toString();
            if (!disk.isDirectory(entry)) {
                continue;
            }
            if (name.endsWith(DELETE_SUFFIX)) {
                leftover.accept(entry);
            } else if (!known.contains(name) && !name.startsWith(".") && !name.endsWith(STRAY_SUFFIX)) {
                LOG.warn("{}: no log of this broker; it is left alone.", entry);
            }
        }
    }

    /** @param made not durable before the next {@link MetaLog#force} */
    record Claimed(Path directory, boolean made) {}

    /** The directory of a log that is about to be opened, made when there is none. */
    synchronized Claimed claim(TopicIdPartition partition) throws IOException {
        LogId id = LogId.of(partition);
        Path directory = of(partition.topic(), partition.partition());
        if (released.contains(id)) {
            // The same replica is made anew: nobody waits for the deletion's own fsync.
            disk.forceDirectory(path);
            forgetReleased(id);
        }
        LogMeta meta = metaLog.log(id);
        if (meta != null && !disk.isDirectory(directory)) {
            if (!meta.untouched()) {
                LOG.error("{} is gone: the replica starts empty, as a new one.", directory);
            }
            metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, id, 0, 0));
        }
        boolean made = metaLog.log(id) == null;
        if (made) {
            indexes.dropAll(id, true);
            putStrayAside(directory, partition);
            if (released.stream().anyMatch(other -> isNamed(other, partition))) {
                disk.forceDirectory(path);
            }
            disk.createDirectories(directory);
            metaLog.append(MetaRecord.log(id, partition.topic()));
        }
        return new Claimed(directory, made);
    }

    private boolean isNamed(LogId log, TopicIdPartition partition) {
        return log.partition() == partition.partition()
                && metaLog.log(log).topic.equals(partition.topic());
    }

    /**
     * A directory of that name that belongs to another topic id, or to nobody known, must not be taken for this log. That it is out of the
     * way is durable before any record says so: the records alone would give its files to this log.
     */
    private void putStrayAside(Path directory, TopicIdPartition partition) throws IOException {
        if (!disk.exists(directory)) {
            return;
        }
        List<LogId> owners = metaLog.ids().stream()
                .filter(other -> isNamed(other, partition) && !released.contains(other))
                .toList();
        for (LogId owner : owners) {
            if (isOpen.test(owner)) {
                throw new LogBusyException(directory + " is still open as log " + owner);
            }
        }
        Path aside;
        if (owners.isEmpty()) {
            aside = aside(directory, "unknown-" + System.currentTimeMillis(), STRAY_SUFFIX);
            LOG.error("{} is not that of topic id {}; it is put aside as {}.", directory, partition.topicId(), aside);
        } else {
            Uuid owner = owners.get(owners.size() - 1).topicId();
            aside = aside(directory, owner.toString(), STRAY_SUFFIX);
            LOG.info("{} was that of topic id {}, which is gone; it is put aside as {}.", directory, owner, aside);
        }
        disk.rename(directory, aside);
        disk.forceDirectory(path);
        for (LogId owner : owners) {
            metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, owner, 0, 0));
        }
    }

    /**
     * Puts a log aside that no committed metadata knows: its topic was deleted, and the last process ended, perhaps right
     * then, before it had deleted the log. Nothing is destroyed, for whoever lost the metadata would see the same. Durable on
     * return; false for a log that is open or unknown here.
     */
    synchronized boolean putOrphanAside(LogId id) throws IOException {
        LogMeta meta = metaLog.log(id);
        if (meta == null || isOpen.test(id)) {
            return false;
        }
        Path directory = of(meta.topic, id.partition());
        Path aside = aside(directory, id.topicId().toString(), STRAY_SUFFIX);
        if (disk.exists(directory) && !isTakenOver(id, meta.topic)) {
            disk.rename(directory, aside);
            disk.forceDirectory(path);
            LOG.warn(
                    "{} holds topic id {}, which the cluster does not have: its topic was deleted, and this broker ended before it had deleted the log. It is put aside as {}; delete that when nobody needs it.",
                    directory,
                    id.topicId(),
                    aside.getFileName());
        }
        metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, id, 0, 0));
        metaLog.force();
        return true;
    }

    /** Its deletion was cut short by a crash when its own directory was renamed already, and a newer topic made another. */
    private boolean isTakenOver(LogId id, String topic) {
        return metaLog.ids().stream()
                .anyMatch(other -> other.partition() == id.partition()
                        && !other.equals(id)
                        && metaLog.log(other).topic.equals(topic));
    }

    /**
     * Renames a closed log away; the new name, which is still to be deleted. Once the dir's names were forced it is to be
     * {@link #forgetReleased forgotten}. When a newer topic took the name before, that is what was put aside of the log, or
     * null when nothing was.
     */
    synchronized Path release(TopicIdPartition partition) throws IOException {
        LogId id = LogId.of(partition);
        if (metaLog.log(id) == null) {
            return releaseAside(partition);
        }
        if (!released.add(id)) {
            return null;
        }
        Path directory = of(metaLog.log(id).topic, id.partition());
        Path renamed = aside(directory, id.topicId().toString(), DELETE_SUFFIX);
        if (disk.exists(directory)) {
            disk.rename(directory, renamed);
        }
        return renamed;
    }

    /** {@link #release} of a log that an earlier process left and nobody opens here any more. Null for one that is open or unknown here. */
    synchronized Path releaseStray(LogId id) throws IOException {
        LogMeta meta = metaLog.log(id);
        if (meta == null || isOpen.test(id)) {
            return null;
        }
        LOG.info("{}-{}: other brokers have its replicas now; what is here is deleted.", meta.topic, id.partition());
        return release(new TopicIdPartition(id.topicId(), id.partition(), meta.topic));
    }

    /** Those that wait to be forgotten. */
    synchronized List<LogId> released() {
        return List.copyOf(released);
    }

    /** Forgets a log that was released, unless it was forgotten already; the record is not forced. */
    synchronized void forgetReleased(LogId id) throws IOException {
        if (released.remove(id) && metaLog.log(id) != null) {
            metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, id, 0, 0));
        }
    }

    private Path releaseAside(TopicIdPartition partition) throws IOException {
        Path directory = of(partition.topic(), partition.partition());
        String owner = partition.topicId().toString();
        Path stray = directory.resolveSibling(shortened(directory, "." + owner + STRAY_SUFFIX));
        if (!disk.isDirectory(stray)) {
            return null;
        }
        Path renamed = aside(directory, owner, DELETE_SUFFIX);
        disk.rename(stray, renamed);
        return renamed;
    }

    /**
     * Never over something that is there: a second one of that name gets a number. The topic's part gives way where the
     * whole would be longer than a file system takes; the owner tells them apart.
     */
    private Path aside(Path directory, String owner, String suffix) {
        Path free = directory.resolveSibling(shortened(directory, "." + owner + suffix));
        for (int i = 2; disk.exists(free); i++) {
            free = directory.resolveSibling(shortened(directory, "." + owner + "-" + i + suffix));
        }
        return free;
    }

    private static String shortened(Path directory, String ending) {
        String name = directory.getFileName().toString();
        return name.substring(0, Math.min(name.length(), MAX_NAME_BYTES - ending.length())) + ending;
    }

    void deleteTree(Path directory) {
        try {
            disk.deleteTree(directory);
            LOG.info("Deleted {}.", directory);
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted: {}. The next start tries again.", directory, LogDir.reason(e));
        }
    }

    private Path of(String topic, int partition) {
        return path.resolve(directoryName(topic, partition));
    }

    static String directoryName(String topic, int partition) {
        return topic + "-" + partition;
    }
}

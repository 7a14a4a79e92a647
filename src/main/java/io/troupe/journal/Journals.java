package io.troupe.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.LogConfig;
import io.troupe.config.TopicConfigs;
import io.troupe.dispatch.LoneHomeExecutor;
import io.troupe.model.ReplicaId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.setup.Setup;
import org.apache.pekko.persistence.Persistence;

/**
 * All log dirs of one broker: opened and locked before the actor system starts, handed to it as a {@link Setup}, closed
 * after it has stopped. One journal plugin instance (config path) stands for each log dir, and one for the metadata
 * voter's journal, which lies in the first dir beside the partitions and waits for none of them. Safe from any thread.
 */
public final class Journals extends Setup implements AutoCloseable {
    private static final String PLUGIN_PREFIX = "troupe.journal.";
    private static final String DIR_PREFIX = PLUGIN_PREFIX + "dir";
    private static final String METADATA_PLUGIN = PLUGIN_PREFIX + "metadata";
    private static final String SNAPSHOT_PLUGIN = "troupe.snapshots.metadata";

    /** Kafka's own name and id for the log of cluster metadata. */
    static final TopicIdPartition METADATA_PARTITION =
            new TopicIdPartition(Uuid.METADATA_TOPIC_ID, 0, "__cluster_metadata");

    /** Settings of the voter's journal: every write is fsynced whatever they say, and snapshots cut the log. */
    static final LogConfig METADATA_LOG = TopicConfigs.effective(Map.of(
            "segment.bytes", Integer.toString(64 << 20),
            "segment.ms", Long.toString(Long.MAX_VALUE),
            "max.message.bytes", Integer.toString(Integer.MAX_VALUE),
            "flush.messages", "1",
            "file.delete.delay.ms", "0"));

    private final List<LogDir> dirs;
    private final Map<LogId, Integer> homes = new HashMap<>();
    // What an earlier process left, until it is compared with the committed metadata.
    private final Map<LogId, Integer> found = new HashMap<>();

    // Of all cleaners; null when compaction is off.
    private volatile CleanerThrottle throttle;

    private Journals(List<LogDir> dirs) {
        this.dirs = List.copyOf(dirs);
        for (int i = 0; i < dirs.size(); i++) {
            for (LogId id : dirs.get(i).knownLogs()) {
                if (!id.topicId().equals(Uuid.METADATA_TOPIC_ID)) {
                    homes.put(id, i);
                }
            }
        }
        found.putAll(homes);
    }

    /**
     * Looks whether the log dirs are free, and changes nothing: a second start of a running node finds its ports taken, too, and is better
     * told this.
     *
     * @throws LogDirException when a directory is in use by another process
     */
    public static void requireFree(BrokerConfig config) {
        config.logDirs().forEach(DirLock::requireFree);
    }

    /**
     * Locks and reads every log dir.
     *
     * @throws LogDirException when a directory is in use by another process, belongs to another broker or cluster, or
     *     cannot be written; the message names the path and the reason
     */
    public static Journals open(BrokerConfig config) {
        Journals journals = open(config.logDirs(), config.nodeId(), config.clusterId(), config.recoveryThreadsPerDir());
        journals.dirs.forEach(dir -> dir.expireProducersAfter(config.producerIdExpirationMs()));
        journals.dirs.forEach(LogDir::startSnapshots);
        if (config.cleaner().enabled()) {
            CleanerThrottle throttle = new CleanerThrottle(config.cleaner().maxBytesPerSecond());
            journals.throttle = throttle;
            journals.dirs.forEach(dir -> dir.startCleaner(config.cleaner(), throttle, config.producerIdExpirationMs()));
        }
        return journals;
    }

    static Journals open(List<Path> paths, int nodeId, Optional<String> clusterId) {
        return open(paths, nodeId, clusterId, 2);
    }

    private static Journals open(List<Path> paths, int nodeId, Optional<String> clusterId, int threadsPerDir) {
        List<LogDir> dirs = new ArrayList<>();
        try {
            Optional<String> expected = clusterId;
            for (Path path : paths) {
                LogDir dir = LogDir.open(path, nodeId, expected, Disk.real(), LogDirThreads.of(path, threadsPerDir));
                dirs.add(dir);
                // All dirs of a broker belong to one cluster, so the first that knows tells the others.
                expected = Optional.ofNullable(dir.properties().clusterId());
            }
            Journals journals = new Journals(dirs);
            if (journals.clusterId() != null) {
                journals.setClusterId(journals.clusterId());
            }
            return journals;
        } catch (Throwable e) {
            dirs.forEach(LogDir::close);
            throw e;
        }
    }

    /** The cluster id that the log dirs carry, null when they are new. */
    public String clusterId() {
        for (LogDir dir : dirs) {
            if (dir.properties().clusterId() != null) {
                return dir.properties().clusterId();
            }
        }
        return null;
    }

    /**
     * Stamps the cluster id into every log dir; durable on return.
     *
     * @throws LogDirException when one carries another, or cannot be written
     */
    public void setClusterId(String clusterId) {
        for (LogDir dir : dirs) {
            try {
                dir.setClusterId(clusterId);
            } catch (IOException e) {
                throw new LogDirException(
                        "Cluster id " + clusterId + " cannot be written to log dir " + dir.path() + ": "
                                + LogDir.reason(e),
                        e);
            }
        }
    }

    /** Whether every log dir was closed in order by the last process. */
    public boolean cleanShutdown() {
        return dirs.stream().allMatch(LogDir::cleanStart);
    }

    /**
     * Whether any log dir is new or was wiped. What may have stood there is gone, so this broker cannot say of any replica that it
     * still holds what it acknowledged.
     */
    public boolean lostDir() {
        return dirs.stream().anyMatch(LogDir::empty);
    }

    /** The broker epoch under which the last process closed in order, -1 when it did not or none is known. */
    public long lastBrokerEpoch() {
        return cleanShutdown()
                ? dirs.stream().mapToLong(LogDir::lastBrokerEpoch).min().orElse(-1)
                : -1;
    }

    /** The broker epoch that the clean-shutdown marker is to carry. */
    public void brokerEpoch(long brokerEpoch) {
        dirs.forEach(dir -> dir.brokerEpoch(brokerEpoch));
    }

    /** The id of the first log dir's disk; a wiped one gets another. */
    public String directoryId() {
        return dirs.get(0).properties().directoryId();
    }

    /** Settings that put one plugin per log dir into an actor system's configuration. */
    public Config pluginConfig() {
        StringBuilder text = new StringBuilder("""
                troupe.dispatcher.snapshots {
                  type = PinnedDispatcher
                  executor = thread-pool-executor
                  thread-pool-executor.allow-core-timeout = off
                }
                """);
        for (int i = 0; i < dirs.size(); i++) {
            text.append(plugin(DIR_PREFIX + i));
        }
        text.append(plugin(METADATA_PLUGIN));
        text.append("""
                %s {
                  class = "%s"
                  plugin-dispatcher = troupe.dispatcher.snapshots
                }
                """.formatted(SNAPSHOT_PLUGIN, SnapshotPlugin.class.getName()));
        return ConfigFactory.parseString(text.toString());
    }

    /** With a thread of its own, which those who write to it share: so what passes between them and it wakes no other one. */
    private static String plugin(String path) {
        return """
                %1$s {
                  class = "%2$s"
                  plugin-dispatcher = %1$s-thread
                  recovery-event-timeout = 120s
                }
                %1$s-thread {
                  type = Dispatcher
                  executor = "%3$s"
                  throughput = 1
                }
                """.formatted(path, JournalPlugin.class.getName(), LoneHomeExecutor.class.getName());
    }

    /** The plugin (config path) where a partition lives, or, for a new one, is to live: the dir with the fewest. */
    public synchronized String pluginFor(TopicIdPartition partition) {
        int home = homes.computeIfAbsent(LogId.of(partition), id -> emptiest());
        return DIR_PREFIX + home;
    }

    synchronized void forget(TopicIdPartition deleted) {
        homes.remove(LogId.of(deleted));
    }

    /** What is to become of a log that an earlier process left, by committed metadata not older than this broker's registration. */
    public enum Fate {
        KEEP,
        /** The replica moved to other brokers while this one was down. */
        DELETE,
        /**
         * Its topic is unknown: its deletion was committed when the process ended before it carried that out. But who lost the metadata
         * would see the same, so nothing is destroyed.
         */
        PUT_ASIDE
    }

    /** Asked on the caller's thread. */
    public interface FateOf {
        Fate log(Uuid topicId, int partition);
    }

    /**
     * Settles what becomes of the logs that an earlier process left. Only the first call does anything.
     *
     * @return completed when all are out of the way, or it was logged why not
     */
    public synchronized CompletableFuture<Void> settleFound(FateOf fateOf) {
        List<CompletableFuture<Void>> moves = new ArrayList<>();
        found.forEach((id, dir) -> {
            Fate fate = fateOf.log(id.topicId(), id.partition());
            if (fate != Fate.KEEP) {
                homes.remove(id);
                LogDir home = dirs.get(dir);
                moves.add(fate == Fate.DELETE ? home.deleteStray(id) : home.putOrphanAside(id));
            }
        });
        found.clear();
        return CompletableFuture.allOf(moves.toArray(CompletableFuture<?>[]::new));
    }

    private int emptiest() {
        if (dirs.size() == 1) {
            return 0;
        }
        int[] counts = new int[dirs.size()];
        homes.values().forEach(i -> counts[i]++);
        int best = -1;
        for (int i = 0; i < counts.length; i++) {
            if (!dirs.get(i).isOffline() && (best < 0 || counts[i] < counts[best])) {
                best = i;
            }
        }
        return Math.max(0, best);
    }

    /** @param listener called by any thread, and to return at once, when a log dir has gone offline or is */
    public void onDirFailure(Runnable listener) {
        dirs.forEach(dir -> dir.onFailure(listener));
    }

    /** @param listener called by any thread, at least once, when no log dir can be used any more; it is to return at once */
    public void onAllDirsFailed(Runnable listener) {
        onDirFailure(() -> {
            if (dirs.stream().allMatch(LogDir::isOffline)) {
                listener.run();
            }
        });
    }

    /** Whether the log dir of that plugin has failed, for as long as this process lives. */
    public boolean isOffline(String plugin) {
        return dirOf(plugin).isOffline();
    }

    /** What each log dir holds, in the order of {@code log.dirs}; may wait for the file system. */
    public List<LogDirUsage> usage() {
        return dirs.stream().map(LogDir::usage).toList();
    }

    /** The plugin of the metadata voter's journal: every write fsynced, replayed as {@link JournaledRecord}s. */
    public String metadataPlugin() {
        return METADATA_PLUGIN;
    }

    /** The plugin of the metadata voter's snapshots, {@link JournaledSnapshot}s. */
    public String snapshotPlugin() {
        return SNAPSHOT_PLUGIN;
    }

    MetadataSnapshots metadataSnapshots() {
        return dirs.get(0).metadataSnapshots();
    }

    /** The journal actor behind a plugin id, for {@link JournalCommand}s. */
    public static ActorRef journalFor(ActorSystem system, String pluginId) {
        return Persistence.get(system).journalFor(pluginId, ConfigFactory.empty());
    }

    /** The persistence id of a replica's log. */
    public static String persistenceId(ReplicaId replica) {
        return "replica-" + replica.entityId();
    }

    LogDir dirOf(String plugin) {
        return isMetadata(plugin) ? dirs.get(0) : dirs.get(Integer.parseInt(plugin.substring(DIR_PREFIX.length())));
    }

    boolean isMetadata(String plugin) {
        return plugin.equals(METADATA_PLUGIN);
    }

    /** How each log dir is, in the order of {@code log.dirs}; cheap. */
    public List<LogDirState> state() {
        return dirs.stream().map(LogDir::state).toList();
    }

    /** Bytes that compaction has read and written since the start, up to now. */
    public long compactionMovedBytes() {
        CleanerThrottle all = throttle;
        return all == null ? 0 : all.movedBytes();
    }

    /** Lets go of the dirs with everything as it is, as a killed process does; after the actor system has stopped. */
    public void abandon() {
        dirs.forEach(LogDir::abandon);
    }

    /** Closes every log in order and lets go of the dirs; after the actor system has stopped. */
    @Override
    public void close() {
        dirs.forEach(LogDir::close);
    }
}

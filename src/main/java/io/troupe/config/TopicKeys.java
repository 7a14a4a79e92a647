package io.troupe.config;

import static io.troupe.config.ConfigKey.atLeast;
import static io.troupe.config.ConfigKey.between;
import static io.troupe.config.ConfigKey.bool;
import static io.troupe.config.ConfigKey.listOf;
import static io.troupe.config.ConfigKey.oneOf;
import static io.troupe.config.TopicConfigs.Type.DOUBLE;
import static io.troupe.config.TopicConfigs.Type.INT;
import static io.troupe.config.TopicConfigs.Type.LIST;
import static io.troupe.config.TopicConfigs.Type.LONG;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The table of topic configs: names, defaults and bounds are Kafka's; which broker key gives each its default. */
final class TopicKeys {

    /** A broker key that gives a topic config its default; {@code unitMs} turns its number into the topic's. */
    record BrokerKey(String name, long unitMs) {}

    /**
     * One row.
     *
     * @param held false for a config that Troupe lists, for the sake of tools, but only takes at its default
     * @param brokerKeys in order of precedence
     */
    record Row(ConfigKey key, boolean held, List<BrokerKey> brokerKeys) {}

    static final SortedMap<String, Row> ALL = new TreeMap<>();

    private static final long HOUR_MS = 3_600_000L;
    private static final long WEEK_MS = 168 * HOUR_MS;

    static {
        held(
                listOf(
                        "cleanup.policy",
                        "delete",
                        "What becomes of old data: delete drops whole segments by age or size, compact keeps the last value of each key.",
                        "compact",
                        "delete"),
                "log.cleanup.policy");
        held(
                between(
                        "compression.gzip.level",
                        INT,
                        -1,
                        -1,
                        9,
                        "Level when this broker compresses with gzip; -1 is the codec's own."),
                "compression.gzip.level");
        held(
                between("compression.lz4.level", INT, 9, 1, 17, "Level when this broker compresses with lz4."),
                "compression.lz4.level");
        held(
                between("compression.zstd.level", INT, 3, -131072, 22, "Level when this broker compresses with zstd."),
                "compression.zstd.level");
        held(
                oneOf(
                        "compression.type",
                        "producer",
                        "Codec in which the topic is stored; producer keeps what the producer chose.",
                        "uncompressed",
                        "zstd",
                        "lz4",
                        "snappy",
                        "gzip",
                        "producer"),
                "compression.type");
        held(
                atLeast("delete.retention.ms", LONG, 24 * HOUR_MS, 0, "How long a compacted topic keeps a tombstone."),
                "log.cleaner.delete.retention.ms");
        held(
                atLeast("file.delete.delay.ms", LONG, 60_000, 0, "How long a dropped segment's file stays on disk."),
                "log.segment.delete.delay.ms");
        held(
                atLeast(
                        "flush.messages",
                        LONG,
                        Long.MAX_VALUE,
                        1,
                        "Records after which the log is forced to disk; 1 forces before each answer."),
                "log.flush.interval.messages");
        held(
                atLeast("flush.ms", LONG, Long.MAX_VALUE, 0, "Time after which written records are forced to disk."),
                "log.flush.interval.ms",
                "log.flush.scheduler.interval.ms");
        held(
                atLeast("index.interval.bytes", INT, 4096, 0, "Bytes of log between two entries of the offset index."),
                "log.index.interval.bytes");
        held(
                atLeast(
                        "max.compaction.lag.ms",
                        LONG,
                        Long.MAX_VALUE,
                        1,
                        "Longest time that a record of a compacted topic may stay uncompacted."),
                "log.cleaner.max.compaction.lag.ms");
        held(
                atLeast(
                        "max.message.bytes",
                        INT,
                        1_048_588,
                        0,
                        "Largest record batch accepted, as compressed by the producer."),
                "message.max.bytes");
        held(
                atLeast(
                        "message.timestamp.after.max.ms",
                        LONG,
                        HOUR_MS,
                        0,
                        "How far ahead of the broker's clock a record's timestamp may lie."),
                "log.message.timestamp.after.max.ms");
        held(
                atLeast(
                        "message.timestamp.before.max.ms",
                        LONG,
                        Long.MAX_VALUE,
                        0,
                        "How far behind the broker's clock a record's timestamp may lie."),
                "log.message.timestamp.before.max.ms");
        held(
                oneOf(
                        "message.timestamp.type",
                        "CreateTime",
                        "Whether records keep the producer's timestamp or get the broker's on arrival.",
                        "CreateTime",
                        "LogAppendTime"),
                "log.message.timestamp.type");
        held(
                between(
                        "min.cleanable.dirty.ratio",
                        DOUBLE,
                        0.5,
                        0,
                        1,
                        "Share of uncompacted bytes at which compaction starts."),
                "log.cleaner.min.cleanable.ratio");
        held(
                atLeast("min.compaction.lag.ms", LONG, 0, 0, "Shortest time that a record stays uncompacted."),
                "log.cleaner.min.compaction.lag.ms");
        held(
                atLeast(
                        "min.insync.replicas",
                        INT,
                        1,
                        1,
                        "In-sync replicas without which a write with acks=all is refused."),
                "min.insync.replicas");
        held(
                bool("preallocate", false, "Whether segment files are given their full size when made."),
                "log.preallocate");
        held(
                atLeast("retention.bytes", LONG, -1, -1, "Bytes that each partition keeps; -1 sets no limit."),
                "log.retention.bytes");
        ConfigKey retentionMs =
                atLeast("retention.ms", LONG, WEEK_MS, -1, "How long records are kept; -1 sets no limit.");
        put(
                retentionMs,
                true,
                new BrokerKey("log.retention.ms", 1),
                new BrokerKey("log.retention.minutes", 60_000),
                new BrokerKey("log.retention.hours", HOUR_MS));
        // Kafka 4 asks for 1 MiB, Kafka 3 for 14 bytes: topics made for either must be accepted.
        held(
                atLeast("segment.bytes", INT, 1 << 30, 14, "Size at which a partition starts a new segment."),
                "log.segment.bytes");
        held(
                atLeast(
                        "segment.index.bytes",
                        INT,
                        10 << 20,
                        4,
                        "Size of a segment's index file; Troupe's index needs no such limit."),
                "log.index.size.max.bytes");
        put(
                atLeast(
                        "segment.jitter.ms",
                        LONG,
                        0,
                        0,
                        "Random time taken off segment.ms, so that partitions do not roll together."),
                true,
                new BrokerKey("log.roll.jitter.ms", 1),
                new BrokerKey("log.roll.jitter.hours", HOUR_MS));
        put(
                atLeast(
                        "segment.ms",
                        LONG,
                        WEEK_MS,
                        1,
                        "Age at which a partition starts a new segment although it is not full."),
                true,
                new BrokerKey("log.roll.ms", 1),
                new BrokerKey("log.roll.hours", HOUR_MS));
        held(
                bool(
                        "unclean.leader.election.enable",
                        false,
                        "Whether a replica that was not in sync may lead when no other is left; records may be lost."),
                "unclean.leader.election.enable");
        listed(bool(
                "message.downconversion.enable", true, "Conversion for clients older than any that Troupe serves."));
        listed(bool("remote.storage.enable", false, "Storage of old segments elsewhere, which Troupe does not have."));
        listed(bool("remote.log.copy.disable", false, "Belongs to remote storage, which Troupe does not have."));
        listed(bool("remote.log.delete.on.disable", false, "Belongs to remote storage, which Troupe does not have."));
        listed(atLeast("local.retention.ms", LONG, -2, -2, "Belongs to remote storage, which Troupe does not have."));
        listed(atLeast(
                "local.retention.bytes", LONG, -2, -2, "Belongs to remote storage, which Troupe does not have."));
        held(throttledReplicas("leader", "what their leaders send them"));
        held(throttledReplicas("follower", "what they take"));
    }

    private TopicKeys() {}

    private static ConfigKey throttledReplicas(String side, String what) {
        return new ConfigKey(
                side + ".replication.throttled.replicas",
                LIST,
                "",
                "* for all replicas, or partition:broker, by comma",
                v -> v.equals(List.of("*"))
                        || ((List<?>) v).stream().allMatch(e -> e.toString().matches("\\d{1,9}:\\d{1,9}")),
                "Replicas of which, while they are not in sync, " + side + ".replication.throttled.rate bounds " + what
                        + ".");
    }

    private static void held(ConfigKey key, String... brokerKeys) {
        BrokerKey[] all = new BrokerKey[brokerKeys.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = new BrokerKey(brokerKeys[i], 1);
        }
        put(key, true, all);
    }

    private static void listed(ConfigKey key) {
        put(key, false);
    }

    private static void put(ConfigKey key, boolean held, BrokerKey... brokerKeys) {
        ALL.put(key.name(), new Row(key, held, List.of(brokerKeys)));
    }
}

package io.troupe.config;

import static io.troupe.config.ConfigKey.atLeast;
import static io.troupe.config.ConfigKey.between;
import static io.troupe.config.ConfigKey.bool;
import static io.troupe.config.ConfigKey.listOf;
import static io.troupe.config.ConfigKey.oneOf;
import static io.troupe.config.ConfigKey.string;
import static io.troupe.config.TopicConfigs.Type.DOUBLE;
import static io.troupe.config.TopicConfigs.Type.INT;
import static io.troupe.config.TopicConfigs.Type.LONG;

import java.util.Map;
import java.util.TreeMap;

/** The table of broker keys that Troupe honours; names, bounds and, where nothing else is said, defaults are Kafka's. */
final class ServerKeys {
    static final Map<String, ConfigKey> ALL = new TreeMap<>();

    static final String RACK_AWARE_SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

    private static final int MIB = 1 << 20;

    static {
        add(atLeast("node.id", INT, null, 0, "This node's id in the cluster."));
        add(atLeast("broker.id", INT, null, 0, "The older name of node.id."));
        add(listOf("process.roles", null, "What this process does.", "broker", "controller"));
        add(string("broker.rack", null, "Where this broker stands; replicas are spread over racks."));
        add(oneOf(
                "replica.selector.class",
                null,
                "Who tells a consumer which replica to read: the leader itself, or one that prefers the consumer's rack.",
                "org.apache.kafka.common.replica.LeaderSelector",
                RACK_AWARE_SELECTOR));
        add(string("listeners", "PLAINTEXT://:9092", "Where clients connect."));
        add(string("advertised.listeners", null, "What clients are told to connect to."));
        add(string("listener.security.protocol.map", "", "How each named listener is secured."));
        add(string("controller.quorum.voters", null, "The fixed set of voters: id@host:port, by comma."));
        add(string("log.dirs", null, "Directories for data, by comma."));
        add(string("log.dir", "/tmp/troupe-logs", "One directory for data, when log.dirs is not given."));
        add(string(
                "cluster.id", null, "The cluster this node belongs to; made by the first controller when not given."));
        add(string("troupe.actor.listener", null, "host:port at which the other nodes reach this one."));
        add(string("troupe.http.listener", null, "host:port of the HTTP port; none switches it off."));
        add(atLeast("troupe.http.max.connections", INT, 1024, 1, "HTTP connections; for one more the idlest goes."));
        add(atLeast("troupe.http.max.requests", INT, 256, 1, "HTTP requests under way; more are refused."));
        add(atLeast("troupe.http.request.max.bytes", INT, 16 * MIB, 1024, "Largest body of an HTTP request."));
        add(atLeast("troupe.http.response.max.bytes", INT, 64 * MIB, 1024, "Most records of one HTTP answer."));
        add(atLeast(
                "troupe.http.request.timeout.ms",
                INT,
                30_000,
                100,
                "Time for an HTTP request's body to come, and again for what it asks to be done."));
        add(atLeast(
                "troupe.http.max.consumer.instances",
                INT,
                10_000,
                0,
                "HTTP consumer instances that this broker runs at a time; beyond it no more are made here."));
        add(atLeast(
                "troupe.http.consumer.instance.timeout.ms",
                INT,
                300_000,
                1000,
                "Time after which an HTTP consumer instance that nobody uses is deleted."));
        add(string(
                "troupe.http.cors.origins",
                "",
                "Origins whose pages may use the HTTP API, by comma, or *; none unless set."));
        add(string(
                "troupe.http.allowed.hosts",
                "",
                "Names by which the HTTP port may be called, by comma, or *; checked on loopback, elsewhere if set."));
        add(atLeast(
                "troupe.connection.inflight.max.bytes",
                LONG,
                32L * MIB,
                1,
                "Request bytes of one connection not yet answered, beyond which it is not read."));
        add(atLeast("broker.session.timeout.ms", INT, 3000, 100, "Silence after which a broker is fenced."));
        add(bool(
                "auto.leader.rebalance.enable",
                true,
                "Whether preferred replicas are made leaders again when they are in sync."));
        add(atLeast(
                "leader.imbalance.check.interval.seconds",
                LONG,
                300,
                1,
                "Time between two looks at which preferred replicas do not lead."));
        add(atLeast(
                "leader.imbalance.per.broker.percentage",
                INT,
                10,
                0,
                "Share of its preferred leaderships that a broker may lack before it gets them back."));
        add(atLeast("num.partitions", INT, 1, 1, "Partitions of a topic made without a number."));
        add(between(
                "default.replication.factor",
                INT,
                1,
                1,
                Short.MAX_VALUE,
                "Replicas of a topic made without a number."));
        add(bool("auto.create.topics.enable", true, "Whether a topic that a client names is made."));
        add(bool("delete.topic.enable", true, "Whether topics may be deleted."));
        add(atLeast(
                "replica.lag.time.max.ms", LONG, 30_000, 1, "Time after which a follower that lags leaves the ISR."));
        add(atLeast(
                "producer.id.expiration.ms", LONG, 86_400_000, 1, "Time after which an idle producer is forgotten."));
        add(atLeast(
                "log.retention.check.interval.ms",
                LONG,
                300_000,
                1,
                "Time between two looks at which segments retention lets go."));
        add(atLeast("fetch.max.bytes", INT, 55 * MIB, 1024, "The most one fetch answer holds."));
        add(between("num.network.threads", INT, 3, 1, 1024, "Event-loop threads."));
        add(between("num.io.threads", INT, 8, 1, 1024, "Threads for blocking reads."));
        add(between(
                "num.recovery.threads.per.data.dir",
                INT,
                2,
                1,
                1024,
                "Threads of each log dir that open and close logs."));
        // Kafka's 100 KiB would keep the kernel from growing them to what a batch or a fetch needs.
        add(atLeast("socket.send.buffer.bytes", INT, -1, -1, "SO_SNDBUF; -1 is the system's."));
        add(atLeast("socket.receive.buffer.bytes", INT, -1, -1, "SO_RCVBUF; -1 is the system's."));
        add(atLeast("socket.request.max.bytes", INT, 100 * MIB, 1, "Largest request accepted."));
        add(atLeast("socket.listen.backlog.size", INT, 50, 1, "Connections waiting to be accepted."));
        add(atLeast("max.connections", INT, Integer.MAX_VALUE, 0, "Connections in all."));
        add(atLeast("max.connections.per.ip", INT, Integer.MAX_VALUE, 0, "Connections from one address."));
        add(atLeast("connections.max.idle.ms", LONG, 600_000, -1, "Idle time after which a connection is closed."));
        add(atLeast(
                "queued.max.request.bytes",
                LONG,
                -1,
                -1,
                "Request bytes not yet answered, over all connections; -1 is a quarter of the heap."));
        add(bool("log.cleaner.enable", true, "Whether compacted topics are compacted."));
        add(atLeast(
                "log.cleaner.dedupe.buffer.size",
                LONG,
                128L * MIB,
                MIB,
                "Most memory for the keys of a log while it is compacted; never more than an eighth of the heap."));
        add(new ConfigKey(
                "log.cleaner.io.buffer.load.factor",
                DOUBLE,
                "0.9",
                "a number above 0, at most 1",
                v -> (double) v > 0 && (double) v <= 1,
                "How full that memory may be."));
        add(atLeast(
                "log.cleaner.io.buffer.size", INT, 512 * 1024, 0, "Memory for reading and writing while compacting."));
        add(new ConfigKey(
                "log.cleaner.io.max.bytes.per.second",
                DOUBLE,
                Double.toString(Double.MAX_VALUE),
                "a number above 0",
                v -> (double) v > 0,
                "Most bytes that compaction reads and writes in a second."));
        add(atLeast("log.cleaner.backoff.ms", LONG, 15_000, 0, "Rest when no log needs compaction."));
        add(between("offsets.topic.num.partitions", INT, 50, 1, 10_000, "Partitions of __consumer_offsets."));
        add(new ConfigKey(
                "offsets.topic.replication.factor",
                INT,
                "-1",
                "a whole number from 1 to " + Short.MAX_VALUE + ", or -1 for min(3, brokers)",
                v -> (int) v == -1 || (int) v >= 1 && (int) v <= Short.MAX_VALUE,
                "Replicas of __consumer_offsets."));
        add(atLeast("offsets.topic.segment.bytes", INT, 100 * MIB, 14, "Segment size of __consumer_offsets."));
        add(atLeast("offset.metadata.max.bytes", INT, 4096, 0, "Largest text that a commit may carry."));
        add(atLeast("offsets.retention.minutes", INT, 10_080, 1, "How long an empty group's offsets are kept."));
        add(atLeast("group.min.session.timeout.ms", INT, 6000, 0, "Shortest session a member may ask for."));
        add(atLeast("group.max.session.timeout.ms", INT, 1_800_000, 0, "Longest session a member may ask for."));
        add(atLeast(
                "group.initial.rebalance.delay.ms", INT, 3000, 0, "Wait for more members before a first rebalance."));
        add(between(
                "group.heartbeat.max.hold.ms",
                INT,
                4000,
                0,
                10_000,
                "How long the answer to a classic member's heartbeat may wait for a rebalance; 0: not at all."));
        add(atLeast("group.max.size", INT, Integer.MAX_VALUE, 1, "Members that a group may have."));
        add(atLeast("group.consumer.session.timeout.ms", INT, 45_000, 1, "Session of consumer-protocol members."));
        add(atLeast(
                "group.consumer.min.session.timeout.ms",
                INT,
                45_000,
                1,
                "Shortest such session that a group may have for itself."));
        add(atLeast(
                "group.consumer.max.session.timeout.ms",
                INT,
                60_000,
                1,
                "Longest such session that a group may have for itself."));
        add(atLeast(
                "group.consumer.heartbeat.interval.ms",
                INT,
                ConsumerGroupConfig.CHOSEN_WHEN_SETTLED_MS,
                1,
                "How often consumer-protocol members come; unset: 500 ms, less while a group is on the move, more when"
                        + " there are many members."));
        add(atLeast(
                "group.consumer.min.heartbeat.interval.ms",
                INT,
                5000,
                1,
                "Shortest such interval that a group may have for itself."));
        add(atLeast(
                "group.consumer.max.heartbeat.interval.ms",
                INT,
                15_000,
                1,
                "Longest such interval that a group may have for itself."));
        add(atLeast(
                "group.consumer.max.size",
                INT,
                Integer.MAX_VALUE,
                1,
                "Members that a consumer-protocol group may have."));
        add(listOf(
                "group.consumer.assignors",
                "uniform,range",
                "Assignors that members may ask for; the first is the default.",
                "uniform",
                "range"));
        add(oneOf(
                "group.consumer.migration.policy",
                "bidirectional",
                "Whether groups change between the classic and the consumer protocol while members are in them.",
                "disabled",
                "upgrade",
                "downgrade",
                "bidirectional"));
        for (TopicKeys.Row row : TopicKeys.ALL.values()) {
            for (TopicKeys.BrokerKey brokerKey : row.brokerKeys()) {
                add(
                        brokerKey.unitMs() == 1
                                ? row.key().named(brokerKey.name())
                                : atLeast(
                                        brokerKey.name(),
                                        INT,
                                        defaultIn(row.key(), brokerKey),
                                        brokerKey.name().contains("retention")
                                                ? -1
                                                : brokerKey.name().contains("jitter") ? 0 : 1,
                                        row.key().documentation()));
            }
        }
    }

    private ServerKeys() {}

    private static void add(ConfigKey key) {
        ALL.put(key.name(), key);
    }

    private static Long defaultIn(ConfigKey topicKey, TopicKeys.BrokerKey brokerKey) {
        return brokerKey.name().endsWith(".minutes")
                ? null
                : (Long) (Long.parseLong(topicKey.defaultValue()) / brokerKey.unitMs());
    }
}

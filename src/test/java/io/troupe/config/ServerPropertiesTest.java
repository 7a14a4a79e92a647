package io.troupe.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.BrokerConfig.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerPropertiesTest {
    private static Map<String, String> settings(String... keyValues) {
        Map<String, String> settings = new TreeMap<>(Map.of("node.id", "1", "listeners", "PLAINTEXT://localhost:9092"));
        for (String keyValue : keyValues) {
            int equals = keyValue.indexOf('=');
            settings.put(keyValue.substring(0, equals), keyValue.substring(equals + 1));
        }
        return settings;
    }

    private static BrokerConfig config(String... keyValues) {
        return ServerProperties.parse(settings(keyValues)).config();
    }

    private static String refused(String... keyValues) {
        return assertThrows(ConfigurationException.class, () -> config(keyValues))
                .getMessage();
    }

    @Test
    void shippedFileStartsWithoutWarnings() {
        ServerProperties.Loaded loaded = ServerProperties.load(Path.of("conf/server.properties"), List.of());
        assertEquals(List.of(), loaded.warnings());
        assertEquals(
                new HostPort("localhost", 8082), loaded.config().httpListener().orElseThrow());
        assertEquals(new HostPort("localhost", 19092), loaded.config().actorListener());
        assertEquals(0, loaded.config().group().initialRebalanceDelayMs());
        assertEquals(Set.of(Role.BROKER, Role.CONTROLLER), loaded.config().roles());
        assertEquals(
                List.of(new Voter(1, new HostPort("localhost", 19092))),
                loaded.config().voters());
    }

    @Test
    void brokerIdIsReadAsKafkaReadsIt() {
        Map<String, String> settings = settings("broker.id=03");
        settings.remove("node.id");
        assertEquals(3, ServerProperties.parse(settings).config().nodeId());
    }

    @Test
    void theCleanersKeysAreRead() {
        assertEquals(CleanerConfig.DEFAULT, config().cleaner());
        assertEquals(
                new CleanerConfig(false, 2 << 20, 0.5, 4096, 1e6, 200),
                config(
                                "log.cleaner.enable=false",
                                "log.cleaner.dedupe.buffer.size=2097152",
                                "log.cleaner.io.buffer.load.factor=0.5",
                                "log.cleaner.io.buffer.size=4096",
                                "log.cleaner.io.max.bytes.per.second=1000000.0",
                                "log.cleaner.backoff.ms=200")
                        .cleaner());
        assertTrue(refused("log.cleaner.io.buffer.load.factor=0").contains("above 0"));
        assertTrue(refused("log.cleaner.dedupe.buffer.size=1000").contains("1048576"));
    }

    @Test
    void emptyHostBindsAllInterfacesWithWarningAndKeepsActorsOnLoopback() {
        ServerProperties.Loaded loaded = ServerProperties.parse(settings("listeners=PLAINTEXT://:9092"));
        assertEquals(new HostPort("", 9092), loaded.config().listeners().get(0).address());
        assertEquals(new HostPort("127.0.0.1", 19092), loaded.config().actorListener());
        assertTrue(loaded.warnings().get(0).contains("anyone"), loaded.warnings()::toString);
        assertTrue(
                !loaded.config().advertisedListeners().get(0).address().host().isEmpty());
    }

    @Test
    void freeKafkaPortGivesFreePortsToAll() {
        BrokerConfig config = config("listeners=PLAINTEXT://localhost:0");
        assertEquals(0, config.actorListener().port());
        assertEquals(0, config.httpListener().orElseThrow().port());
    }

    @Test
    void namedAndIpv6ListenersAreMapped() {
        BrokerConfig config = config(
                "listeners=inside://[::1]:9092,OUTSIDE://localhost:9093",
                "listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,SSL:SSL",
                "advertised.listeners=OUTSIDE://kafka.example.org:443");
        assertEquals("INSIDE", config.listeners().get(0).name());
        assertEquals(
                new HostPort("::1", 9092), config.advertisedListeners().get(0).address());
        assertEquals(
                new HostPort("kafka.example.org", 443),
                config.advertisedListeners().get(1).address());
    }

    @Test
    void kafkasOwnCombinedModeFileMeansAClusterOfOne() {
        ServerProperties.Loaded loaded = ServerProperties.parse(settings(
                "process.roles=broker,controller",
                "controller.quorum.voters=1@localhost:9093",
                "listeners=PLAINTEXT://:9092,CONTROLLER://:9093",
                "inter.broker.listener.name=PLAINTEXT",
                "advertised.listeners=PLAINTEXT://localhost:9092",
                "controller.listener.names=CONTROLLER",
                "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
                "num.network.threads=3",
                "transaction.state.log.min.isr=1",
                "num.recovery.threads.per.data.dir=1",
                "log.retention.check.interval.ms=300000"));
        assertEquals(1, loaded.config().listeners().size());
        assertEquals(new HostPort("localhost", 9093), loaded.config().actorListener());
    }

    @Test
    void thirdVoteNeedsNoData() {
        BrokerConfig config = config(
                "process.roles=controller", "controller.quorum.voters=1@a:19092,2@b:19092,3@c:19092", "listeners=");
        assertEquals(Set.of(Role.CONTROLLER), config.roles());
        assertEquals(List.of(), config.listeners());
        assertEquals(Optional.empty(), config.httpListener());
    }

    @Test
    void nodeOutsideTheVoterListIsABroker() {
        assertEquals(
                Set.of(Role.BROKER),
                config("node.id=7", "controller.quorum.voters=1@localhost:19192")
                        .roles());
    }

    @Test
    void nodeOutsideTheVoterListIsNoController() {
        String message =
                refused("node.id=7", "controller.quorum.voters=1@localhost:19192", "process.roles=broker,controller");
        assertTrue(
                message.contains("node 7 is a controller")
                        && message.contains("controller.quorum.voters=1@localhost:19192"),
                message);
    }

    /** A mistyped id of a voter would otherwise wait for that voter, itself, for ever. */
    @Test
    void nodeAtTheAddressOfAVoterIsThatVoter() {
        String message = refused("node.id=7", "controller.quorum.voters=1@localhost:19092");
        assertTrue(
                message.contains("controller.quorum.voters=1@localhost:19092")
                        && message.contains("node 7")
                        && message.contains("to node 1"),
                message);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void shippedFilesOfThreeBrokersOnOneMachineShareNothingButTheVoters(int id) {
        BrokerConfig config = ServerProperties.load(Path.of("conf/server-" + id + ".properties"), List.of())
                .config();
        assertEquals(id, config.nodeId());
        assertEquals(3, config.voters().size());
        assertEquals(config.voters().get(id - 1).actorAddress(), config.actorListener());
        assertEquals(9091 + id, config.listeners().get(0).address().port());
        assertEquals(8081 + id, config.httpListener().orElseThrow().port());
        assertTrue(config.logDirs().get(0).endsWith("data-" + id));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "log.retention.hours=1 | 3600000",
                "log.retention.minutes=2 | 120000",
                "log.retention.ms=5 | 5",
                "log.retention.hours=-1 | -1"
            })
    void retentionUnitsBecomeMilliseconds(String keyValue, long expected) {
        assertEquals(
                expected, TopicConfigs.effective(config(keyValue), Map.of()).retentionMs());
    }

    @Test
    void finerRetentionUnitWins() {
        BrokerConfig config = config("log.retention.hours=1", "log.retention.ms=7");
        assertEquals(7, TopicConfigs.effective(config, Map.of()).retentionMs());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num.partitions=abc | num.partitions=abc | whole number of at least 1",
                "num.partitions=0 | num.partitions=0 | at least 1",
                "auto.create.topics.enable=yes | auto.create.topics.enable=yes | true or false",
                "broker.id=2 | broker.id=2 | node.id=1",
                "node.id=-1 | node.id=-1 | at least 0",
                "log.segment.byte=1 | log.segment.byte=1 | log.segment.bytes",
                "listeners=localhost:9092 | localhost:9092 | NAME://host:port",
                "listeners=PLAINTEXT://localhost | PLAINTEXT://localhost | host:port",
                "listeners=PLAINTEXT://localhost:99999 | 99999 | 65535",
                "listeners=SSL://localhost:9092 | SSL | PLAINTEXT",
                "listeners=FRONT://localhost:9092 | FRONT | listener.security.protocol.map",
                "listeners=PLAINTEXT://a:1,PLAINTEXT://b:2 | PLAINTEXT is given twice | listeners",
                "listeners=PLAINTEXT://0.0.0.0:9092 | 0.0.0.0 | advertised.listeners",
                "advertised.listeners=PLAINTEXT://0.0.0.0:9092 | 0.0.0.0 | advertised.listeners",
                "advertised.listeners=OTHER://a:9092 | OTHER | advertised.listeners",
                "troupe.http.cors.origins=https://a/b | https://a/b | must be *",
                "troupe.http.allowed.hosts=a:8082 | troupe.http.allowed.hosts=a:8082 | without a port",
                "troupe.http.max.requests=0 | troupe.http.max.requests | at least 1",
                "troupe.http.listener=localhost:9092 | Port 9092 | troupe.http.listener",
                "troupe.actor.listener=localhost:8082 | Port 8082 | troupe.actor.listener",
                "troupe.actor.listener=:19092 | troupe.actor.listener=:19092 | host",
                "listeners=PLAINTEXT://localhost:60000 | troupe.actor.listener | 70000",
                "listeners=PLAINTEXT://localhost:500 | troupe.http.listener | -510",
                "controller.quorum.voters=1@a:1,2@b:2 | two voters | 1@a:1,2@b:2",
                "controller.quorum.voters=1@a:1,1@b:2,3@c:4 | node 1 | twice",
                "controller.quorum.voters=1@a:1,2@a:1,3@c:4 | a:1 | twice",
                "controller.quorum.voters=a:19092 | a:19092 | id@host:port",
                "controller.quorum.voters=1@a:0 | 1@a:0 | 1 to 65535",
                "controller.quorum.bootstrap.servers=a:9093,b:9093 | a:9093,b:9093 | controller.quorum.voters",
                "process.roles=broker | process.roles=broker | controller.quorum.voters",
                "process.roles=boss | process.roles=boss | controller",
                "ssl.keystore.location=/k | ssl.keystore.location=/k | not supported yet",
                "listener.name.x.sasl.enabled.mechanisms=PLAIN | listener.name.x.sasl | not supported yet",
                "authorizer.class.name=A | authorizer.class.name=A | not supported yet",
                "security.inter.broker.protocol=SSL | security.inter.broker.protocol=SSL | PLAINTEXT",
                "queued.max.request.bytes=5 | queued.max.request.bytes=5 | socket.request.max.bytes",
                "cluster.id=a b | cluster.id=a b | letters",
                "log.cleanup.policy=drop | log.cleanup.policy=drop | compact, delete",
                "log.dirs= | log.dirs= | directory",
                "group.min.session.timeout.ms=9999999 | 9999999 | group.max.session.timeout.ms",
                "group.consumer.session.timeout.ms=1 | session.timeout.ms=1 | group.consumer.min.session.timeout.ms=45000",
                "group.consumer.heartbeat.interval.ms=99999 | 99999 | group.consumer.max.heartbeat.interval.ms=15000",
                "group.consumer.assignors=uniform,mine | mine | uniform, range",
                "group.consumer.migration.policy=maybe | maybe | disabled, upgrade, downgrade, bidirectional"
            })
    void badSettingIsNamedWithWhatIsAllowed(String keyValue, String names, String allowed) {
        String message = refused(keyValue);
        assertTrue(message.contains(names) && message.contains(allowed), message);
    }

    @Test
    void aHeartbeatIntervalMustFitIntoTheSession() {
        String message = refused(
                "group.consumer.min.session.timeout.ms=100",
                "group.consumer.session.timeout.ms=5000",
                "group.consumer.heartbeat.interval.ms=5000");
        assertTrue(
                message.contains("interval.ms=5000 must be less than group.consumer.session.timeout.ms=5000"), message);
    }

    /** The coordinator chooses the interval unless somebody did. */
    @Test
    void consumerGroupsHaveKafkasDefaultsButForTheHeartbeatInterval() {
        assertEquals(ConsumerGroupConfig.DEFAULTS, config().group().consumer());
        ConsumerGroupConfig set = config(
                        "group.consumer.heartbeat.interval.ms=5000",
                        "group.consumer.assignors=range",
                        "group.consumer.max.size=9",
                        "group.consumer.migration.policy=upgrade")
                .group()
                .consumer();
        assertEquals(
                new ConsumerGroupConfig(
                        45_000,
                        5000,
                        ConsumerGroupConfig.DEFAULTS.bounds(),
                        9,
                        List.of("range"),
                        GroupMigrationPolicy.UPGRADE),
                set);
    }

    /** What follows from a mistake is no mistake of its own. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "process.roles=controller,foo",
                "listeners=PLAINTEXT://localhost:notaport",
                "listeners=PLAINTEXT://localhost:99999",
                "controller.quorum.voters=1@a:1,1@b:2,3@c:4"
            })
    void oneMistakeIsToldOnce(String keyValue) {
        String message = refused(keyValue, "troupe.actor.listener=localhost:1", "troupe.http.listener=none");
        assertTrue(message.startsWith(keyValue) && message.lines().count() == 1, message);
    }

    @Test
    void allProblemsAreReportedTogether() {
        String message = refused("num.partitions=x", "nonsense.key=1", "ssl.key.password=hunter2");
        assertTrue(message.startsWith("3 settings"), message);
        assertTrue(message.contains("num.partitions=x") && message.contains("nonsense.key=1"), message);
        assertTrue(!message.contains("hunter2"), "a secret in the message: " + message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "zookeeper.connect=localhost:2181",
                "inter.broker.protocol.version=3.9",
                "log.cleaner.threads=2",
                "ssl.client.auth=none",
                "remote.log.storage.system.enable=false",
                "group.share.max.size=5",
                "security.inter.broker.protocol=PLAINTEXT"
            })
    void keyWithoutEffectWarnsOnce(String keyValue) {
        List<String> warnings = ServerProperties.parse(settings(keyValue)).warnings();
        assertEquals(1, warnings.size(), warnings::toString);
        assertTrue(warnings.get(0).startsWith(keyValue.substring(0, keyValue.indexOf('=')) + " has no effect: "));
    }

    /** HTTP asks nobody who they are, so it is this machine's unless somebody says so, and then that is told. */
    @Test
    void httpStaysOnTheLoopbackUnlessItIsSetToAnotherAddress() {
        BrokerConfig computed = ServerProperties.parse(settings("listeners=PLAINTEXT://192.0.2.1:9092"))
                .config();
        assertTrue(Addresses.isLoopback(computed.httpListener().orElseThrow().host()), () -> computed.httpListener()
                .toString());
        assertEquals(8082, computed.httpListener().orElseThrow().port());
        assertEquals(
                List.of(),
                ServerProperties.parse(settings("troupe.http.listener=localhost:8099"))
                        .warnings());
        List<String> warnings = ServerProperties.parse(settings("troupe.http.listener=192.0.2.1:8099"))
                .warnings();
        assertEquals(1, warnings.size(), warnings::toString);
        assertTrue(warnings.get(0).contains("asks nobody who they are"), warnings::toString);
    }

    /** On the loopback a web page could call it by another name; elsewhere nobody knows by which names it is called. */
    @Test
    void onTheLoopbackHttpIsCalledByItsOwnNames() {
        assertEquals(
                Set.of("localhost", "a.example.org", "b.example.org"),
                config(
                                "listeners=PLAINTEXT://localhost:9092",
                                "advertised.listeners=PLAINTEXT://A.example.org:9092",
                                "troupe.http.allowed.hosts=b.example.org")
                        .http()
                        .allowedHosts());
        assertEquals(
                Set.of("*"),
                config("troupe.http.listener=192.0.2.1:8099").http().allowedHosts());
        assertEquals(
                Set.of("192.0.2.1", "localhost", "b.example.org"),
                config("troupe.http.listener=192.0.2.1:8099", "troupe.http.allowed.hosts=B.example.org")
                        .http()
                        .allowedHosts());
    }

    /** Several brokers run from one file, whichever of the two names the file and the command line use. */
    @Test
    void anOverrideOfBrokerIdTakesThePlaceOfNodeId(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("server.properties");
        Files.writeString(file, "node.id=1\nlisteners=PLAINTEXT://localhost:9092\nlog.dirs=" + dir + "\n");
        BrokerConfig config = ServerProperties.load(file, List.of("broker.id=02", "log.dir=" + dir.resolve("two")))
                .config();
        assertEquals(2, config.nodeId());
        assertEquals(List.of(dir.resolve("two")), config.logDirs());
    }

    @Test
    void overridesApplyInOrderAndMayContainEquals(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("s.properties"), "node.id=1\nlisteners=PLAINTEXT://localhost:9092\n");
        BrokerConfig config = ServerProperties.load(
                        file, List.of("num.partitions=2", "num.partitions=3", "broker.rack=a=b"))
                .config();
        assertEquals(3, config.numPartitions());
        assertEquals(Optional.of("a=b"), config.rack());
        String message = assertThrows(
                        ConfigurationException.class, () -> ServerProperties.load(file, List.of("num.partitions")))
                .getMessage();
        assertTrue(message.contains("num.partitions") && message.contains("key=value"), message);
    }

    @Test
    void missingFileIsNamed(@TempDir Path dir) {
        Path file = dir.resolve("gone.properties");
        String message = assertThrows(ConfigurationException.class, () -> ServerProperties.load(file, List.of()))
                .getMessage();
        assertTrue(message.contains(file.toString()) && message.contains("does not exist"), message);
    }

    @Test
    void inFlightLimitAdmitsTheLargestRequest() {
        BrokerConfig config = config("socket.request.max.bytes=2000000000");
        assertTrue(config.network().maxInFlightBytes() >= 2_000_000_000L);
    }
}

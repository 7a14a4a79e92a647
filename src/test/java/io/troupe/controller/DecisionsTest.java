package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.config.ServerProperties;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Decisions: Kafka's error codes for topics, SAFETY 1.1 and 1.9 - 1.11 for brokers and partitions. */
class DecisionsTest {
    private static final List<Listener> LISTENERS =
            List.of(new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("localhost", 9092)));
    private static final TopicPartition T0 = new TopicPartition("t", 0);

    private final ControllerSettings settings = ControllerSettings.of(ServerProperties.parse(Map.of(
                    "node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:9092", "log.dirs", "/tmp/troupe-decisions"))
            .config());
    private final TopicDecisions topics = new TopicDecisions(settings, Uuid::randomUuid);
    private final BrokerDecisions brokers = new BrokerDecisions(settings);
    private MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));

    /** Takes the decision on, checking that every event survives its bytes. */
    private ControllerReply take(Decision decision) {
        for (MetadataEvent event : decision.events()) {
            MetadataEvent read = MetadataCodec.decode(MetadataCodec.encode(event));
            assertEquals(event, read);
            image = image.apply(image.index() + 1, read);
        }
        assertEquals(decision.image(), image);
        assertEquals(image, MetadataCodec.decodeImage(MetadataCodec.encodeImage(image)));
        return decision.reply();
    }

    private long register(int id, boolean clean) {
        ControllerReply reply = take(brokers.register(
                image,
                new ControllerCommand.RegisterBroker(
                        id,
                        Uuid.randomUuid(),
                        LISTENERS,
                        Optional.of("r" + id % 2),
                        clean ? brokerEpoch(id) : -1,
                        false,
                        false),
                false,
                false));
        return ((ControllerReply.Registered) reply).brokerEpoch();
    }

    private void unfence(int id) {
        long epoch = image.broker(id).orElseThrow().brokerEpoch();
        take(brokers.heartbeat(image, new ControllerCommand.BrokerHeartbeat(id, epoch, image.index(), false)));
    }

    private void up(int... ids) {
        for (int id : ids) {
            register(id, true);
            unfence(id);
        }
    }

    private void fence(int id) {
        take(brokers.fence(image, id, image.broker(id).orElseThrow().brokerEpoch()));
    }

    private ControllerReply.TopicResult create(NewTopic topic) {
        ControllerReply reply = take(topics.create(image, new ControllerCommand.CreateTopics(List.of(topic), false)));
        return ((ControllerReply.Topics) reply).results().get(0);
    }

    private static NewTopic topic(String name, int partitions, int factor, Map<String, String> configs) {
        return new NewTopic(name, partitions, (short) factor, Map.of(), configs);
    }

    private PartitionImage t0() {
        return image.partition(T0).orElseThrow();
    }

    private Errors alter(int broker, int leaderEpoch, int partitionEpoch, Integer... isr) {
        TopicIdPartition partition =
                new TopicIdPartition(image.topic(T0.topic()).orElseThrow().topicId(), T0);
        long epoch = image.broker(broker).orElseThrow().brokerEpoch();
        ControllerReply reply = take(brokers.alterPartition(
                image,
                new ControllerCommand.AlterPartition(
                        broker,
                        epoch,
                        partition,
                        leaderEpoch,
                        partitionEpoch,
                        List.of(isr),
                        Stream.of(isr).map(this::brokerEpoch).toList())));
        return reply instanceof ControllerReply.Refused r ? r.refusal().error() : Errors.NONE;
    }

    private long brokerEpoch(int broker) {
        return image.broker(broker).map(b -> b.brokerEpoch()).orElse(-1L);
    }

    private static Errors error(ControllerReply.TopicResult result) {
        return result.refusal().map(r -> r.error()).orElse(Errors.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "ok-1.a_b, 1, 1, NONE",
        "defaults, -1, -1, NONE",
        "., 1, 1, INVALID_TOPIC_EXCEPTION",
        ".., 1, 1, INVALID_TOPIC_EXCEPTION",
        "'', 1, 1, INVALID_TOPIC_EXCEPTION",
        "a/b, 1, 1, INVALID_TOPIC_EXCEPTION",
        "\u00fcber, 1, 1, INVALID_TOPIC_EXCEPTION",
        "is_there, 1, 1, INVALID_TOPIC_EXCEPTION",
        "is.there, 1, 1, TOPIC_ALREADY_EXISTS",
        "zero, 0, 1, INVALID_PARTITIONS",
        "negative, -2, 1, INVALID_PARTITIONS",
        "many, 10001, 1, INVALID_PARTITIONS",
        "factor, 1, 3, INVALID_REPLICATION_FACTOR",
        "factor, 1, 0, INVALID_REPLICATION_FACTOR",
    })
    void creatingTopicsAnswersKafkasErrors(String name, int partitions, int factor, Errors expected) {
        up(1);
        assertEquals(Errors.NONE, error(create(topic("is.there", 1, 1, Map.of()))));
        assertEquals(expected, error(create(topic(name, partitions, factor, Map.of()))));
    }

    @Test
    void namesAreAtMost249CharactersLongAndConfigsAreChecked() {
        up(1);
        assertEquals(Errors.NONE, error(create(topic("a".repeat(249), 1, 1, Map.of()))));
        assertEquals(Errors.INVALID_TOPIC_EXCEPTION, error(create(topic("a".repeat(250), 1, 1, Map.of()))));
        assertEquals(Errors.INVALID_CONFIG, error(create(topic("c", 1, 1, Map.of("retention.ms", "soon")))));
        assertEquals(Errors.INVALID_CONFIG, error(create(topic("c", 1, 1, Map.of("no.such", "1")))));
    }

    @Test
    void validateOnlyChangesNothingAndDuplicatesInARequestAllFail() {
        up(1);
        NewTopic t = topic("t", 1, 1, Map.of());
        assertTrue(topics.create(image, new ControllerCommand.CreateTopics(List.of(t), true))
                .events()
                .isEmpty());
        Decision twice = topics.create(image, new ControllerCommand.CreateTopics(List.of(t, t), false));
        assertTrue(twice.events().isEmpty());
        ((ControllerReply.Topics) twice.reply()).results().forEach(r -> assertEquals(Errors.INVALID_REQUEST, error(r)));
    }

    @Test
    void deletingAnswersByNameAndById() {
        up(1);
        Uuid id = create(topic("t", 1, 1, Map.of())).topicId();
        ControllerReply reply = take(topics.delete(
                image,
                new ControllerCommand.DeleteTopics(List.of(
                        new ControllerCommand.TopicRef("none", Uuid.ZERO_UUID),
                        new ControllerCommand.TopicRef(null, Uuid.randomUuid()),
                        new ControllerCommand.TopicRef(null, id)))));
        assertEquals(
                List.of(Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.UNKNOWN_TOPIC_ID, Errors.NONE),
                ((ControllerReply.Topics) reply)
                        .results().stream().map(DecisionsTest::error).toList());
        assertTrue(image.topic("t").isEmpty());
    }

    @Test
    void configsAreSetAppendedSubtractedAndDeleted() {
        up(1);
        create(topic("t", 1, 1, Map.of("cleanup.policy", "delete")));
        alterConfig("cleanup.policy", OpType.APPEND, "compact");
        assertEquals("delete,compact", image.topic("t").orElseThrow().configs().get("cleanup.policy"));
        alterConfig("cleanup.policy", OpType.SUBTRACT, "delete");
        assertEquals("compact", image.topic("t").orElseThrow().configs().get("cleanup.policy"));
        assertEquals(Errors.INVALID_CONFIG, alterConfig("retention.ms", OpType.APPEND, "1"));
        assertEquals(Errors.INVALID_CONFIG, alterConfig("retention.ms", OpType.SET, "x"));
        alterConfig("cleanup.policy", OpType.DELETE, null);
        assertEquals(Map.of(), image.topic("t").orElseThrow().configs());
    }

    private Errors alterConfig(String key, OpType op, String value) {
        ControllerReply reply = take(topics.alterConfigs(
                image,
                new ControllerCommand.AlterTopicConfigs(
                        Map.of("t", List.of(new ControllerCommand.ConfigChange(key, op, value))), false, false)));
        return error(((ControllerReply.Topics) reply).results().get(0));
    }

    @Test
    void rule1_1RegistrationEndsLeadershipsAlsoOfASingleReplica() {
        up(1);
        create(topic("t", 1, 1, Map.of()));
        int epoch = t0().leaderEpoch();
        long brokerEpoch = register(1, true);
        assertEquals(image.broker(1).orElseThrow().brokerEpoch(), brokerEpoch);
        assertTrue(image.broker(1).orElseThrow().fenced());
        assertEquals(PartitionImage.NO_LEADER, t0().leader());
        assertTrue(t0().leaderEpoch() > epoch);
        // Not before it has applied its own registration.
        take(brokers.heartbeat(image, new ControllerCommand.BrokerHeartbeat(1, brokerEpoch, brokerEpoch - 1, false)));
        assertTrue(image.broker(1).orElseThrow().fenced());
        unfence(1);
        assertEquals(1, t0().leader());
        assertEquals(List.of(1), t0().isr());
    }

    @Test
    void rule1_9ChecksInItsOrder() {
        up(1, 2, 3);
        create(topic("t", 1, 3, Map.of()));
        int leader = t0().leader();
        int other = t0().replicas().get(1);
        int le = t0().leaderEpoch();
        int pe = t0().partitionEpoch();
        assertEquals(Errors.NOT_CONTROLLER, alter(leader, le + 1, pe, leader));
        assertEquals(Errors.NOT_CONTROLLER, alter(leader, le, pe + 1, leader));
        assertEquals(Errors.FENCED_LEADER_EPOCH, alter(other, le - 1, pe, other));
        assertEquals(Errors.INVALID_REQUEST, alter(other, le, pe - 1, other));
        assertEquals(Errors.INVALID_UPDATE_VERSION, alter(leader, le, pe - 1, leader));
        int third = t0().replicas().get(2);
        fence(third);
        pe = t0().partitionEpoch();
        assertEquals(Errors.INELIGIBLE_REPLICA, alter(leader, le, pe, leader, third));
        assertEquals(Errors.NONE, alter(leader, le, pe, leader));
        assertEquals(pe + 1, t0().partitionEpoch());
    }

    @Test
    void rule1_10WhoLeavesAnIsrBelowMStaysEligibleUntilItIsFullAgain() {
        up(1, 2, 3);
        create(topic("t", 1, 3, Map.of("min.insync.replicas", "2")));
        List<Integer> r = t0().replicas();
        fence(r.get(2));
        assertEquals(List.of(), t0().elr());
        fence(r.get(1));
        assertEquals(List.of(r.get(0)), t0().isr());
        assertEquals(List.of(r.get(1)), t0().elr());
        fence(r.get(0));
        assertEquals(PartitionImage.NO_LEADER, t0().leader());
        assertEquals(new HashSet<>(List.of(r.get(0), r.get(1))), new HashSet<>(t0().elr()));
        // Back without proof: it may have lost what it acknowledged.
        register(r.get(0), false);
        assertEquals(List.of(r.get(1)), t0().elr());
        assertEquals(List.of(r.get(0)), t0().lastKnown());
        unfence(r.get(0));
        unfence(r.get(2));
        assertEquals(PartitionImage.NO_LEADER, t0().leader());
        unfence(r.get(1));
        assertEquals(r.get(1), t0().leader());
        assertEquals(List.of(r.get(1)), t0().isr());
        assertEquals(Errors.NONE, alter(r.get(1), t0().leaderEpoch(), t0().partitionEpoch(), r.get(1), r.get(0)));
        assertEquals(List.of(), t0().elr());
        assertEquals(List.of(), t0().lastKnown());
    }

    @Test
    void rule1_10AnotherMinIsrEmptiesTheElrAndForgetsNobodyWhoMayHoldAll() {
        up(1, 2);
        create(topic("t", 1, 2, Map.of("min.insync.replicas", "2")));
        List<Integer> r = t0().replicas();
        fence(r.get(1));
        assertEquals(List.of(r.get(1)), t0().elr());
        alterConfig("min.insync.replicas", OpType.SET, "1");
        assertEquals(List.of(), t0().elr());
        assertEquals(List.of(), t0().lastKnown());
        fence(r.get(0));
        assertEquals(List.of(r.get(0)), t0().elr());
        alterConfig("min.insync.replicas", OpType.SET, "2");
        assertEquals(List.of(), t0().elr());
        assertEquals(List.of(r.get(0)), t0().lastKnown());
        unfence(r.get(1));
        assertEquals(PartitionImage.NO_LEADER, t0().leader());
        unfence(r.get(0));
        assertEquals(r.get(0), t0().leader());
    }

    @Test
    void aBrokerThatWantsToLeaveLeadsNothingAnyMore() {
        up(1, 2);
        create(topic("t", 1, 2, Map.of()));
        int first = t0().leader();
        long epoch = image.broker(first).orElseThrow().brokerEpoch();
        take(brokers.heartbeat(image, new ControllerCommand.BrokerHeartbeat(first, epoch, image.index(), true)));
        assertEquals(t0().replicas().get(1), t0().leader());
        assertEquals(List.of(t0().replicas().get(1)), t0().isr());
    }

    @Test
    void rule1_11AFencedLeadersPlaceGoesToTheIsrAndNeverToAStrangerUnlessAllowed() {
        up(1, 2);
        create(topic("t", 1, 2, Map.of()));
        int first = t0().leader();
        int second = t0().replicas().get(1);
        int epoch = t0().leaderEpoch();
        fence(second);
        fence(first);
        unfence(second);
        assertEquals(PartitionImage.NO_LEADER, t0().leader());
        unfence(first);
        assertEquals(first, t0().leader());
        assertTrue(t0().leaderEpoch() > epoch);
    }

    @Test
    void duplicateRegistrationIsRefusedOnlyWhileTheOtherLives() {
        up(1);
        Sessions sessions = new Sessions(9000, 0);
        Uuid one = Uuid.randomUuid();
        sessions.registered(1, one, 0);
        assertTrue(sessions.otherLive(1, Uuid.randomUuid(), 9000));
        assertTrue(!sessions.otherLive(1, one, 10));
        assertTrue(!sessions.otherLive(1, Uuid.randomUuid(), 9001));
        Decision refused = brokers.register(
                image,
                new ControllerCommand.RegisterBroker(
                        1, Uuid.randomUuid(), LISTENERS, Optional.empty(), -1, false, false),
                true,
                false);
        assertEquals(
                Errors.DUPLICATE_BROKER_REGISTRATION,
                ((ControllerReply.Refused) refused.reply()).refusal().error());
    }

    @Test
    void sessionsExpireButNobodyIsBlamedForAPauseOfTheController() {
        up(1, 2);
        Sessions sessions = new Sessions(9000, 0);
        for (long now = 0; now <= 8000; now += 1000) {
            sessions.heard(1, now);
            assertEquals(List.of(), sessions.expired(image, now));
        }
        assertEquals(
                List.of(2),
                sessions.expired(image, 10_000).stream()
                        .map(BrokerImage::brokerId)
                        .toList());
        assertEquals(List.of(), sessions.expired(image, 100_000));
    }

    @Test
    void placementSpreadsLeadersAndRacks() {
        up(1, 2, 3, 4);
        List<List<Integer>> placed = Placement.place(image.brokers(), 12, 2, 5);
        for (int id = 1; id <= 4; id++) {
            int broker = id;
            assertEquals(3, placed.stream().filter(r -> r.get(0) == broker).count());
        }
        placed.forEach(r -> assertTrue(r.get(0) % 2 != r.get(1) % 2, "both in one rack: " + r));
    }

    @Test
    void producerIdsComeInBlocksThatNeverOverlap() {
        up(1);
        long epoch = image.broker(1).orElseThrow().brokerEpoch();
        ControllerCommand.AllocateProducerIds command = new ControllerCommand.AllocateProducerIds(1, epoch);
        assertEquals(new ControllerReply.ProducerIds(0, 1000), take(brokers.allocateProducerIds(image, command)));
        assertEquals(new ControllerReply.ProducerIds(1000, 1000), take(brokers.allocateProducerIds(image, command)));
        ControllerReply stale =
                take(brokers.allocateProducerIds(image, new ControllerCommand.AllocateProducerIds(1, epoch - 1)));
        assertEquals(
                Errors.STALE_BROKER_EPOCH,
                ((ControllerReply.Refused) stale).refusal().error());
    }
}

package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.GroupService.Caller;
import io.troupe.group.SimulatedConsumer.Part;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/**
 * A consumer as the Java client behaves by the classic protocol, on a bad network and a slow machine. An eager one gives all up
 * before it joins, a cooperative one what is gone from its part.
 */
final class SimulatedClassic implements SimulatedMember {
    private static final int REBALANCE_TIMEOUT_MS = 20_000;
    private static final int REQUEST_TIMEOUT_MS = 10_000;

    private final SimulatedGroup run;
    private final String instance;
    private final boolean eager;
    private String memberId = "";
    private int generation;
    private final Map<Part, Long> owned = new HashMap<>();
    private Set<String> topics = Set.of();
    private boolean rejoins = true;
    /** When it has given up what it has to before it joins; 0 when that has not begun. */
    private long joinsAtMs;

    private Asked<JoinGroupResponseData> join;
    private Asked<SyncGroupResponseData> sync;
    private Asked<HeartbeatResponseData> beat;
    /** The last request whose answer might wait; null when its connection was lost. */
    private Late<?> late;

    private long lateDueMs;
    /** What the names of topics meant when it asked for its part: one of them may be another topic by the answer. */
    private MetadataImage imageOfSync;

    private int heardGeneration;
    /** It has heard its part and has not asked to rejoin since. */
    private boolean isStable;
    /** Its generation is of a classic group, where one assigns for all. */
    private boolean wasLed;
    /** It assigned for the others, and looks whether topics change. */
    private boolean leads;
    /** The topics that it assigned; null when somebody else did before it led. */
    private MetadataImage imageOfLeader;

    private long askedAtMs;
    private long heartbeatAtMs;
    private long awayUntilMs;

    SimulatedClassic(SimulatedGroup run, String instance, boolean eager) {
        this.run = run;
        this.instance = instance;
        this.eager = eager;
        subscribe();
    }

    @Override
    public String memberId() {
        return memberId;
    }

    @Override
    public int epoch() {
        return generation;
    }

    @Override
    public Map<Part, Long> owned() {
        return owned;
    }

    @Override
    public boolean mayCommit() {
        return isStable;
    }

    /**
     * Who missed a generation may still read. A static member may do so and have the answer to a join for another of the same
     * number, one that was not stored; until it hears its part it does not commit.
     */
    boolean mayHaveMissedAGeneration() {
        return instance != null && wasLed && !isStable;
    }

    @Override
    public boolean mayHave(Part part, String owner) {
        return memberId.equals(owner) || mayHaveMissedAGeneration();
    }

    /** The last generation, or epoch, of which it has heard its part. */
    int heardGeneration() {
        return heardGeneration;
    }

    @Override
    public boolean isSubscribedTo(String topic) {
        return topics.contains(topic);
    }

    private void subscribe() {
        topics = new TreeSet<>();
        for (String topic : List.of("t0", "t1", "u0")) {
            // A static member that comes back has what it had, whatever it asks for now (KIP-345).
            if (instance != null || run.random.nextInt(3) > 0) {
                topics.add(topic);
            }
        }
        rejoins = true;
    }

    private <T> Late<T> late(Asked<T> asked) {
        Late<T> mayWait = new Late<>(asked);
        late = mayWait;
        return mayWait;
    }

    /** What waits on its connection is let go. */
    private void nextRequest() {
        if (late != null) {
            late.letGo();
        }
    }

    void loseConnection() {
        if (late != null) {
            late.lose();
            late = null;
        }
    }

    /** Whether it waits for an answer that is given already, for want of something else to say. */
    boolean isHeld() {
        return late != null && late.waits();
    }

    @Override
    public void step() {
        if (isHeld() && run.nowMs >= lateDueMs) {
            late.letGo();
        }
        if (run.fault(0.01)) {
            loseConnection();
        }
        if (run.faults && run.nowMs < awayUntilMs) {
            return;
        }
        if (run.fault(0.008)) {
            goAway();
            return;
        }
        if (run.fault(0.01)) {
            subscribe();
        }
        hearBeat();
        if (leads && imageOfLeader != run.image) {
            leads = false;
            rejoins = true;
        }
        if (join != null) {
            hearJoin();
        } else if (sync != null) {
            hearSync();
        } else if (rejoins) {
            prepare();
        }
        if (mayCommit()) {
            nextRequest();
        }
        commit(run, instance, (short) 8);
        if (generation > 0 && join == null && sync == null && beat == null && run.nowMs >= heartbeatAtMs) {
            heartbeatAtMs = run.nowMs + 3000;
            run.heardMs.put(memberId, run.nowMs);
            HeartbeatRequestData data = new HeartbeatRequestData()
                    .setGroupId(GroupFixture.ID)
                    .setMemberId(memberId)
                    .setGroupInstanceId(instance)
                    .setGenerationId(generation);
            nextRequest();
            beat = run.ask(reply -> new GroupRequest.Heartbeat(data, late(reply), reply));
            lateDueMs = run.nowMs + late.mostMs;
        }
    }

    /** Stands still, or ends with or without a word. */
    private void goAway() {
        awayUntilMs = run.nowMs + run.random.nextInt(60_000);
        if (run.random.nextInt(3) == 0) {
            return;
        }
        end();
        loseConnection();
        lose(true);
    }

    @Override
    public void end() {
        if (instance == null && run.random.nextInt(3) > 0) {
            LeaveGroupRequestData data = new LeaveGroupRequestData()
                    .setGroupId(GroupFixture.ID)
                    .setMembers(List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(memberId)));
            owned.clear();
            nextRequest();
            run.<LeaveGroupResponseData>ask(reply -> new GroupRequest.Leave(caller(), data, reply));
        }
    }

    /** It has nothing any more, and joins anew. */
    private void lose(boolean asSomebodyNew) {
        owned.clear();
        generation = 0;
        heardGeneration = 0;
        isStable = false;
        if (asSomebodyNew) {
            memberId = "";
        }
        join = null;
        sync = null;
        beat = null;
        leads = false;
        joinsAtMs = 0;
        rejoins = true;
    }

    /** Gives up what it has to, which takes a while, and then joins. */
    private void prepare() {
        if (joinsAtMs == 0) {
            boolean tooLong = run.fault(0.03);
            joinsAtMs = run.nowMs
                    + (owned.isEmpty() || !eager ? 0 : tooLong ? 2 * REBALANCE_TIMEOUT_MS : run.random.nextInt(2000));
        }
        if (run.nowMs < joinsAtMs) {
            return;
        }
        joinsAtMs = 0;
        if (eager) {
            owned.clear();
        } else {
            owned.keySet().removeIf(part -> run.image
                    .topic(part.topicId())
                    .map(topic -> !topics.contains(topic.name()))
                    .orElse(true));
        }
        nextRequest();
        rejoins = false;
        isStable = false;
        leads = false;
        askedAtMs = run.nowMs;
        List<TopicPartition> has = new ArrayList<>();
        owned.keySet()
                .forEach(part -> has.add(new TopicPartition(
                        run.image.topic(part.topicId()).orElseThrow().name(), part.partition())));
        byte[] words = bytes(ConsumerProtocol.serializeSubscription(
                new Subscription(new ArrayList<>(topics), null, has, heardGeneration, Optional.empty())));
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(memberId)
                .setGroupInstanceId(instance)
                .setSessionTimeoutMs(ConsumerGroupConfig.DEFAULTS.sessionTimeoutMs())
                .setRebalanceTimeoutMs(REBALANCE_TIMEOUT_MS)
                .setProtocolType("consumer");
        data.protocols().add(new JoinGroupRequestProtocol().setName("range").setMetadata(words));
        if (run.fault(0.05)) {
            join = new Asked<>();
            return;
        }
        run.heardMs.put(memberId, run.nowMs);
        join = run.ask(reply -> new GroupRequest.Join(caller(), data, reply));
        if (run.fault(0.05)) {
            join = run.ask(reply -> new GroupRequest.Join(caller(), data, reply));
        }
    }

    private static byte[] bytes(ByteBuffer b) {
        byte[] bytes = new byte[b.remaining()];
        b.get(bytes);
        return bytes;
    }

    private static Caller caller() {
        return new Caller("c", "/127.0.0.1", (short) 9);
    }

    private boolean timedOut(Asked<?> asked) {
        return asked.parked() ? run.nowMs - askedAtMs > REQUEST_TIMEOUT_MS : run.fault(0.05);
    }

    private void hearJoin() {
        if (timedOut(join)) {
            join = null;
            rejoins = true;
            return;
        }
        if (join.parked()) {
            return;
        }
        JoinGroupResponseData answer = join.now();
        join = null;
        switch (Errors.forCode(answer.errorCode())) {
            case NONE -> {
                // A classic group forgets a generation that was not stored.
                assertTrue(
                        !memberId.equals(answer.memberId()) || wasLed || answer.generationId() >= generation,
                        () -> "the generation of " + memberId + " went back");
                wasLed = !answer.leader().isEmpty();
                memberId = answer.memberId();
                run.memberIds.add(memberId);
                generation = answer.generationId();
                if (!wasLed && run.knows(memberId)) {
                    run.toldEpoch = Math.max(run.toldEpoch, generation);
                }
                run.heardMs.put(memberId, run.nowMs);
                SyncGroupRequestData data = new SyncGroupRequestData()
                        .setGroupId(GroupFixture.ID)
                        .setMemberId(memberId)
                        .setGroupInstanceId(instance)
                        .setGenerationId(generation)
                        .setProtocolType("consumer")
                        .setProtocolName("range");
                leads = answer.leader().equals(memberId);
                imageOfLeader = answer.skipAssignment() ? null : run.image;
                if (leads && !answer.skipAssignment()) {
                    data.setAssignments(assign(answer));
                }
                askedAtMs = run.nowMs;
                imageOfSync = run.image;
                nextRequest();
                sync = run.fault(0.05)
                        ? new Asked<>()
                        : run.ask(reply -> new GroupRequest.Sync(caller(), data, late(reply), reply));
                lateDueMs = run.nowMs + GroupSyncs.MAX_HOLD_MS;
            }
            case MEMBER_ID_REQUIRED -> {
                memberId = answer.memberId();
                rejoins = true;
            }
            case UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID -> lose(true);
            case REBALANCE_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE -> rejoins = true;
            default -> throw new AssertionError(Errors.forCode(answer.errorCode()));
        }
    }

    /**
     * Each partition's turn goes round, but nobody gets what another one says to have: who has it gives it up first. Of two that
     * say so one missed a generation.
     */
    private List<SyncGroupRequestAssignment> assign(JoinGroupResponseData answer) {
        Map<String, Subscription> words = new TreeMap<>();
        Map<TopicPartition, String> claims = new HashMap<>();
        Map<String, List<TopicPartition>> parts = new TreeMap<>();
        Set<String> subscribed = new TreeSet<>();
        answer.members().forEach(m -> {
            Subscription s = ConsumerProtocol.deserializeSubscription(ByteBuffer.wrap(m.metadata()));
            words.put(m.memberId(), s);
            parts.put(m.memberId(), new ArrayList<>());
            subscribed.addAll(s.topics());
            s.ownedPartitions()
                    .forEach(tp -> claims.merge(
                            tp, m.memberId(), (x, y) -> generationOf(words, x) > generationOf(words, y) ? x : y));
        });
        int turn = 0;
        for (String topic : subscribed) {
            List<String> takers = words.keySet().stream()
                    .filter(id -> words.get(id).topics().contains(topic))
                    .toList();
            int count = run.image.topic(topic).map(t -> t.partitions().size()).orElse(0);
            for (int p = 0; p < count; p++) {
                TopicPartition partition = new TopicPartition(topic, p);
                String taker = takers.get(turn++ % takers.size());
                if (claims.getOrDefault(partition, taker).equals(taker)) {
                    parts.get(taker).add(partition);
                }
            }
        }
        return parts.entrySet().stream()
                .map(part -> new SyncGroupRequestAssignment()
                        .setMemberId(part.getKey())
                        .setAssignment(bytes(ConsumerProtocol.serializeAssignment(new Assignment(part.getValue())))))
                .toList();
    }

    private static int generationOf(Map<String, Subscription> words, String memberId) {
        return words.get(memberId).generationId().orElse(-1);
    }

    private void hearSync() {
        if (timedOut(sync)) {
            sync = null;
            rejoins = true;
            return;
        }
        if (sync.parked()) {
            return;
        }
        SyncGroupResponseData answer = sync.now();
        sync = null;
        switch (Errors.forCode(answer.errorCode())) {
            case NONE -> {
                Set<Part> part = new HashSet<>();
                // A leader's words are names, whatever they mean now.
                MetadataImage meant = wasLed ? run.image : imageOfSync;
                ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(answer.assignment()))
                        .partitions()
                        .forEach(tp -> meant.topic(tp.topic())
                                .map(TopicImage::topicId)
                                .ifPresent(id -> part.add(new Part(id, tp.partition()))));
                heardGeneration = generation;
                isStable = true;
                rejoins |= owned.keySet().retainAll(part);
                part.forEach(p -> owned.computeIfAbsent(p, run::committed));
            }
            case REBALANCE_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE -> rejoins = true;
            case ILLEGAL_GENERATION -> lose(false);
            case UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID -> lose(true);
            default -> throw new AssertionError(Errors.forCode(answer.errorCode()));
        }
    }

    private void hearBeat() {
        if (beat == null || beat.parked()) {
            beat = beat != null && run.nowMs >= heartbeatAtMs ? null : beat;
            return;
        }
        Errors error = Errors.forCode(beat.now().errorCode());
        beat = null;
        switch (error) {
            case NONE, COORDINATOR_NOT_AVAILABLE -> {}
            case REBALANCE_IN_PROGRESS -> rejoins = true;
            // The answer may be to a generation before the one it has by now: then it has lost it for nothing.
            case ILLEGAL_GENERATION -> lose(false);
            case UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID -> lose(true);
            default -> throw new AssertionError(error);
        }
    }
}

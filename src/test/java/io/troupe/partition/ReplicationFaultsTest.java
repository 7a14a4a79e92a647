package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand;
import io.troupe.controller.FaultyNetwork;
import io.troupe.controller.SoleController;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.partition.LinkMessage.Session;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three brokers' replicas, links and journals as they run, over a network that loses, repeats, reorders and delays, while links
 * and the controller are cut off, brokers are fenced, registered anew and told what nobody said. Whatever happens: nothing
 * acknowledged or read is lost, an offset has one value, no high watermark falls, an epoch has one leader, and once all is
 * healed the three logs are the same bytes and no actor has failed. {@code -Drounds=} for more, {@code -Dseed=} for others.
 */
@Timeout(600)
class ReplicationFaultsTest {
    private static final int BROKERS = 3;
    private static final int PARTITIONS = 3;
    private static final int STEPS = 120;

    @TempDir
    Path dir;

    private final SoleController controller = new SoleController();
    private final Map<Integer, FaultyBroker> brokers = new TreeMap<>();
    private final long seed = Long.getLong("seed", 1);
    private final FaultyNetwork network = new FaultyNetwork(seed);

    @BeforeEach
    void start() {
        for (int id = 1; id <= BROKERS; id++) {
            brokers.put(id, new FaultyBroker(id, BROKERS, dir.resolve("broker-" + id), network, controller));
        }
        for (FaultyBroker leader : brokers.values()) {
            brokers.values().stream()
                    .filter(follower -> follower != leader)
                    .forEach(follower -> FaultyBroker.connect(leader, follower));
        }
        brokers.values().forEach(FaultyBroker::register);
        brokers.values().forEach(FaultyBroker::hearAndBeat);
    }

    @AfterEach
    void stop() throws Exception {
        for (FaultyBroker broker : brokers.values()) {
            broker.stop();
        }
        network.close();
    }

    @Test
    void nothingAcknowledgedIsLostWhateverTheNetworkDoes() throws Exception {
        int rounds = Integer.getInteger("rounds", 4);
        int inTrouble = 0;
        for (int n = 0; n < rounds; n++) {
            Round round = new Round("round-" + n, new Random(seed * 1_000 + n));
            try {
                inTrouble += round.run();
            } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed + ", round " + n, e);
            }
        }
        assertTrue(inTrouble > 0, "nothing was acknowledged while the network was in trouble");
    }

    /** Rule 1.15: whom it cannot tell the controller to leave out, a leader goes on waiting for; so it is harmless. */
    @Test
    void aLeaderCutOffFromTheControllerAcknowledgesNothingOnceAMemberIsAway() throws Exception {
        Round round = new Round("cut-off", new Random(seed));
        // A machine that stands still for longer than the lag time leaves members out, here before the cut.
        await(() -> "a full ISR when the controller is cut off: " + round.partition(0), () -> {
            round.heal();
            network.separate(1, FaultyBroker.CONTROLLER);
            return round.partition(0).isr().size() == BROKERS;
        });
        assertTrue(round.send(1, 0).get(30, TimeUnit.SECONDS), "with all members there it needs no controller");
        network.separate(1, 3);
        CompletableFuture<Boolean> unheard = round.send(1, 0);
        TimeUnit.MILLISECONDS.sleep(3 * FaultyBroker.LAG_TIME_MS);
        assertNull(unheard.getNow(null), "not without the member that cannot be left out");
        // The others give it up; it does not know.
        controller.fence(1);
        brokers.get(2).hearAndBeat();
        brokers.get(3).hearAndBeat();
        await(() -> "another leads", () -> round.leads(2, 0) || round.leads(3, 0));
        int other = round.leads(2, 0) ? 2 : 3;
        assertTrue(round.leads(1, 0), "two leaders, in two epochs");
        await(() -> "the others go on", () -> {
            brokers.get(2).hearAndBeat();
            brokers.get(3).hearAndBeat();
            return round.acknowledged(other, 0);
        });
        CompletableFuture<Boolean> late = round.send(1, 0);
        TimeUnit.MILLISECONDS.sleep(FaultyBroker.LAG_TIME_MS);
        assertNull(late.getNow(null));
        round.heal();
        assertEquals(false, unheard.get(30, TimeUnit.SECONDS));
        assertEquals(false, late.get(30, TimeUnit.SECONDS));
        round.check();
    }

    /** One topic, what was written to it and what was seen of it. */
    private final class Round {
        final String topic;
        final Random random;
        final Uuid topicId;
        /** By partition, values by offset: acknowledged to acks=all, or read below a high watermark. */
        final List<Map<Long, String>> kept = new ArrayList<>();
        /** By partition, the highest watermark seen and the leader, by leader epoch. */
        final List<TreeMap<Integer, Long>> highWatermarks = new ArrayList<>();

        final List<Map<Integer, Integer>> leaders = new ArrayList<>();
        /** What came of each write, once that is known. */
        final List<CompletableFuture<Boolean>> answers = new ArrayList<>();

        int sent;

        Round(String topic, Random random) {
            this.topic = topic;
            this.random = random;
            Map<Integer, List<Integer>> assignment = new HashMap<>();
            for (int p = 0; p < PARTITIONS; p++) {
                List<Integer> replicas = new ArrayList<>(brokers.keySet());
                java.util.Collections.rotate(replicas, -p);
                assignment.put(p, replicas);
                kept.add(new ConcurrentHashMap<>());
                highWatermarks.add(new TreeMap<>());
                leaders.add(new HashMap<>());
            }
            topicId = controller.create(topic, assignment, Map.of("min.insync.replicas", "2"));
        }

        /**
         * A single partition may be out of reach for as long as the trouble lasts, so that each one is written to before it too.
         *
         * @return how many values were kept while the network was in trouble
         */
        int run() throws Exception {
            heal();
            for (int p = 0; p < PARTITIONS; p++) {
                int number = p;
                await(() -> "all is well", () -> {
                    brokers.values().forEach(FaultyBroker::hearAndBeat);
                    return acknowledged(partition(number).leader(), number);
                });
            }
            int before = keptValues();
            network.trouble(0.02 + 0.06 * random.nextInt(4));
            for (int i = 0; i < STEPS; i++) {
                for (FaultyBroker broker : brokers.values()) {
                    if (random.nextInt(4) > 0) {
                        broker.hearAndBeat();
                    }
                    for (int p = 0; p < PARTITIONS; p++) {
                        if (leads(broker.id, p) && random.nextInt(3) > 0) {
                            send(broker.id, p);
                        }
                        look(broker, p);
                    }
                }
                if (random.nextInt(3) == 0) {
                    harm();
                }
                TimeUnit.MILLISECONDS.sleep(random.nextInt(40));
            }
            int after = keptValues();
            heal();
            // What a leader has not yet looked at would be appended while the logs are compared.
            await(() -> "an answer to each write", () -> answers.stream().allMatch(CompletableFuture::isDone));
            heal();
            check();
            return after - before;
        }

        int keptValues() {
            return kept.stream().mapToInt(Map::size).sum();
        }

        void harm() {
            int one = 1 + random.nextInt(BROKERS);
            int other = 1 + (one + random.nextInt(BROKERS - 1)) % BROKERS;
            switch (random.nextInt(12)) {
                case 0 -> network.cut(one, other);
                case 1 -> network.separate(one, other);
                case 2 -> network.cut(FaultyBroker.CONTROLLER, one);
                case 3 -> network.cut(one, FaultyBroker.CONTROLLER);
                case 4 -> controller.fence(one);
                case 5 -> brokers.get(one).register();
                case 6, 7 ->
                    controller.execute(new ControllerCommand.ElectLeaders(
                            ElectionType.PREFERRED,
                            Optional.of(List.of(new TopicPartition(topic, random.nextInt(PARTITIONS))))));
                case 8, 9 -> lie(one, other);
                default -> {
                    double before = 0.02 + 0.06 * random.nextInt(4);
                    network.healAll();
                    network.trouble(before);
                }
            }
        }

        /** Tells an end of a link what its other end never said: of another time, broker or cluster. */
        void lie(int to, int from) {
            long present = controller
                    .image()
                    .broker(from)
                    .map(BrokerImage::brokerEpoch)
                    .orElse(-1L);
            long own =
                    controller.image().broker(to).map(BrokerImage::brokerEpoch).orElse(-1L);
            PartitionKey key = new PartitionKey(topicId, random.nextInt(PARTITIONS));
            int epoch = partition(key.partition()).leaderEpoch() + random.nextInt(3) - 1;
            long[] epochs = {present - 1, present, present + 1_000, Long.MAX_VALUE};
            long somebodys = epochs[random.nextInt(epochs.length)];
            // A stranger, or one of that name elsewhere; never what the true one might say itself.
            boolean stranger = somebodys == present;
            int name = stranger ? 9 : from;
            long run = random.nextBoolean() ? random.nextInt(5) : Long.MAX_VALUE;
            switch (random.nextInt(3)) {
                case 0 -> {
                    Position all = new Position(key, epoch, 1_000_000, epoch, true);
                    brokers.get(to)
                            .forge(from, new Positions(name, new Session(somebodys, run), 0, 0, 0, List.of(all)));
                }
                case 1 -> {
                    Piece piece = new Piece(key, epoch, 0, 1_000_000, 0, 0, 0, List.of());
                    brokers.get(to).forge(from, new Records(name, somebodys, new Session(own, run), 0, List.of(piece)));
                }
                default ->
                    brokers.get(to)
                            .forge(
                                    from,
                                    new Restart(name, somebodys, random.nextBoolean() ? null : new Session(own, run)));
            }
        }

        boolean leads(int broker, int partition) {
            return brokers.get(broker).local.leader(topicId, partition) != null;
        }

        PartitionImage partition(int number) {
            return controller
                    .image()
                    .partition(new TopicPartition(topic, number))
                    .orElseThrow();
        }

        /** acks=all, to a broker that believes it leads. @return whether it was acknowledged, once that is known */
        CompletableFuture<Boolean> send(int broker, int partition) {
            CompletableFuture<Boolean> done = new CompletableFuture<>();
            LocalReplicas.Leader leader = brokers.get(broker).local.leader(topicId, partition);
            if (leader == null) {
                return CompletableFuture.completedFuture(false); // no more
            }
            answers.add(done);
            String value = topic + "-" + partition + "-" + sent++;
            ByteBuffer batch = MemoryRecords.withRecords(
                            Compression.NONE, new SimpleRecord(value.getBytes(StandardCharsets.UTF_8)))
                    .buffer();
            leader.replica().tell(new Replica.Append(batch, (short) -1, -1, 30_000, false, new Replica.AppendReply() {
                @Override
                public void appended(long baseOffset, long last, long timeMs, long logStart, int leaderEpoch) {
                    keep(partition, baseOffset, value);
                    done.complete(true);
                }

                @Override
                public void refused(Refusal refusal, long logStartOffset) {
                    done.complete(false);
                }
            }));
            return done;
        }

        boolean acknowledged(int broker, int partition) {
            try {
                return send(broker, partition).get(60, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new AssertionError("no answer", e);
            }
        }

        /** A second value for an offset stays for {@link #check} to find. */
        void keep(int partition, long offset, String value) {
            kept.get(partition).merge(offset, value, (a, b) -> a.equals(b) ? a : a + " and " + b);
        }

        /** What a consumer of that broker would see now. */
        void look(FaultyBroker broker, int partition) throws IOException {
            LocalReplicas.Leader leader = broker.local.leader(topicId, partition);
            if (leader == null) {
                return;
            }
            LogView view = leader.view();
            int epoch = view.leaderEpoch();
            assertEquals(
                    broker.id,
                    leaders.get(partition).merge(epoch, broker.id, (known, now) -> known),
                    "one leader in epoch " + epoch + " of " + topic + "-" + partition);
            TreeMap<Integer, Long> seen = highWatermarks.get(partition);
            long same = seen.merge(epoch, view.highWatermark(), Math::max);
            assertEquals(view.highWatermark(), same, "the high watermark fell in epoch " + epoch);
            if (view.epochStartCommitted()) {
                seen.headMap(epoch)
                        .forEach((older, before) -> assertTrue(
                                view.highWatermark() >= before,
                                () -> "high watermark " + before + " of epoch " + older + ", then "
                                        + view.highWatermark() + " in epoch " + epoch));
            }
            if (view.highWatermark() > 0) {
                long offset = random.nextInt((int) view.highWatermark());
                try {
                    keepAll(partition, view.reader().read(offset, view.highWatermark(), 4_000, true));
                } catch (OffsetOutOfRangeException | IOException e) {
                    // It leads no more, and its log is being cut above what was read here.
                }
            }
        }

        void keepAll(int partition, ByteBuffer batches) {
            for (RecordBatch batch : MemoryRecords.readableRecords(batches).batches()) {
                for (Record record : batch) {
                    keep(partition, record.offset(), text(record));
                }
            }
        }

        void heal() {
            network.healAll();
            await(
                    () -> "all replicas of " + topic + " are in sync and agree: "
                            + controller.image().topic(topic),
                    () -> {
                        brokers.values().forEach(FaultyBroker::hearAndBeat);
                        for (int p = 0; p < PARTITIONS; p++) {
                            PartitionImage image = partition(p);
                            LocalReplicas.Leader leader = image.hasLeader()
                                    ? brokers.get(image.leader()).local.leader(topicId, p)
                                    : null;
                            if (image.isr().size() < BROKERS
                                    || leader == null
                                    || leader.view().leaderEpoch() != image.leaderEpoch()
                                    || leader.view().highWatermark()
                                            < leader.view().logEndOffset()
                                    || !followersAgree(p, image, leader.view().logEndOffset())) {
                                return false;
                            }
                        }
                        return true;
                    });
        }

        /**
         * Who led before may have more than the next leader, for as long as it has not heard from it; what it wrote last was
         * never acknowledged.
         */
        private boolean followersAgree(int partition, PartitionImage image, long end) {
            return brokers.values().stream()
                    .filter(broker -> broker.id != image.leader())
                    .map(broker -> broker.local.follower(topicId, partition))
                    .allMatch(follower -> follower != null
                            && follower.view().leaderEpoch() == image.leaderEpoch()
                            && follower.view().logEndOffset() == end);
        }

        void check() throws IOException {
            for (FaultyBroker broker : brokers.values()) {
                assertEquals(List.of(), List.copyOf(broker.failures), "actors of broker " + broker.id + " that failed");
            }
            for (int p = 0; p < PARTITIONS; p++) {
                byte[] first = bytes(1, p);
                for (int id = 2; id <= BROKERS; id++) {
                    assertEquals(ByteBuffer.wrap(first), ByteBuffer.wrap(bytes(id, p)), "logs of " + topic + "-" + p);
                }
                Map<Long, String> stored = new HashMap<>();
                for (RecordBatch batch :
                        MemoryRecords.readableRecords(ByteBuffer.wrap(first)).batches()) {
                    for (Record record : batch) {
                        stored.put(record.offset(), text(record));
                    }
                }
                Map<Long, String> lost = new TreeMap<>(kept.get(p));
                lost.entrySet().removeIf(e -> e.getValue().equals(stored.get(e.getKey())));
                assertEquals(Map.of(), lost, "acknowledged or read on " + topic + "-" + p + ", and lost");
            }
        }

        private byte[] bytes(int broker, int partition) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (Stream<Path> files = Files.list(brokers.get(broker).directory(topic, partition))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".log"))
                        .sorted()
                        .toList()) {
                    bytes.write(Files.readAllBytes(file));
                }
            }
            return bytes.toByteArray();
        }
    }

    private static String text(Record record) {
        return StandardCharsets.UTF_8.decode(record.value()).toString();
    }

    /** Asks every few milliseconds, for two minutes. */
    private static void await(Supplier<String> what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "not within 120 s: " + what.get());
            try {
                TimeUnit.MILLISECONDS.sleep(20);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}

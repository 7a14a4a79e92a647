package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupFixture.Asked;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroupMember;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Random members against one group: they join, leave, fall silent, lose and repeat requests, while appends are held back,
 * refused, or the coordinator moves; ghosts of what members once were go on as if nothing had happened. Whatever happens: in a
 * generation a partition has one owner, whose heartbeat is held has nothing to hear, only members of the current one commit, sync and are told that they live, committed offsets never go back, who is silent is out after its session, and once the faults end everybody settles. {@code
 * -Dseed=} replays one run.
 */
class ClassicGroupSimulationTest {
    private static final int PARTITIONS = 6;

    @TestFactory
    List<DynamicTest> runs() {
        String seed = System.getProperty("seed");
        LongStream seeds = seed == null ? LongStream.range(0, 25) : LongStream.of(Long.parseLong(seed));
        return seeds.mapToObj(s -> DynamicTest.dynamicTest("seed " + s, () -> {
                    for (long i = 0; i < (seed == null ? 4 : 1); i++) {
                        new Run(s + i * 1000).go();
                    }
                }))
                .toList();
    }

    /** The check itself must be able to fail. */
    @Test
    void twoOwnersAreSeen() {
        Run run = new Run(1);
        run.own(1, "a", "0");
        boolean seen = false;
        try {
            run.own(1, "b", "0");
        } catch (AssertionError expected) {
            seen = true;
        }
        assertTrue(seen);
    }

    private static final class Run {
        final long seed;
        final Random random;
        final GroupFixture f;
        final List<Client> clients = new ArrayList<>();
        final Map<Integer, Map<Integer, String>> owners = new HashMap<>();
        final Map<Integer, Long> highest = new HashMap<>();
        final List<Ghost> ghosts = new ArrayList<>();
        /** When each member was last heard of, or later. */
        final Map<String, Long> heardMs = new HashMap<>();

        /** Heartbeats that were held, and what some of them heard. */
        int held;

        int heldAndTold;

        int stableGeneration;
        boolean faults = true;

        Run(long seed) {
            this.seed = seed;
            this.random = new Random(seed);
            this.f = new GroupFixture(random.nextBoolean() ? 0 : 3000);
            f.rebalanceTimeoutMs = 20_000;
            for (int i = 0; i < 4; i++) {
                clients.add(new Client(this, i == 3 ? "instance-" + i : null));
            }
        }

        boolean fault(double probability) {
            return faults && random.nextDouble() < probability;
        }

        void own(int generation, String owner, String partitions) {
            Map<Integer, String> of = owners.computeIfAbsent(generation, g -> new HashMap<>());
            for (String p : partitions.isEmpty() ? new String[0] : partitions.split(",")) {
                String other = of.putIfAbsent(Integer.parseInt(p), owner);
                assertTrue(
                        other == null || other.equals(owner),
                        "seed " + seed + ": partition " + p + " of generation " + generation + " belongs to " + other
                                + " and " + owner);
            }
        }

        void go() {
            for (int step = 0; step < 400; step++) {
                f.holdAppends = fault(0.5);
                f.appendError = fault(0.05) ? Errors.COORDINATOR_NOT_AVAILABLE : Errors.NONE;
                step(random.nextInt(1500));
                if (fault(0.01)) {
                    failOver();
                }
            }
            faults = false;
            f.holdAppends = false;
            f.appendError = Errors.NONE;
            for (int step = 0; step < 300; step++) {
                step(500);
            }
            Set<Integer> generations = new HashSet<>();
            Set<String> owned = new HashSet<>();
            for (Client client : clients) {
                generations.add(client.generation);
                assertTrue(client.assigned, "seed " + seed + ": a member has not settled");
                if (!client.partitions.isEmpty()) {
                    owned.addAll(List.of(client.partitions.split(",")));
                }
            }
            assertEquals(1, generations.size(), "seed " + seed);
            assertTrue(held > heldAndTold && heldAndTold > 0, "seed " + seed + ": nothing was held");
            assertEquals(PARTITIONS, owned.size(), "seed " + seed);
            assertEquals(ClassicGroup.State.STABLE, f.group.state());
            List<GroupEvent> events = f.group.events().list();
            GroupEvent last = events.get(events.size() - 1);
            assertTrue(
                    Set.of(GroupEvent.Kind.ASSIGNED, GroupEvent.Kind.LOADED, GroupEvent.Kind.REPLACED)
                            .contains(last.kind()),
                    "seed " + seed + ": " + last);
            assertEquals(f.group.generation(), last.epoch(), "seed " + seed);
        }

        /** Before the next step: whoever is to hear something has been told. */
        void heldHaveNothingToHear() {
            for (Client client : clients) {
                if (client.beat != null && client.beat.waits()) {
                    assertTrue(
                            f.group.state() == ClassicGroup.State.STABLE
                                    || f.nowMs - f.group.stateSinceMs() <= GroupJoins.GATHER_MOST_MS,
                            "seed " + seed);
                    assertEquals(f.group.generation(), client.generation, "seed " + seed);
                    assertTrue(members().contains(client.id), "seed " + seed);
                }
            }
        }

        void failOver() {
            clients.forEach(Client::loseConnection);
            f.failOver(GroupFixture.config(0, Integer.MAX_VALUE));
            stableGeneration = -1;
        }

        List<String> members() {
            return f
                    .<DescribedGroup>ask(reply -> new GroupRequest.Describe(GroupFixture.ID, (short) 5, reply))
                    .now()
                    .members()
                    .stream()
                    .map(DescribedGroupMember::memberId)
                    .toList();
        }

        /** Sessions run only in a Stable group: elsewhere members wait for the group. */
        void silentMembersAreOut() {
            if (f.group.state() != ClassicGroup.State.STABLE || f.group.generation() != stableGeneration) {
                stableGeneration = f.group.state() == ClassicGroup.State.STABLE ? f.group.generation() : -1;
                heardMs.clear();
            }
            for (String id : members()) {
                long silentMs = f.nowMs - heardMs.computeIfAbsent(id, i -> f.nowMs);
                assertTrue(
                        silentMs <= f.sessionTimeoutMs,
                        "seed " + seed + ": a member is silent for " + silentMs + " ms");
            }
        }

        void step(int ms) {
            f.decideAppends();
            f.pass(ms);
            for (Client client : clients) {
                client.step();
            }
            if (!ghosts.isEmpty()) {
                ghosts.get(random.nextInt(ghosts.size())).haunt();
            }
            heldHaveNothingToHear();
            silentMembersAreOut();
            List<GroupEvent> events = f.group.events().list();
            assertTrue(events.size() <= GroupEvents.MOST);
            for (int i = 1; i < events.size(); i++) {
                assertTrue(events.get(i - 1).timeMs() <= events.get(i).timeMs(), "seed " + seed + ": " + events.get(i));
            }
            for (int p = 0; p < PARTITIONS; p++) {
                long now = f.committed("t", p);
                assertTrue(now >= highest.getOrDefault(p, -1L), "seed " + seed + ": the offset of " + p + " went back");
                highest.put(p, now);
            }
        }
    }

    /** What a member was once, still trying: it must not be believed once its generation is over. */
    private record Ghost(Run run, String id, int generation, int partition) {
        void haunt() {
            GroupFixture f = run.f;
            if (f.group.generation() == generation && run.members().contains(id)) {
                return;
            }
            String what = "seed " + run.seed + ": a ghost of generation " + generation + " in generation "
                    + f.group.generation();
            var commit = f.commit(id, generation, "t", partition, 1_000_000, "");
            assertTrue(
                    !commit.parked()
                            && commit.now().topics().get(0).partitions().get(0).errorCode() != 0,
                    what + " commits");
            assertTrue(f.heartbeat(id, generation) != Errors.NONE, what + " lives");
            var sync = f.sync(id, generation, Map.of(id, "0,1,2,3,4,5"));
            assertTrue(!sync.parked() && sync.now().errorCode() != 0, what + " is given an assignment");
        }
    }

    /** A consumer as the Java client behaves, with the leader's round-robin assignor. */
    private static final class Client {
        final Run run;
        final String instance;
        String id = "";
        int generation = -1;
        boolean assigned;
        String partitions = "";
        /** In the first of its partitions. */
        long position;

        Asked<JoinGroupResponseData> join;
        Asked<SyncGroupResponseData> sync;
        /** The heartbeat whose answer it has not heard; null for none. */
        HeldBeat beat;

        long beatDueMs;
        long askedAtMs;
        long awayUntilMs;

        Client(Run run, String instance) {
            this.run = run;
            this.instance = instance;
        }

        void step() {
            GroupFixture f = run.f;
            if (beat != null && f.nowMs >= beatDueMs) {
                beat.letGo();
            }
            if (run.fault(0.03)) {
                loseConnection();
            }
            if (f.nowMs < awayUntilMs) {
                return;
            }
            if (run.fault(0.02)) {
                // Gone for a while, with or without a word; a restart forgets its id.
                awayUntilMs = f.nowMs + run.random.nextInt(30_000);
                if (run.random.nextBoolean()) {
                    nextRequest();
                    f.leave(id, instance);
                }
                loseConnection();
                if (run.random.nextBoolean()) {
                    id = "";
                }
                join = null;
                sync = null;
                assigned = false;
                return;
            }
            run.heardMs.put(id, f.nowMs);
            if (join != null) {
                onJoin(f);
            } else if (sync != null) {
                onSync(f);
            } else if (!assigned) {
                rejoin(f);
            } else {
                work(f);
            }
        }

        void rejoin(GroupFixture f) {
            assigned = false;
            sync = null;
            askedAtMs = f.nowMs;
            nextRequest();
            beat = null;
            if (run.fault(0.1)) {
                return;
            }
            join = f.join(id, instance, "m", "range");
            if (run.fault(0.1)) {
                // Asked twice, as after a lost connection.
                join = f.join(id, instance, "m", "range");
            }
        }

        void onJoin(GroupFixture f) {
            if (join.parked()) {
                if (f.nowMs - askedAtMs > 40_000) {
                    join = null;
                }
                return;
            }
            JoinGroupResponseData joined = join.now();
            join = null;
            if (run.fault(0.1)) {
                return;
            }
            switch (Errors.forCode(joined.errorCode())) {
                case NONE -> {
                    id = joined.memberId();
                    generation = joined.generationId();
                    Map<String, String> assignment = new HashMap<>();
                    if (joined.leader().equals(id) && !joined.skipAssignment()) {
                        List<String> ids = new ArrayList<>();
                        joined.members().forEach(m -> ids.add(m.memberId()));
                        for (int p = 0; p < PARTITIONS && !ids.isEmpty(); p++) {
                            assignment.merge(ids.get(p % ids.size()), "" + p, (a, b) -> a + "," + b);
                        }
                    }
                    askedAtMs = f.nowMs;
                    sync = f.sync(id, generation, assignment);
                }
                case MEMBER_ID_REQUIRED -> id = joined.memberId();
                case UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID -> id = "";
                default -> {}
            }
        }

        void onSync(GroupFixture f) {
            if (sync.parked()) {
                if (f.nowMs - askedAtMs > 40_000) {
                    sync = null;
                }
                return;
            }
            SyncGroupResponseData synced = sync.now();
            sync = null;
            switch (Errors.forCode(synced.errorCode())) {
                case NONE -> {
                    partitions = new String(synced.assignment());
                    if (!partitions.isEmpty()) {
                        run.ghosts.add(new Ghost(run, id, generation, first()));
                    }
                    run.own(generation, instance == null ? id : instance, partitions);
                    position = partitions.isEmpty() ? 0 : f.committed("t", first()) + 1;
                    assigned = true;
                }
                case UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID -> id = "";
                default -> {}
            }
        }

        int first() {
            return Integer.parseInt(partitions.split(",")[0]);
        }

        /** What waited on its connection is let go. */
        void nextRequest() {
            if (beat != null) {
                beat.letGo();
            }
        }

        void loseConnection() {
            if (beat != null) {
                beat.lose();
                beat = null;
            }
        }

        void work(GroupFixture f) {
            if (beat != null && !beat.waits() && !run.fault(0.3)) {
                hearBeat(f);
                if (!assigned) {
                    return;
                }
            }
            if (!partitions.isEmpty() && run.random.nextBoolean()) {
                // Consumes on from where it stands; a zombie does so too, and must be refused.
                position += run.random.nextInt(5);
                nextRequest();
                f.commit(id, generation, "t", first(), position, "");
            }
            // Like Kafka's, it waits for no answer before it sends the next.
            nextRequest();
            if (beat != null) {
                hearBeat(f);
            }
            if (assigned) {
                beat = f.beat(id, generation);
                beatDueMs = f.nowMs + beat.mostMs;
                if (beat.waits()) {
                    run.held++;
                } else if (!run.fault(0.3)) {
                    hearBeat(f);
                }
            }
        }

        void hearBeat(GroupFixture f) {
            Errors error = beat.error();
            if (beat.mostMs >= 0 && error != Errors.NONE) {
                run.heldAndTold++;
            }
            beat = null;
            if (error == Errors.UNKNOWN_MEMBER_ID || error == Errors.FENCED_INSTANCE_ID) {
                id = "";
                assigned = false;
            } else if (error != Errors.NONE) {
                rejoin(f);
            }
        }
    }
}

package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Three or five voters and two live controllers in a simulated network that loses, repeats and reorders messages. Controllers restart; voters are
 * killed, which loses what was not fsynced, take snapshots, and lose their disks, a minority at a time (SAFETY 2). {@code -Dseed=} replays one run.
 */
class QuorumSimulationTest {
    /** A controller on a node; restarting forgets everything. */
    private final class Rival {
        final int nodeId;
        final World world;
        QuorumLeader quorum;
        MetadataImage drafted;
        MetadataImage applied;

        Rival(World world, int nodeId) {
            this.world = world;
            this.nodeId = nodeId;
            claim(1);
        }

        void claim(int round) {
            quorum = new QuorumLeader(new Epoch(round, nodeId), world.voters.keySet(), Optional.empty());
            drafted = MetadataImage.empty();
            applied = drafted;
        }

        void propose(MetadataEvent event) {
            drafted = drafted.apply(drafted.index() + 1, event);
            quorum.propose(List.of(MetadataCodec.encode(event)));
        }

        void settle() {
            if (quorum.phase() == QuorumLeader.Phase.ADOPTED) {
                adopt();
            }
            if (quorum.phase() == QuorumLeader.Phase.LEADING) {
                while (applied.index() < quorum.commitIndex()) {
                    applyNext();
                }
                if (quorum.commitIndex() >= 0) {
                    quorum.toAdmit(drafted.voters())
                            .forEach((id, disk) -> propose(new MetadataEvent.VoterAdmitted(id, disk)));
                }
            }
            quorum.takeOutbox().forEach(out -> world.put(new ToVoter(out.voter(), this, quorum, out.request())));
        }

        private void adopt() {
            assertTrue(quorum.lastIndex() >= world.committed.size() - 1, "2.2: adopted less than was committed");
            if (quorum.base().index() >= 0) {
                applied = MetadataCodec.decodeImage(quorum.base().image());
                assertEquals(world.images.get((int) applied.index()), applied, "2.7: the snapshot is another state");
            }
            drafted = applied;
            while (drafted.index() < quorum.lastIndex()) {
                long next = drafted.index() + 1;
                drafted = drafted.apply(
                        next, MetadataCodec.decode(quorum.entry(next).value()));
            }
            MetadataEvent noOp =
                    new MetadataEvent.ControllerElected(nodeId, quorum.epoch().round(), "cluster");
            quorum.lead(MetadataCodec.encode(noOp), drafted.voters());
            drafted = drafted.apply(drafted.index() + 1, noOp);
        }

        private void applyNext() {
            long next = applied.index() + 1;
            byte[] value = quorum.entry(next).value();
            MetadataEvent event = MetadataCodec.decode(value);
            if (event instanceof MetadataEvent.ControllerElected e) {
                assertTrue(e.controllerEpoch() > applied.controllerEpoch(), "two controllers in round " + e);
            }
            applied = applied.apply(next, event);
            if (next < world.committed.size()) {
                assertArrayEquals(world.committed.get((int) next), value, "2.4: two values committed at " + next);
            } else {
                world.committed.add(value);
                world.images.add(applied);
            }
            if (event instanceof MetadataEvent.VoterAdmitted e) {
                quorum.admitted(e.nodeId(), e.diskId());
            }
        }

        void compact() {
            if (quorum.phase() == QuorumLeader.Phase.LEADING
                    && applied.index() > quorum.base().index()) {
                quorum.compact(new Quorum.Base(
                        applied.index(), quorum.entry(applied.index()).epoch(), MetadataCodec.encodeImage(applied)));
            }
        }
    }

    /** A voter: what its disk holds, and what a kill takes. */
    private final class Voter {
        final int id;
        final World world;
        byte[] snapshot;
        final List<byte[]> journal = new ArrayList<>();
        VoterState state = new VoterState();
        VoterCore core;
        VoterCore.Answer writing;
        ToVoter asked;

        Voter(World world, int id) {
            this.world = world;
            this.id = id;
            core = newCore();
        }

        private VoterCore newCore() {
            return new VoterCore(id, () -> new Uuid(world.random.nextLong(), 1));
        }

        void ask(ToVoter m) {
            if (writing != null) {
                return; // lost: the controller asks again
            }
            writing = core.handle(state, m.request());
            asked = m;
            if (writing.events().isEmpty()) {
                answer();
            }
        }

        /** The write reaches the disk, and only then the answer leaves. */
        void fsync() {
            if (writing != null) {
                journal.add(VoterState.encode(writing.events()));
                writing.events().forEach(state::apply);
                answer();
            }
        }

        private void answer() {
            if (asked.request() instanceof Quorum.Append a && writing.reply() instanceof Quorum.Acked acked) {
                state.noteCommitted(Math.min(a.commitIndex(), acked.matchedIndex()));
            }
            world.put(new ToRival(asked.from(), asked.incarnation(), writing.reply()));
            writing = null;
        }

        void kill() {
            if (writing != null && world.random.nextBoolean()) {
                journal.add(VoterState.encode(writing.events())); // on the disk, and nobody was told
            }
            writing = null;
            core = newCore();
            state = snapshot == null ? new VoterState() : VoterState.decodeState(snapshot);
            journal.forEach(bytes -> VoterState.decode(bytes).forEach(state::apply));
        }

        void wipe() {
            snapshot = null;
            journal.clear();
            writing = null;
            kill();
        }

        void snapshot() {
            if (writing == null && state.disk() != null) {
                state.compact();
                snapshot = state.encode();
                journal.clear();
            }
        }
    }

    private sealed interface Packet {}

    private record ToVoter(int voter, Rival from, QuorumLeader incarnation, Quorum.Request request) implements Packet {}

    private record ToRival(Rival to, QuorumLeader incarnation, Quorum.Reply reply) implements Packet {}

    private final class World {
        final Random random;
        final boolean lossy;
        final Map<Integer, Voter> voters = new TreeMap<>();
        final List<Rival> rivals = new ArrayList<>();
        final List<Packet> network = new ArrayList<>();
        /** What any controller ever knew to be committed, by index, and the image with it. */
        final List<byte[]> committed = new ArrayList<>();

        final List<MetadataImage> images = new ArrayList<>();
        int proposals;
        int wipes;

        World(long seed, int count, boolean lossy) {
            random = new Random(seed);
            this.lossy = lossy;
            for (int id = 1; id <= count; id++) {
                voters.put(id, new Voter(this, id));
            }
            rivals.add(new Rival(this, 1));
            rivals.add(new Rival(this, 2));
        }

        void put(Packet packet) {
            int copies = !lossy ? 1 : random.nextInt(10) == 0 ? 0 : random.nextInt(10) == 0 ? 2 : 1;
            for (int i = 0; i < copies; i++) {
                network.add(packet);
            }
        }

        void step() {
            int dice = random.nextInt(100);
            Rival rival = rivals.get(random.nextInt(rivals.size()));
            Voter voter = voters.get(1 + random.nextInt(voters.size()));
            if (dice < 60 && !network.isEmpty()) {
                deliver(network.remove(lossy ? random.nextInt(network.size()) : 0));
            } else if (dice < 80) {
                voters.values().forEach(v -> {
                    if (!lossy || random.nextBoolean()) {
                        v.fsync();
                    }
                });
            } else if (dice < 90) {
                rival.quorum.tick();
            } else if (dice < 96) {
                if (rival.quorum.phase() == QuorumLeader.Phase.LEADING) {
                    rival.propose(new MetadataEvent.ProducerIdsAllocated(1, 0, proposals++, 1));
                } else if (rival.quorum.phase() == QuorumLeader.Phase.DEPOSED && random.nextInt(5) == 0) {
                    rival.claim(rival.quorum.rival().round() + 1);
                }
            } else if (dice == 96) {
                voter.snapshot();
                rival.compact();
            } else if (lossy && dice == 97) {
                voter.kill();
            } else if (lossy && dice == 98 && random.nextInt(5) == 0) {
                wipe(voter);
            } else if (lossy && random.nextInt(6) == 0) {
                rival.claim(1);
            }
            rivals.forEach(Rival::settle);
            if (network.size() > 500) {
                network.subList(0, 250).clear();
            }
        }

        /** Never more than a minority at a time: a disk that is not admitted yet counts as lost. */
        private void wipe(Voter voter) {
            long others = voters.values().stream()
                    .filter(v -> v != voter && v.state.admitted())
                    .count();
            if (others > voters.size() / 2) {
                voter.wipe();
                wipes++;
            }
        }

        void deliver(Packet packet) {
            if (packet instanceof ToVoter m) {
                voters.get(m.voter()).ask(m);
            } else if (packet instanceof ToRival m && m.to().quorum == m.incarnation()) {
                m.incarnation().receive(m.reply());
            }
        }

        /** Whichever majority a claim hears, the greatest of its logs holds all that is committed; so do all voters together. */
        void check() {
            List<Voter> admitted =
                    voters.values().stream().filter(v -> v.state.admitted()).toList();
            int majority = voters.size() / 2 + 1;
            for (int chosen = 0; chosen < 1 << admitted.size(); chosen++) {
                if (Integer.bitCount(chosen) == majority) {
                    int set = chosen;
                    checkGreatest(admitted.stream()
                            .filter(v -> (set >> admitted.indexOf(v) & 1) == 1)
                            .toList());
                }
            }
            checkGreatest(List.copyOf(voters.values()));
        }

        private void checkGreatest(List<Voter> heard) {
            VoterState greatest = heard.get(0).state;
            for (Voter v : heard) {
                int byEpoch = v.state.lastEpoch().compareTo(greatest.lastEpoch());
                if (byEpoch > 0 || byEpoch == 0 && v.state.lastIndex() > greatest.lastIndex()) {
                    greatest = v.state;
                }
            }
            assertTrue(greatest.lastIndex() >= committed.size() - 1, "committed and lost: " + heard.size());
            long base = greatest.base().index();
            for (long index = base + 1; index < committed.size(); index++) {
                assertArrayEquals(
                        committed.get((int) index),
                        greatest.log().get((int) (index - base - 1)).value(),
                        "committed and changed: " + index);
            }
            if (base >= 0) {
                assertEquals(
                        images.get((int) base),
                        MetadataCodec.decodeImage(greatest.base().image()));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 5})
    void committedIsNeverLostOrChangedWhateverHappens(int count) {
        String fixed = System.getProperty("seed");
        long from = fixed == null ? 0 : Long.parseLong(fixed);
        long to = fixed == null ? Integer.getInteger("seeds", 150) : from + 1;
        int committed = 0;
        int wipes = 0;
        for (long seed = from; seed < to; seed++) {
            try {
                World world = new World(seed, count, true);
                for (int i = 0; i < 2500; i++) {
                    world.step();
                    if (i % 10 == 0) {
                        world.check();
                    }
                }
                committed += world.committed.size();
                wipes += world.wipes;
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
        System.out.println(
                count + " voters: " + committed + " committed, " + wipes + " disks lost in " + (to - from) + " runs");
        assertTrue(committed > (to - from) * 5, "the simulation hardly commits anything: " + committed);
        assertTrue(wipes > (to - from) / 10, "the simulation hardly loses a disk: " + wipes);
    }

    @Test
    void inAGoodNetworkOneControllerEndsUpLeadingAndAllVotersCount() {
        World world = new World(7, 3, false);
        for (int i = 0; i < 3000; i++) {
            world.step();
        }
        assertTrue(world.committed.size() > 50, "committed " + world.committed.size());
        assertEquals(3, world.images.get(world.images.size() - 1).voters().size());
        world.check();
        world.wipe(world.voters.get(3));
        for (int i = 0; i < 3000; i++) {
            world.step();
        }
        assertTrue(world.voters.get(3).state.admitted(), "2.9: it has caught up and is let in again");
    }

    /** The rule that the simulation rests on is needed: a wiped voter that votes at once loses what is committed. */
    @Test
    void anEmptyDiskDoesNotPromise() {
        QuorumLeader claim = new QuorumLeader(new Epoch(5, 1), List.of(1, 2, 3), Optional.empty());
        Uuid disk = new Uuid(1, 1);
        claim.receive(new Quorum.Promised(1, new Epoch(5, 1), new Epoch(4, 2), 7, disk, true, "c"));
        claim.receive(new Quorum.Promised(3, new Epoch(5, 1), Epoch.NONE, -1, disk, false, null));
        assertEquals(QuorumLeader.Phase.CLAIMING, claim.phase());
        assertTrue(claim.awaited().contains("voters [3] have an empty disk"), claim.awaited());
        claim.receive(new Quorum.Promised(2, new Epoch(5, 1), new Epoch(4, 2), 9, disk, true, "c"));
        assertEquals(QuorumLeader.Phase.ADOPTING, claim.phase());
    }
}

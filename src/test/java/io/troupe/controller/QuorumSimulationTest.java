package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Voters and two rival controllers in a simulated network that loses, repeats and reorders messages, with voters and
 * controllers that restart (SAFETY 2.1 - 2.5). {@code -Dseed=} replays one run.
 */
class QuorumSimulationTest {
    private static final Set<Integer> VOTERS = Set.of(1, 2, 3);

    /** A controller on a node; restarting forgets everything. */
    private static final class Rival {
        final int nodeId;
        QuorumLeader quorum;
        long applied = -1;

        Rival(int nodeId) {
            this.nodeId = nodeId;
            claim(1);
        }

        void claim(int round) {
            quorum = new QuorumLeader(new Epoch(round, nodeId), VOTERS);
            applied = -1;
        }
    }

    private sealed interface Packet {}

    private record ToVoter(int voter, Rival from, QuorumLeader incarnation, Quorum.Request request) implements Packet {}

    private record ToRival(Rival to, QuorumLeader incarnation, Quorum.Reply reply) implements Packet {}

    private static final class World {
        final Random random;
        final boolean lossy;
        final Map<Integer, List<byte[]>> disks = new HashMap<>();
        final Map<Integer, VoterState> voters = new HashMap<>();
        final List<Rival> rivals = List.of(new Rival(1), new Rival(2));
        final List<Packet> network = new ArrayList<>();
        /** What any controller ever knew to be committed, by index. */
        final List<byte[]> committed = new ArrayList<>();

        int proposals;

        World(long seed, boolean lossy) {
            random = new Random(seed);
            this.lossy = lossy;
            VOTERS.forEach(v -> {
                disks.put(v, new ArrayList<>());
                voters.put(v, new VoterState());
            });
        }

        void send(Rival rival) {
            rival.quorum.takeOutbox().forEach(out -> put(new ToVoter(out.voter(), rival, rival.quorum, out.request())));
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
            if (dice < 80 && !network.isEmpty()) {
                deliver(network.remove(lossy ? random.nextInt(network.size()) : 0));
            } else if (dice < 90) {
                rival.quorum.tick();
            } else if (dice < 97) {
                if (rival.quorum.phase() == QuorumLeader.Phase.LEADING) {
                    rival.quorum.propose(List.of(("value " + proposals++).getBytes()));
                } else if (rival.quorum.phase() == QuorumLeader.Phase.DEPOSED && random.nextInt(5) == 0) {
                    rival.claim(rival.quorum.rival().round() + 1);
                }
            } else if (lossy && dice < 99) {
                // A voter is killed: only its disk remains.
                int voter = 1 + random.nextInt(3);
                VoterState again = new VoterState();
                disks.get(voter).forEach(bytes -> VoterState.decode(bytes).forEach(again::apply));
                voters.put(voter, again);
            } else if (lossy && random.nextInt(4) == 0) {
                rival.claim(1);
            }
            rivals.forEach(this::settle);
            if (network.size() > 500) {
                network.subList(0, 250).clear();
            }
        }

        void deliver(Packet packet) {
            if (packet instanceof ToVoter m) {
                VoterState state = voters.get(m.voter());
                VoterCore.Answer answer = new VoterCore(m.voter()).handle(state, m.request());
                if (!answer.events().isEmpty()) {
                    disks.get(m.voter()).add(VoterState.encode(answer.events()));
                    answer.events().forEach(state::apply);
                }
                if (m.request() instanceof Quorum.Append a && answer.reply() instanceof Quorum.Acked acked) {
                    state.noteCommitted(Math.min(a.commitIndex(), acked.matchedIndex()));
                }
                put(new ToRival(m.from(), m.incarnation(), answer.reply()));
            } else if (packet instanceof ToRival m && m.to().quorum == m.incarnation()) {
                m.incarnation().receive(m.reply());
            }
        }

        void settle(Rival rival) {
            QuorumLeader q = rival.quorum;
            if (q.phase() == QuorumLeader.Phase.ADOPTED) {
                assertTrue(q.log().size() >= committed.size(), "2.2: adopted less than was committed");
                q.lead(("no-op of " + q.epoch()).getBytes());
            }
            while (rival.applied < q.commitIndex()) {
                int next = (int) ++rival.applied;
                byte[] value = q.log().get(next).value();
                if (next < committed.size()) {
                    assertArrayEquals(committed.get(next), value, "2.4: two values committed at index " + next);
                } else {
                    committed.add(value);
                }
            }
            send(rival);
        }

        void check() {
            long holders;
            for (int i = 0; i < committed.size(); i++) {
                int index = i;
                holders = voters.values().stream()
                        .filter(v -> v.lastIndex() >= index
                                && java.util.Arrays.equals(v.log().get(index).value(), committed.get(index)))
                        .count();
                assertTrue(holders >= 2, "committed index " + index + " is held by " + holders + " voters");
            }
        }
    }

    @Test
    void committedIsNeverLostOrChangedWhateverTheNetworkDoes() {
        String fixed = System.getProperty("seed");
        long from = fixed == null ? 0 : Long.parseLong(fixed);
        long to = fixed == null ? 100 : from + 1;
        int committed = 0;
        for (long seed = from; seed < to; seed++) {
            try {
                World world = new World(seed, true);
                for (int i = 0; i < 1500; i++) {
                    world.step();
                    if (i % 50 == 0) {
                        world.check();
                    }
                }
                world.check();
                committed += world.committed.size();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
        assertTrue(committed > (to - from) * 5, "the simulation hardly commits anything: " + committed);
    }

    @Test
    void inAGoodNetworkOneControllerEndsUpLeadingAndCommits() {
        World world = new World(7, false);
        for (int i = 0; i < 3000; i++) {
            world.step();
        }
        assertTrue(world.committed.size() > 50, "committed " + world.committed.size());
        world.check();
    }
}

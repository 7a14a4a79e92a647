package io.troupe.controller;

import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How one node comes into the cluster, and never into a second one. Pure; times are monotonic milliseconds.
 *
 * <pre>
 * in each round, with what the voters answered in the last one:
 *   one of them is in a cluster                        join it
 *   a majority is up, none is in one, I am the lowest  ask them for their grant, one per voter and {@link #GRANT_MS}
 *   granted by a majority while all grants hold        form a cluster
 *   else                                               wait
 * </pre>
 *
 * <p>Two majorities share a voter, and it grants one of them, so at one time one node forms a cluster. A cut right after that may still leave
 * two, of which one has no majority: {@link #yields} tells its nodes to end and to join the other.
 */
final class Formation {
    /** How long a voter keeps its grant for one candidate. */
    static final long GRANT_MS = 3000;

    /** Rounds of the same picture before a cluster is formed without some voter, so that a slower one is heard first. */
    private static final int STABLE_ROUNDS = 2;

    /**
     * What a node says of itself.
     *
     * @param incarnation another one for each process of a node
     * @param voters the voter list as text, the same for the same list
     * @param clusterId of its log dirs or its cluster; empty when it has none yet
     * @param inCluster whether it is a member of a cluster
     * @param memberVoters ids of the voters that it can reach in that cluster, itself included
     * @param memberIncarnations of all nodes in that cluster that it knows
     */
    record Node(
            int nodeId,
            long incarnation,
            String voters,
            Optional<String> clusterId,
            boolean inCluster,
            List<Integer> memberVoters,
            List<Long> memberIncarnations) {}

    /** What to do now. */
    sealed interface Step {}

    record JoinNode(int nodeId) implements Step {}

    /** Make a cluster by joining oneself. */
    record FormCluster() implements Step {}

    record KeepWaiting(String forWhat) implements Step {}

    /** This node must not be in the cluster that the others are in, or want to form. */
    record Refuse(String reason) implements Step {}

    private final int nodeId;
    private final Set<Integer> voters;
    private final Map<Integer, Node> heard = new TreeMap<>();
    private final Map<Integer, String> contradictions = new TreeMap<>();
    private final Set<Integer> grants = new HashSet<>();
    private long round;
    private long roundBeganMs;
    private boolean claims;
    private Set<Integer> lastUp = Set.of();
    private int samePicture;
    private Integer grantedTo;
    private long grantedUntilMs;

    Formation(int nodeId, Collection<Integer> voters) {
        this.nodeId = nodeId;
        this.voters = new TreeSet<>(voters);
    }

    /** Number of the round under way; answers to earlier ones count for nothing. */
    long round() {
        return round;
    }

    /** Whether this node asks for grants in this round. */
    boolean claims() {
        return claims;
    }

    /** A candidate asks this node for its grant. @return whether it has it */
    boolean grant(int candidate, boolean inCluster, long nowMs) {
        boolean taken = grantedTo(nowMs).filter(id -> id != candidate).isPresent();
        if (inCluster || taken || !voters.contains(nodeId)) {
            return false;
        }
        grantedTo = candidate;
        grantedUntilMs = nowMs + GRANT_MS;
        return true;
    }

    /** Who has this node's grant now. */
    Optional<Integer> grantedTo(long nowMs) {
        return nowMs < grantedUntilMs ? Optional.ofNullable(grantedTo) : Optional.empty();
    }

    /** A voter's answer in this round. @return what is to be done at once, if anything */
    Optional<Step> answered(Node self, Node voter, long toRound, boolean granted, long nowMs) {
        if (!voters.contains(voter.nodeId()) || voter.nodeId() == nodeId || toRound != round) {
            return Optional.empty();
        }
        Optional<String> contradiction = contradiction(self, voter);
        if (contradiction.isPresent()) {
            contradictions.put(voter.nodeId(), contradiction.get());
            boolean outvoted = contradictions.size() >= majority();
            return voter.inCluster() || outvoted
                    ? Optional.of(new Refuse(String.join("; ", contradictions.values())))
                    : Optional.empty();
        }
        heard.put(voter.nodeId(), voter);
        if (voter.inCluster()) {
            return Optional.of(new JoinNode(voter.nodeId()));
        }
        if (granted) {
            grants.add(voter.nodeId());
        }
        return mayForm(nowMs);
    }

    /** Judges what the voters have answered since the last round, and begins the next one. */
    Step nextRound(Node self, long nowMs) {
        Set<Integer> up = new TreeSet<>(heard.keySet());
        if (voters.contains(nodeId)) {
            up.add(nodeId);
        }
        samePicture = up.equals(lastUp) ? samePicture + 1 : 1;
        lastUp = up;
        Step step = decide(nodeId, voters, heard.values(), up);
        boolean everyone = up.equals(voters);
        claims = step instanceof FormCluster && (everyone || samePicture >= STABLE_ROUNDS);
        List<String> disagreement = List.copyOf(contradictions.values());
        heard.clear();
        contradictions.clear();
        grants.clear();
        round++;
        roundBeganMs = nowMs;
        if (claims && grant(nodeId, self.inCluster(), nowMs)) {
            grants.add(nodeId);
        }
        if (step instanceof FormCluster) {
            return mayForm(nowMs).orElse(new KeepWaiting("a majority of the voters to let this node form the cluster"));
        }
        if (step instanceof KeepWaiting waiting && !disagreement.isEmpty()) {
            return new KeepWaiting(waiting.forWhat() + "; " + String.join("; ", disagreement));
        }
        return step;
    }

    private Optional<Step> mayForm(long nowMs) {
        if (!claims || grants.size() < majority() || nowMs - roundBeganMs >= GRANT_MS) {
            return Optional.empty();
        }
        claims = false;
        return Optional.of(new FormCluster());
    }

    /** The rule, without grants. @param up voters that are up and agree with this node */
    private static Step decide(int nodeId, Set<Integer> voters, Collection<Node> heard, Set<Integer> up) {
        for (Node node : heard) {
            if (node.inCluster()) {
                return new JoinNode(node.nodeId());
            }
        }
        int majority = voters.size() / 2 + 1;
        if (up.size() < majority) {
            Set<Integer> missing = new TreeSet<>(voters);
            missing.removeAll(up);
            return new KeepWaiting(
                    "a majority of the voters, " + majority + " of " + voters + ": not heard from " + missing + " yet");
        }
        int lowest = Collections.min(up);
        return lowest == nodeId
                ? new FormCluster()
                : new KeepWaiting("the cluster that voter " + lowest + " is about to form");
    }

    /** What a node and a voter must agree on. @return what they do not, in words for a person */
    static Optional<String> contradiction(Node self, Node voter) {
        if (!self.voters().equals(voter.voters())) {
            return Optional.of("controller.quorum.voters is " + self.voters() + " on this node, node " + self.nodeId()
                    + ", and " + voter.voters() + " on voter " + voter.nodeId()
                    + "; it must be the same on every node");
        }
        boolean otherCluster = self.clusterId().isPresent()
                && voter.clusterId().isPresent()
                && !self.clusterId().equals(voter.clusterId());
        if (otherCluster) {
            return Optional.of("the log dirs of this node, node " + self.nodeId() + ", belong to cluster "
                    + self.clusterId().get() + ", and voter " + voter.nodeId() + " to cluster "
                    + voter.clusterId().get()
                    + "; set log.dirs to the directories of that cluster, or controller.quorum.voters to the voters of"
                    + " this one");
        }
        return Optional.empty();
    }

    /**
     * Whether a node in a cluster must leave it for that of {@code voter}, which does not know it: the one with fewer voters yields, of two
     * equal ones that without the lowest.
     */
    static boolean yields(Node self, Node voter) {
        if (!self.inCluster()
                || !voter.inCluster()
                || voter.memberIncarnations().contains(self.incarnation())
                || contradiction(self, voter).isPresent()) {
            return false;
        }
        int mine = self.memberVoters().size();
        int theirs = voter.memberVoters().size();
        return theirs > mine || theirs == mine && lowest(voter) < lowest(self);
    }

    private static int lowest(Node node) {
        return node.memberVoters().stream().min(Integer::compare).orElse(Integer.MAX_VALUE);
    }

    private int majority() {
        return voters.size() / 2 + 1;
    }
}

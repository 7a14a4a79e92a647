package io.troupe.controller;

import io.troupe.config.BrokerConfig;
import io.troupe.config.Voter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;

/**
 * Brings this node into the cluster. Asks the voters' nodes who is in one: joins it; or, when a majority of voters is up
 * and none of them is in a cluster, the lowest of that majority forms one by joining itself. A voter that stands alone in
 * the voter list is its own majority, so it does so at once. Asks again every second, answers others for as long as it lives.
 */
public final class ClusterFormation extends AbstractBehavior<ClusterFormation.Command> {
    /** Name under which the guardian spawns it. */
    public static final String NAME = "cluster-formation";

    private static final String PATH = "/user/" + NAME;
    private static final Duration ROUND = Duration.ofSeconds(1);
    /** Rounds between two log lines that say what is waited for. */
    private static final int LOG_EVERY = 10;
    /** Rounds of the same picture before a cluster is formed, so that a slower lower voter is heard first. */
    private static final int STABLE_ROUNDS = 2;

    public sealed interface Command {}

    /** Who are you in a cluster with? */
    record Probe(ActorRef<Present> replyTo) implements Command, RemoteMessage {}

    /** @param inCluster whether the node is a member of a cluster */
    record Present(int nodeId, boolean inCluster) implements RemoteMessage {}

    private record Heard(Present present) implements Command {}

    private enum Round implements Command {
        ROUND
    }

    /** What to do now. */
    sealed interface Step {}

    record JoinNode(int nodeId) implements Step {}

    record KeepWaiting(String forWhat) implements Step {}

    private final BrokerConfig config;
    private final Cluster cluster;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Present> heard;
    private final Map<Integer, Boolean> present = new HashMap<>();
    private Step lastStep;
    private int sameSteps;
    private int rounds;

    private ClusterFormation(ActorContext<Command> context, TimerScheduler<Command> timers, BrokerConfig config) {
        super(context);
        context.setLoggerName(ClusterFormation.class);
        this.config = config;
        this.timers = timers;
        cluster = Cluster.get(context.getSystem());
        heard = context.messageAdapter(Present.class, Heard::new);
        if (config.isVoter()) {
            present.put(config.nodeId(), false);
        }
        step(decide(config.nodeId(), voterIds(), present));
        if (!inCluster()) {
            probe();
            timers.startTimerWithFixedDelay(Round.ROUND, ROUND);
        }
    }

    public static Behavior<Command> create(BrokerConfig config) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new ClusterFormation(context, timers, config)));
    }

    /**
     * The rule. Voters that hear different majorities (a one-way cut) may still form two clusters: harmless, the quorum has one controller.
     *
     * @param present voters heard from in this round, and whether they are in a cluster
     */
    static Step decide(int nodeId, Set<Integer> voters, Map<Integer, Boolean> present) {
        Optional<Integer> member = present.entrySet().stream()
                .filter(e -> e.getValue() && e.getKey() != nodeId)
                .map(Map.Entry::getKey)
                .min(Integer::compare);
        if (member.isPresent()) {
            return new JoinNode(member.get());
        }
        TreeSet<Integer> up = new TreeSet<>(present.keySet());
        up.retainAll(voters);
        int majority = voters.size() / 2 + 1;
        if (up.size() < majority) {
            TreeSet<Integer> missing = new TreeSet<>(voters);
            missing.removeAll(up);
            return new KeepWaiting(
                    "a majority of the voters, " + majority + " of " + voters + ": not heard from " + missing + " yet");
        }
        if (up.first() == nodeId) {
            return new JoinNode(nodeId);
        }
        return new KeepWaiting("voter " + up.first() + " to form the cluster");
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Probe.class, this::onProbe)
                .onMessage(Heard.class, this::onHeard)
                .onMessageEquals(Round.ROUND, this::onRound)
                .build();
    }

    private Behavior<Command> onProbe(Probe probe) {
        probe.replyTo().tell(new Present(config.nodeId(), inCluster()));
        return this;
    }

    private Behavior<Command> onHeard(Heard heard) {
        if (voterIds().contains(heard.present().nodeId())) {
            present.put(heard.present().nodeId(), heard.present().inCluster());
        }
        return this;
    }

    private Behavior<Command> onRound() {
        if (inCluster()) {
            timers.cancel(Round.ROUND);
            return this;
        }
        Step step = decide(config.nodeId(), voterIds(), present);
        sameSteps = step.equals(lastStep) ? sameSteps + 1 : 1;
        lastStep = step;
        boolean forms = step instanceof JoinNode join && join.nodeId() == config.nodeId();
        if (!forms || sameSteps >= STABLE_ROUNDS || present.size() == voterIds().size()) {
            step(step);
        }
        present.keySet().removeIf(id -> id != config.nodeId());
        probe();
        return this;
    }

    private void step(Step step) {
        if (step instanceof JoinNode join) {
            if (join.nodeId() != config.nodeId()) {
                getContext().getLog().info("Joining the cluster of voter {}", join.nodeId());
            }
            cluster.manager().tell(Join.create(addressOf(join.nodeId())));
        } else if (step instanceof KeepWaiting waiting && rounds++ % LOG_EVERY == 0) {
            getContext().getLog().info("Waiting for {}", waiting.forWhat());
        }
    }

    private void probe() {
        for (Voter voter : others()) {
            getContext()
                    .getSystem()
                    .classicSystem()
                    .actorSelection(addressOf(voter.nodeId()) + PATH)
                    .tell(new Probe(heard), org.apache.pekko.actor.ActorRef.noSender());
        }
    }

    private Address addressOf(int nodeId) {
        if (nodeId == config.nodeId()) {
            return cluster.selfMember().address();
        }
        return config.voters().stream()
                .filter(v -> v.nodeId() == nodeId)
                .map(v -> AddressFromURIString.parse(
                        "pekko://" + getContext().getSystem().name() + "@" + v.actorAddress()))
                .findFirst()
                .orElseThrow();
    }

    private List<Voter> others() {
        List<Voter> others = new ArrayList<>(config.voters());
        others.removeIf(v -> v.nodeId() == config.nodeId());
        return others;
    }

    private Set<Integer> voterIds() {
        Set<Integer> ids = new TreeSet<>();
        config.voters().forEach(v -> ids.add(v.nodeId()));
        return ids;
    }

    private boolean inCluster() {
        MemberStatus status = cluster.selfMember().status();
        return status == MemberStatus.up() || status == MemberStatus.weaklyUp() || status == MemberStatus.joining();
    }
}

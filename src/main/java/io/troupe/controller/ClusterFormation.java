package io.troupe.controller;

import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.Voter;
import io.troupe.controller.Formation.FormCluster;
import io.troupe.controller.Formation.JoinNode;
import io.troupe.controller.Formation.KeepWaiting;
import io.troupe.controller.Formation.Refuse;
import io.troupe.controller.Formation.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.eventstream.EventStream;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.remote.FailureDetectorRegistry;
import org.apache.pekko.remote.UniqueAddress;
import org.apache.pekko.remote.artery.QuarantinedEvent;
import org.apache.pekko.remote.artery.ThisActorSystemQuarantinedEvent;

/**
 * Brings this node into the cluster by {@link Formation}'s rule: asks the voters' nodes who is in one, joins it or forms one. Answers others
 * for as long as it lives. In a cluster it goes on asking those voters that are not with it, and says when this node must leave for theirs.
 * On a voter it takes members out of the cluster by {@link Removals}' rule, and holds a {@link Lifeline} to each, to know at once whose
 * process has ended. When its node stops it says once there is no majority left to wait for ({@link VotersHeard}).
 */
public final class ClusterFormation extends AbstractBehavior<ClusterFormation.Command> {
    /** Name under which the guardian spawns it. */
    public static final String NAME = "cluster-formation";

    private static final String PATH = "/user/" + NAME;
    private static final Duration ROUND = Duration.ofMillis(500);
    private static final Duration REVIEW = Duration.ofMillis(500);
    private static final Duration ASK = Duration.ofMillis(250);
    private static final Duration ROUND_IN_CLUSTER = Duration.ofSeconds(2);
    /** Rounds between two log lines that say what is waited for. */
    private static final int LOG_EVERY = 20;
    /** Rounds before the first one. */
    private static final int FIRST_LOG = 4;
    /** So long answers show two clusters before one yields: a member that is just joining is not known everywhere. */
    private static final Duration YIELD_AFTER = Duration.ofSeconds(10);

    public sealed interface Command {}

    /**
     * Who are you in a cluster with?
     *
     * @param claims whether the asking node wants the grant to form a cluster
     */
    record Probe(Formation.Node from, long round, boolean claims, ActorRef<Present> replyTo)
            implements Command, RemoteMessage {}

    /** The answer, to that round. */
    record Present(Formation.Node node, long round, boolean granted) implements RemoteMessage {}

    /** A voter says that the process of a member has ended. */
    record Gone(int voter, long incarnation) implements Command, RemoteMessage {}

    /** What becomes of this node; any thread may be told. */
    public interface Outcome {
        /** It may not be in this cluster: the process ends with the reason. */
        void refused(String reason);

        /** It must leave this cluster and join another as a new incarnation. */
        void rejoin(String reason);
    }

    /**
     * This node is to stop, and joins nobody any more.
     *
     * @param alone completed once no majority of the voters answers: nobody is left who could do for it what only they can
     */
    public record Stopping(CompletableFuture<Void> alone) implements Command {}

    private record Heard(Present present) implements Command {}

    /** A {@link Lifeline} has found nobody where that member was. */
    private record Lost(long incarnation) implements Command {}

    private record Quarantined(UniqueAddress by) implements Command {}

    private enum Round implements Command {
        ROUND,
        REVIEW,
        ASK
    }

    private final BrokerConfig config;
    private final Supplier<Optional<String>> clusterId;
    private final Outcome outcome;
    private final Cluster cluster;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Present> heard;
    private final Formation formation;
    private final Removals removals;
    /** What this node's own heartbeats say; the cluster's view is what the nodes have told each other of theirs. */
    private final FailureDetectorRegistry<Address> heartbeats;

    private final String voterList;
    /** Where the voters' nodes are, and who is there. */
    private final Map<Integer, Address> addresses = new HashMap<>();

    private final Map<Address, Integer> voterAt = new HashMap<>();
    /** On a voter, by incarnation of a member. */
    private final Map<Long, Lifeline> lifelines = new HashMap<>();

    /** By incarnation of a voter in another cluster, since when it was seen there. */
    private final Map<Long, Long> separate = new HashMap<>();

    private final Map<Integer, String> warned = new HashMap<>();
    private int rounds;
    private boolean joined;
    /** There is no way back from here, and others are to join: it counts as a member before the cluster's own actors have caught up. */
    private boolean formed;

    private boolean everMember;
    /** This node was told that it is out, and the process is about to end. */
    private boolean ended;
    /** Null until this node is to stop. */
    private VotersHeard stopping;

    private CompletableFuture<Void> alone;

    private ClusterFormation(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            BrokerConfig config,
            Supplier<Optional<String>> clusterId,
            Outcome outcome) {
        super(context);
        context.setLoggerName(ClusterFormation.class);
        this.config = config;
        this.clusterId = clusterId;
        this.outcome = outcome;
        this.timers = timers;
        cluster = Cluster.get(context.getSystem());
        heartbeats = org.apache.pekko.cluster.Cluster.get(context.getSystem().classicSystem())
                .failureDetector();
        heard = context.messageAdapter(Present.class, Heard::new);
        List<Integer> voters = config.voters().stream().map(Voter::nodeId).toList();
        formation = new Formation(config.nodeId(), voters);
        removals = new Removals(voters);
        voterList = voterList(config);
        for (Voter voter : config.voters()) {
            Address address = voter.nodeId() == config.nodeId()
                    ? cluster.selfMember().address()
                    : AddressFromURIString.parse(
                            "pekko://" + context.getSystem().name() + "@" + voter.actorAddress());
            addresses.put(voter.nodeId(), address);
            voterAt.putIfAbsent(address, voter.nodeId());
        }
        context.getSystem()
                .eventStream()
                .tell(new EventStream.Subscribe<>(
                        ThisActorSystemQuarantinedEvent.class,
                        context.messageAdapter(
                                ThisActorSystemQuarantinedEvent.class, e -> new Quarantined(e.remoteAddress()))));
        if (voters.contains(config.nodeId())) {
            timers.startTimerWithFixedDelay(Round.REVIEW, REVIEW);
        }
        onRound();
    }

    /** @param clusterId of this node's log dirs, or of the cluster it is in; for any thread */
    public static Behavior<Command> create(BrokerConfig config, Supplier<Optional<String>> clusterId, Outcome outcome) {
        return Behaviors.setup(context ->
                Behaviors.withTimers(timers -> new ClusterFormation(context, timers, config, clusterId, outcome)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Probe.class, this::onProbe)
                .onMessage(Heard.class, this::onHeard)
                .onMessage(Lost.class, this::onLost)
                .onMessage(Gone.class, this::onGone)
                .onMessage(Stopping.class, this::onStopping)
                .onSignal(PostStop.class, signal -> onPostStop())
                .onMessage(Quarantined.class, this::onQuarantined)
                .onMessageEquals(Round.ROUND, this::onRound)
                .onMessageEquals(Round.REVIEW, this::onReview)
                .onMessageEquals(Round.ASK, this::onAsk)
                .build();
    }

    private Behavior<Command> onProbe(Probe probe) {
        Formation.Node self = self();
        if (ended || joined && !self.inCluster()) {
            // Leaving: no node of whose help another one may still be sure.
            return this;
        }
        Optional<String> contradiction = Formation.contradiction(probe.from(), self);
        boolean outside = !probe.from().inCluster()
                && !self.memberIncarnations().contains(probe.from().incarnation());
        if (outside && contradiction.isEmpty()) {
            removals.asksToJoin(probe.from().nodeId(), nowMs());
        }
        contradiction
                .filter(reason -> !reason.equals(warned.put(probe.from().nodeId(), reason)))
                .ifPresent(reason -> getContext()
                        .getLog()
                        .warn(
                                "Node {} does not belong to this cluster: {}",
                                probe.from().nodeId(),
                                reason));
        boolean granted = probe.claims()
                && contradiction.isEmpty()
                && formation.grant(probe.from().nodeId(), self.inCluster(), nowMs());
        probe.replyTo().tell(new Present(self, probe.round(), granted));
        return this;
    }

    private Behavior<Command> onHeard(Heard heard) {
        Present present = heard.present();
        if (stopping != null) {
            stopping.heard(present.node().nodeId());
            return this;
        }
        Formation.Node self = self();
        if (joined || self.inCluster()) {
            checkSeparate(self, present.node());
        } else {
            formation
                    .answered(self, present.node(), present.round(), present.granted(), nowMs())
                    .ifPresent(this::take);
        }
        return this;
    }

    private void checkSeparate(Formation.Node self, Formation.Node voter) {
        if (!Formation.yields(self, voter)) {
            separate.remove(voter.incarnation());
            return;
        }
        // By time, not by answers: those to the questions of a whole outage may come at once, from a voter that has
        // joined this cluster and of which this node has not heard yet.
        long since = separate.computeIfAbsent(voter.incarnation(), first -> nowMs());
        if (nowMs() - since >= YIELD_AFTER.toMillis()) {
            rejoin("voter " + voter.nodeId() + " is in a cluster with voters " + voter.memberVoters()
                    + ", this node in another one with voters " + self.memberVoters()
                    + "; it joins that of the others");
        }
    }

    private Behavior<Command> onRound() {
        joined |= inCluster();
        if (joined) {
            probe(votersElsewhere());
            timers.startSingleTimer(Round.ROUND, ROUND_IN_CLUSTER);
        } else {
            take(formation.nextRound(self(), nowMs()));
            probe(others());
            timers.startSingleTimer(Round.ROUND, ROUND);
        }
        return this;
    }

    private Behavior<Command> onReview() {
        if (ended || !inCluster()) {
            // Whom others took out sees nobody, and is not the one to say who goes.
            return this;
        }
        Map<Long, Member> away = new HashMap<>();
        Set<Long> heard = new HashSet<>();
        for (Member member : cluster.state().getUnreachable()) {
            away.put(member.uniqueAddress().longUid(), member);
            if (heartbeats.isMonitoring(member.address()) && heartbeats.isAvailable(member.address())) {
                heard.add(member.uniqueAddress().longUid());
            }
        }
        for (long incarnation : removals.review(Set.copyOf(self().memberVoters()), away.keySet(), heard, nowMs())) {
            Member member = away.get(incarnation);
            if (member.status() != MemberStatus.down()) {
                getContext()
                        .getLog()
                        .warn("Taking {} out of the cluster: a majority of the voters is without it", member.address());
                cluster.manager().tell(new Down(member.address()));
            }
        }
        cluster.state().getMembers().forEach(this::endIfTakenOut);
        holdLifelines();
        return this;
    }

    private void holdLifelines() {
        Set<Long> others = new HashSet<>();
        for (Member member : cluster.state().getMembers()) {
            long incarnation = member.uniqueAddress().longUid();
            if (serves(member) && !member.address().equals(cluster.selfMember().address())) {
                others.add(incarnation);
                lifelines.computeIfAbsent(incarnation, key -> lifeline(member.address(), key));
            }
        }
        lifelines.entrySet().removeIf(line -> {
            boolean over = !others.contains(line.getKey());
            if (over) {
                line.getValue().close();
            }
            return over;
        });
    }

    /** Once it is exiting it goes by itself, and is not in the way. */
    private static boolean serves(Member member) {
        return member.status() == MemberStatus.up()
                || member.status() == MemberStatus.weaklyUp()
                || member.status() == MemberStatus.leaving();
    }

    private Lifeline lifeline(Address address, long incarnation) {
        ActorRef<Command> self = getContext().getSelf();
        HostPort port =
                new HostPort(address.getHost().orElseThrow(), address.getPort().orElseThrow());
        Lifeline line = new Lifeline(port, () -> self.tell(new Lost(incarnation)));
        line.start();
        return line;
    }

    private Behavior<Command> onLost(Lost lost) {
        Gone gone = new Gone(config.nodeId(), lost.incarnation());
        others().forEach(voter -> tell(voter.nodeId(), gone));
        return onGone(gone);
    }

    private Behavior<Command> onGone(Gone gone) {
        if (removals.saysGone(gone.voter(), gone.incarnation(), nowMs()) && inCluster() && !ended) {
            cluster.state().getMembers().forEach(member -> {
                if (member.uniqueAddress().longUid() == gone.incarnation() && serves(member)) {
                    getContext().getLog().warn("Taking {} out of the cluster: its process has ended", member.address());
                    cluster.manager().tell(new Down(member.address()));
                }
            });
        }
        return this;
    }

    private Behavior<Command> onStopping(Stopping stop) {
        List<Integer> voters = config.voters().stream().map(Voter::nodeId).toList();
        stopping = new VotersHeard(voters, config.nodeId(), self().memberVoters(), nowMs());
        alone = stop.alone();
        timers.cancel(Round.ROUND);
        timers.startTimerWithFixedDelay(Round.ASK, Duration.ZERO, ASK);
        return this;
    }

    private Behavior<Command> onAsk() {
        if (stopping.review(nowMs())) {
            // As a member, though it may be none any more: it is not to be counted among those that wait to join.
            Formation.Node self = new Formation.Node(
                    config.nodeId(),
                    cluster.selfMember().uniqueAddress().longUid(),
                    voterList,
                    clusterId.get(),
                    true,
                    List.of(),
                    List.of());
            Probe probe = new Probe(self, formation.round(), false, heard);
            others().forEach(voter -> tell(voter.nodeId(), probe));
        } else {
            timers.cancel(Round.ASK);
            alone.complete(null);
        }
        return this;
    }

    private Behavior<Command> onPostStop() {
        lifelines.values().forEach(Lifeline::close);
        lifelines.clear();
        return this;
    }

    /**
     * Who is taken out leaves the list of members only once it is unreachable, and until then it is the oldest, which has the controller.
     * One that came back just then would stay for as long as it answers heartbeats; this says that it is no more.
     */
    private void endIfTakenOut(Member member) {
        if (member.status() == MemberStatus.down()
                && !cluster.state().getUnreachable().contains(member)) {
            getContext()
                    .getSystem()
                    .classicSystem()
                    .eventStream()
                    .publish(new QuarantinedEvent(new UniqueAddress(
                            member.address(), member.uniqueAddress().longUid())));
        }
    }

    /** Another node hears this process no more, for it was taken out of the cluster and does not know it. */
    private Behavior<Command> onQuarantined(Quarantined quarantined) {
        UniqueAddress by = quarantined.by();
        for (Member member : cluster.state().getMembers()) {
            if (member.address().equals(by.address()) && member.uniqueAddress().longUid() == by.uid()) {
                rejoin("the cluster went on without this node: " + by.address()
                        + " took it out; it rejoins as a new incarnation");
            }
        }
        return this;
    }

    private void rejoin(String reason) {
        if (!ended) {
            ended = true;
            outcome.rejoin(reason);
        }
    }

    private void take(Step step) {
        if (step instanceof JoinNode join) {
            getContext().getLog().debug("Joining the cluster of voter {}", join.nodeId());
            cluster.manager().tell(Join.create(addresses.get(join.nodeId())));
        } else if (step instanceof FormCluster) {
            getContext().getLog().info("Forming the cluster of the voters {}", voterList);
            formed = true;
            cluster.manager().tell(Join.create(cluster.selfMember().address()));
        } else if (step instanceof Refuse refuse) {
            outcome.refused(refuse.reason());
        } else if (step instanceof KeepWaiting waiting && rounds++ % LOG_EVERY == FIRST_LOG) {
            getContext().getLog().info("Waiting for {}", waiting.forWhat());
        }
    }

    private void probe(List<Voter> voters) {
        if (voters.isEmpty()) {
            return;
        }
        Probe probe = new Probe(self(), formation.round(), formation.claims(), heard);
        voters.forEach(voter -> tell(voter.nodeId(), probe));
    }

    private void tell(int voter, Command message) {
        getContext()
                .getSystem()
                .classicSystem()
                .actorSelection(addresses.get(voter) + PATH)
                .tell(message, org.apache.pekko.actor.ActorRef.noSender());
    }

    private Formation.Node self() {
        boolean member = inCluster();
        List<Integer> voters = new ArrayList<>();
        List<Long> incarnations = new ArrayList<>();
        if (member) {
            Set<Member> unreachable = cluster.state().getUnreachable();
            for (Member other : cluster.state().getMembers()) {
                incarnations.add(other.uniqueAddress().longUid());
                if (!unreachable.contains(other)) {
                    addVoterAt(other.address(), voters);
                }
            }
            if (incarnations.isEmpty()) {
                incarnations.add(cluster.selfMember().uniqueAddress().longUid());
                addVoterAt(cluster.selfMember().address(), voters);
            }
        }
        return new Formation.Node(
                config.nodeId(),
                cluster.selfMember().uniqueAddress().longUid(),
                voterList,
                clusterId.get(),
                member,
                voters,
                incarnations);
    }

    private void addVoterAt(Address address, List<Integer> voters) {
        Integer voter = voterAt.get(address);
        if (voter != null) {
            voters.add(voter);
        }
    }

    private List<Voter> others() {
        List<Voter> others = new ArrayList<>(config.voters());
        others.removeIf(v -> v.nodeId() == config.nodeId());
        return others;
    }

    /** Voters that are not reachable members of this node's cluster. */
    private List<Voter> votersElsewhere() {
        List<Integer> here = self().memberVoters();
        List<Voter> elsewhere = others();
        elsewhere.removeIf(v -> here.contains(v.nodeId()));
        return elsewhere;
    }

    /** The same text for the same list, whatever its order. A lone node that listens on any port has none to name. */
    private static String voterList(BrokerConfig config) {
        Map<Integer, String> sorted = new TreeMap<>();
        config.voters().forEach(v -> sorted.put(v.nodeId(), v.toString()));
        return sorted.values().stream().collect(Collectors.joining(","));
    }

    private boolean inCluster() {
        MemberStatus status = cluster.selfMember().status();
        boolean member =
                status == MemberStatus.up() || status == MemberStatus.weaklyUp() || status == MemberStatus.joining();
        everMember |= member;
        return member || formed && !everMember;
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }
}

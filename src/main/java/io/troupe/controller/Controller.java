package io.troupe.controller;

import io.troupe.config.LeaderBalanceConfig;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The cluster's controller: a singleton on the voters, harmless when there are two (SAFETY 2).
 *
 * <p>Claims the metadata quorum, adopts the greatest log, and then serves commands: decide on the image, append, and, once a
 * majority has it: apply, reply, publish. Commands are decided one after the other on the image as it will be, so that many
 * may be under way to the voters at once. An answer that changes nothing is held until a majority has confirmed that
 * this controller still leads (2.8), but for the one to a heartbeat of a broker that stays, on which nobody decides anything:
 * three brokers' heartbeats would ask the voters four times a second. Deposed, it drops all it knows, leaves its commands
 * unanswered and claims again higher.
 */
public final class Controller extends AbstractBehavior<Controller.Command> {
    /** Commands held while there is no leadership yet, and those remembered by id afterwards. */
    private static final int MAX_WAITING = 1000;

    private static final int MAX_REMEMBERED = 10_000;
    private static final Duration TICK = Duration.ofMillis(250);
    /** Ticks between two questions to the voters whether this controller still leads, when nobody else makes it ask. */
    private static final int CONFIRM_EVERY = 4;
    /** Ticks between two log lines that say what a claim waits for. */
    private static final int LOG_EVERY = 40;
    /** Entries of the log that are kept in memory, once or twice, before they are only an image. */
    private static final int KEPT_ENTRIES = Followers.MAX_EVENTS_BEHIND;

    public sealed interface Command {}

    /** @param commandId unique to the command, the same when it is sent again */
    record Execute(String commandId, ControllerCommand command, ActorRef<Answer> replyTo)
            implements Command, RemoteMessage {}

    /** @param index metadata index that the answer rests on */
    record Answer(String commandId, long index, ControllerReply reply) implements RemoteMessage {}

    /** Send everything after {@code appliedIndex}, and whatever is committed from now on. */
    record Follow(int nodeId, long appliedIndex, ActorRef<Publication> follower) implements Command, RemoteMessage {}

    /** The singleton is to end: a hand-over, or the node is leaving. */
    enum Stop implements Command {
        STOP
    }

    private enum Tick implements Command {
        TICK,
        CLAIM
    }

    private record VoterReplied(Quorum.Reply reply) implements Command {}

    private record FollowerGone(int nodeId, ActorRef<Publication> follower) implements Command {}

    /** Commands by id: under way, or answered lately. */
    private static final class Remembered {
        ActorRef<Answer> replyTo;
        Answer answer;
        /** Its answer is committed with what it did, for a retry that comes to the next controller. */
        boolean recorded;
    }

    /** An answer that waits for its index to be committed and, with a barrier, for a majority to confirm. */
    private record Pending(Remembered command, Answer answer, long barrier) {}

    /**
     * What a controller is made of.
     *
     * @param toVoter sends a message to the voter with that node id
     * @param brokersInCluster tells whose nodes are members
     * @param knownRound of the last controller that this node has heard of, 0 for none: a claim above it is seldom refused
     */
    record Parts(
            int nodeId,
            Set<Integer> voters,
            Optional<String> clusterId,
            ControllerSettings settings,
            BiConsumer<Integer, MetadataVoter.Ask> toVoter,
            Supplier<Set<Integer>> brokersInCluster,
            IntSupplier knownRound,
            LongSupplier nowMs,
            ControllerStats stats) {}

    private final Parts parts;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Quorum.Reply> voterReplies;
    private final TopicDecisions topics;
    private final BrokerDecisions brokers;
    private final ReassignmentDecisions reassignments;
    private final LeaderDecisions leaders;
    private final RecoveryElections recovery;
    private final ArrayDeque<Execute> waiting = new ArrayDeque<>();
    private final QuorumView view;
    private QuorumLeader quorum;
    private Followers followers;
    private Sessions sessions;
    /** With everything committed: what may be told. */
    private MetadataImage committed;
    /** With everything appended: what is decided on. */
    private MetadataImage drafted;

    private ArrayDeque<Pending> pending;
    private Map<String, Remembered> remembered;
    private boolean serving;
    /** When leaderships were balanced last. */
    private long balancedMs;
    /** What the log is to begin with once followers have had time to come past it. */
    private MetadataImage nextBase;

    private Epoch nextBaseEpoch;
    private int ticksClaiming;
    private int ticksServing;

    private Controller(ActorContext<Command> context, TimerScheduler<Command> timers, Parts parts) {
        super(context);
        context.setLoggerName(Controller.class);
        this.parts = parts;
        this.timers = timers;
        voterReplies = context.messageAdapter(Quorum.Reply.class, VoterReplied::new);
        topics = new TopicDecisions(parts.settings(), Uuid::randomUuid);
        brokers = new BrokerDecisions(parts.settings());
        Elections elections = new Elections(parts.settings());
        reassignments = new ReassignmentDecisions(elections);
        leaders = new LeaderDecisions(elections);
        recovery = new RecoveryElections(elections);
        view = new QuorumView(parts.nodeId(), parts.voters());
        timers.startTimerWithFixedDelay(Tick.TICK, TICK);
        claim(parts.knownRound().getAsInt() + 1);
    }

    static Behavior<Command> create(Parts parts) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> new Controller(context, timers, parts)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Execute.class, this::onExecute)
                .onMessage(Follow.class, this::onFollow)
                .onMessage(VoterReplied.class, this::onVoterReplied)
                .onMessage(FollowerGone.class, this::onFollowerGone)
                .onMessageEquals(Tick.TICK, this::onTick)
                .onMessageEquals(Tick.CLAIM, this::onClaim)
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .build();
    }

    private void claim(int round) {
        quorum = new QuorumLeader(new Epoch(round, parts.nodeId()), parts.voters(), parts.clusterId());
        followers = new Followers();
        committed = MetadataImage.empty();
        drafted = committed;
        pending = new ArrayDeque<>();
        remembered = new LinkedHashMap<>();
        nextBase = null;
        ticksClaiming = 0;
        serving = false;
        flush();
    }

    private Behavior<Command> onClaim() {
        claim(quorum.rival().round() + 1);
        return this;
    }

    private Behavior<Command> onExecute(Execute execute) {
        if (!serving) {
            if (waiting.size() < MAX_WAITING) {
                waiting.add(execute);
            } else {
                refuse(execute, Errors.NOT_CONTROLLER, "The controller is not serving yet.");
            }
            return this;
        }
        execute(execute);
        advance();
        return this;
    }

    private void execute(Execute execute) {
        Remembered known = remembered.get(execute.commandId());
        if (known != null) {
            known.replyTo = execute.replyTo();
            if (known.answer != null) {
                known.replyTo.tell(known.answer);
            }
            return;
        }
        if (pending.size() >= MAX_REMEMBERED) {
            refuse(execute, Errors.NOT_CONTROLLER, "The controller has " + pending.size() + " commands under way.");
            return;
        }
        Decision decision = decide(execute.command());
        Remembered command = new Remembered();
        command.replyTo = execute.replyTo();
        command.recorded = !(execute.command() instanceof ControllerCommand.RegisterBroker
                || execute.command() instanceof ControllerCommand.BrokerHeartbeat
                || execute.command() instanceof ControllerCommand.AlterPartition
                || execute.command() instanceof ControllerCommand.FailLogs);
        remember(execute.commandId(), command);
        // Who leaves goes when it is told that its leaderships have moved, which must be committed then.
        boolean heard = execute.command() instanceof ControllerCommand.BrokerHeartbeat beat
                && !beat.wantShutdown()
                && decision.reply() == ControllerReply.Done.DONE;
        commit(decision, execute.commandId(), command, !heard);
    }

    private Decision decide(ControllerCommand command) {
        long nowMs = parts.nowMs().getAsLong();
        try {
            if (command instanceof ControllerCommand.CreateTopics c) {
                return topics.create(drafted, c);
            } else if (command instanceof ControllerCommand.DeleteTopics c) {
                return topics.delete(drafted, c);
            } else if (command instanceof ControllerCommand.CreatePartitions c) {
                return PartitionDecisions.create(drafted, c);
            } else if (command instanceof ControllerCommand.AlterTopicConfigs c) {
                return topics.alterConfigs(drafted, c);
            } else if (command instanceof ControllerCommand.AlterBrokerConfigs c) {
                return ConfigDecisions.alter(drafted, c);
            } else if (command instanceof ControllerCommand.AlterGroupConfigs c) {
                return ConfigDecisions.alter(drafted, c, parts.settings().consumerGroups());
            } else if (command instanceof ControllerCommand.RegisterBroker c) {
                Decision decision = brokers.register(
                        drafted,
                        c,
                        sessions.otherLive(c.brokerId(), c.incarnationId(), nowMs),
                        sessions.isRegistered(c.brokerId(), c.incarnationId()));
                if (decision.reply() instanceof ControllerReply.Registered) {
                    sessions.registered(c.brokerId(), c.incarnationId(), nowMs);
                }
                return decision;
            } else if (command instanceof ControllerCommand.BrokerHeartbeat c) {
                Decision decision = brokers.heartbeat(drafted, c);
                if (decision.reply() == ControllerReply.Done.DONE) {
                    sessions.heard(c.brokerId(), nowMs);
                }
                return decision;
            } else if (command instanceof ControllerCommand.AlterPartition c) {
                return brokers.alterPartition(drafted, c);
            } else if (command instanceof ControllerCommand.DescribeQuorum) {
                return new Draft(drafted).reply(view.describe(quorum, followers));
            } else if (command instanceof ControllerCommand.AllocateProducerIds c) {
                return brokers.allocateProducerIds(drafted, c);
            } else if (command instanceof ControllerCommand.AlterReassignments c) {
                return reassignments.alter(drafted, c);
            } else if (command instanceof ControllerCommand.ElectLeaders c) {
                return leaders.elect(drafted, c);
            } else if (command instanceof ControllerCommand.ReportLogs c) {
                return recovery.report(drafted, c);
            } else if (command instanceof ControllerCommand.FailLogs c) {
                return brokers.failLogs(drafted, c);
            } else if (command instanceof ControllerCommand.UnregisterBroker c) {
                return brokers.unregister(drafted, c);
            }
            throw new IllegalStateException("unknown command");
        } catch (RuntimeException e) {
            // A command that no decision foresaw must not take the controller down with it, again and again.
            getContext().getLog().error("Deciding {} failed", command, e);
            return Decision.refused(drafted, Errors.UNKNOWN_SERVER_ERROR, "The controller failed on this: " + e);
        }
    }

    /** What this controller does unasked. */
    private void commit(Decision decision) {
        commit(decision, null, null, true);
    }

    /**
     * @param command null when nobody waits for the answer
     * @param confirmed whether an answer that changes nothing needs a majority's word
     */
    private void commit(Decision decision, String commandId, Remembered command, boolean confirmed) {
        reportRisks(decision);
        long barrier = 0;
        if (decision.events().isEmpty()) {
            barrier = confirmed ? quorum.barrier() : 0;
        } else {
            List<MetadataEvent> events = new ArrayList<>(decision.events());
            drafted = decision.image();
            if (command != null && command.recorded) {
                MetadataEvent done =
                        new MetadataEvent.CommandAnswered(commandId, CommandCodec.encode(decision.reply()));
                drafted = drafted.apply(drafted.index() + 1, done);
                events.add(done);
            }
            quorum.propose(events.stream().map(MetadataCodec::encode).toList());
        }
        if (command != null) {
            pending.add(new Pending(command, new Answer(commandId, drafted.index(), decision.reply()), barrier));
        }
    }

    private void remember(String commandId, Remembered command) {
        remembered.put(commandId, command);
        Iterator<Remembered> oldest = remembered.values().iterator();
        while (remembered.size() > MAX_REMEMBERED && oldest.hasNext()) {
            if (oldest.next().answer != null) {
                oldest.remove();
            }
        }
    }

    private Behavior<Command> onVoterReplied(VoterReplied replied) {
        quorum.receive(replied.reply());
        view.heard(replied.reply().voter(), quorum);
        advance();
        return this;
    }

    /** Goes on from wherever the quorum is now. */
    private void advance() {
        switch (quorum.phase()) {
            case DEPOSED -> onDeposed();
            case ADOPTED -> onAdopted();
            case LEADING -> {
                applyCommitted();
                flush();
            }
            default -> flush();
        }
    }

    private void onDeposed() {
        if (timers.isTimerActive(Tick.CLAIM)) {
            return;
        }
        if (serving) {
            getContext()
                    .getLog()
                    .warn("Controller epoch {} has ended: the voters follow {}", quorum.epoch(), quorum.rival());
        }
        serving = false;
        // At once when the rival is an earlier incarnation of this node, or only a log that it left behind; else at
        // random, so that two rivals do not chase each other.
        if (quorum.rival().nodeId() == parts.nodeId() || !quorum.rival().newerThan(quorum.epoch())) {
            onClaim();
        } else {
            long pauseMs = ThreadLocalRandom.current().nextLong(100, 1000);
            timers.startSingleTimer(Tick.CLAIM, Duration.ofMillis(pauseMs));
        }
    }

    private void onAdopted() {
        if (quorum.base().index() >= 0) {
            committed = MetadataCodec.decodeImage(quorum.base().image());
        }
        drafted = committed;
        while (drafted.index() < quorum.lastIndex()) {
            long next = drafted.index() + 1;
            MetadataEvent event = MetadataCodec.decode(quorum.entry(next).value());
            drafted = drafted.apply(next, event);
            if (event instanceof MetadataEvent.CommandAnswered e) {
                Remembered done = new Remembered();
                done.answer = new Answer(e.commandId(), next, CommandCodec.decodeReply(e.reply()));
                remember(e.commandId(), done);
            }
        }
        String clusterId = drafted.clusterId() != null
                ? drafted.clusterId()
                : parts.clusterId().orElseGet(() -> Uuid.randomUuid().toString());
        MetadataEvent noOp = new MetadataEvent.ControllerElected(
                parts.nodeId(), quorum.epoch().round(), clusterId);
        quorum.lead(MetadataCodec.encode(noOp), drafted.voters());
        drafted = drafted.apply(drafted.index() + 1, noOp);
        advance();
    }

    private void applyCommitted() {
        boolean advanced = false;
        while (committed.index() < quorum.commitIndex()) {
            long next = committed.index() + 1;
            MetadataEvent event = MetadataCodec.decode(quorum.entry(next).value());
            committed = committed.apply(next, event);
            if (event instanceof MetadataEvent.VoterAdmitted e) {
                if (serving) {
                    getContext().getLog().info("Voter {} counts, with disk {}", e.nodeId(), e.diskId());
                }
                quorum.admitted(e.nodeId(), e.diskId());
            }
            advanced = true;
        }
        if (quorum.commitIndex() >= 0 && !serving) {
            serve();
        }
        while (!pending.isEmpty()
                && pending.peek().answer().index() <= committed.index()
                && (pending.peek().barrier() == 0
                        || quorum.confirmed(pending.peek().barrier()))) {
            Pending done = pending.poll();
            done.command().answer = done.answer();
            done.command().replyTo.tell(done.answer());
        }
        if (advanced) {
            followers.publish(quorum, committed);
            compact();
        }
        if (serving) {
            admitVoters();
        }
    }

    /** SAFETY 2.9: a voter on a new disk counts once it has what is committed, and this is committed. */
    private void admitVoters() {
        quorum.toAdmit(drafted.voters()).forEach((voter, disk) -> {
            Draft draft = new Draft(drafted);
            draft.emit(new MetadataEvent.VoterAdmitted(voter, disk));
            commit(draft.reply(ControllerReply.Done.DONE));
        });
    }

    private void compact() {
        if (nextBase == null && committed.index() - quorum.base().index() >= KEPT_ENTRIES) {
            nextBase = committed;
            nextBaseEpoch = quorum.entry(committed.index()).epoch();
        } else if (nextBase != null && committed.index() - nextBase.index() >= KEPT_ENTRIES) {
            quorum.compact(new Quorum.Base(nextBase.index(), nextBaseEpoch, MetadataCodec.encodeImage(nextBase)));
            nextBase = null;
        }
    }

    private void serve() {
        serving = true;
        // Brokers that come back with this controller catch up first.
        balancedMs = parts.nowMs().getAsLong();
        sessions = new Sessions(
                parts.settings().brokerSessionTimeoutMs(), parts.nowMs().getAsLong());
        getContext()
                .getLog()
                .info(
                        "Controller of cluster {} is node {}, epoch {}, metadata index {}",
                        committed.clusterId(),
                        parts.nodeId(),
                        quorum.epoch(),
                        committed.index());
        fenceTheRemoved();
        while (!waiting.isEmpty()) {
            execute(waiting.poll());
        }
    }

    /** Those whose node was removed from the cluster while there was no controller, as the one before often was. */
    private void fenceTheRemoved() {
        Set<Integer> present = parts.brokersInCluster().get();
        drafted.brokers().stream()
                .filter(b -> !b.fenced() && !present.contains(b.brokerId()))
                .toList()
                .forEach(b -> fence(b, "its node is not in the cluster"));
    }

    private Behavior<Command> onFollow(Follow follow) {
        if (followers.follow(follow.nodeId(), follow.appliedIndex(), follow.follower())) {
            getContext().watchWith(follow.follower(), new FollowerGone(follow.nodeId(), follow.follower()));
        }
        if (serving) {
            followers.publish(quorum, committed);
        }
        return this;
    }

    /** The broker's process, or its node, is gone for certain: no need to wait for its session to time out. */
    private Behavior<Command> onFollowerGone(FollowerGone gone) {
        if (gone.nodeId() == parts.nodeId() && nodeEnds()) {
            // And its controller with it: what becomes of its broker the next one says.
            return this;
        }
        if (followers.gone(gone.nodeId(), gone.follower()) && serving) {
            sessions.ended(gone.nodeId());
            drafted.broker(gone.nodeId()).ifPresent(b -> fence(b, "its node has left"));
            advance();
        }
        return this;
    }

    private boolean nodeEnds() {
        return ((ExtendedActorSystem) getContext().getSystem().classicSystem()).isTerminating();
    }

    private Behavior<Command> onTick() {
        quorum.tick();
        if (quorum.phase() == QuorumLeader.Phase.CLAIMING && ++ticksClaiming % LOG_EVERY == 0) {
            getContext().getLog().info("No metadata quorum for epoch {}: {}", quorum.epoch(), quorum.awaited());
        }
        if (serving && quorum.phase() == QuorumLeader.Phase.LEADING) {
            sessions.expired(drafted, parts.nowMs().getAsLong())
                    .forEach(b -> fence(
                            b,
                            "it has not been heard from for " + parts.settings().brokerSessionTimeoutMs() + " ms"));
            balanceLeaders();
            if (++ticksServing % CONFIRM_EVERY == 0) {
                quorum.barrier();
            }
        }
        advance();
        return this;
    }

    /** Leaderships go back to preferred replicas, now and then. */
    private void balanceLeaders() {
        LeaderBalanceConfig balance = parts.settings().leaderBalance();
        long nowMs = parts.nowMs().getAsLong();
        if (!balance.enabled() || nowMs - balancedMs < balance.checkIntervalMs()) {
            return;
        }
        balancedMs = nowMs;
        Decision decision = leaders.balance(drafted, balance.perBrokerPercentage());
        if (!decision.events().isEmpty()) {
            getContext()
                    .getLog()
                    .info(
                            "Preferred replicas lead again: {} topics",
                            decision.events().size());
            commit(decision);
        }
    }

    private void fence(BrokerImage broker, String why) {
        Decision decision = brokers.fence(drafted, broker.brokerId(), broker.brokerEpoch());
        if (!decision.events().isEmpty()) {
            if (broker.inControlledShutdown()) {
                getContext().getLog().info("Broker {} has stopped in order: {}", broker.brokerId(), why);
            } else {
                getContext().getLog().warn("Fencing broker {}: {}", broker.brokerId(), why);
            }
            commit(decision);
        }
    }

    /** 1.11: an election from beyond ISR and ELR is told to a person. */
    private void reportRisks(Decision decision) {
        for (MetadataEvent event : decision.events()) {
            if (event instanceof MetadataEvent.PartitionsChanged e) {
                drafted.topic(e.topicId()).ifPresent(old -> e.partitions().stream()
                        .filter(p -> p.partition() < old.partitions().size()) // not just added
                        .filter(p -> Elections.risky(old.partitions().get(p.partition()), p))
                        .forEach(p -> reportRisk(old, p)));
            }
        }
    }

    private void reportRisk(TopicImage topic, PartitionImage p) {
        PartitionImage before = topic.partitions().get(p.partition());
        boolean recovered =
                before.lastKnown().contains(p.leader()) && before.lastKnown().size() == 1
                        || before.asksForLogs() && !p.lastKnown().isEmpty();
        if (recovered) {
            parts.stats().recoveryElection();
        } else {
            parts.stats().uncleanElection();
        }
        getContext()
                .getLog()
                .warn(
                        "{}: {}-{} is led by {} from leader epoch {} on. Neither in-sync nor eligible replicas were left: {}",
                        recovered ? "Recovery election" : "UNCLEAN ELECTION",
                        topic.name(),
                        p.partition(),
                        p.leader(),
                        p.leaderEpoch(),
                        recovered
                                ? "it has the longest log of those last known to be complete; what a power cut took from"
                                        + " all of them is lost"
                                : "what only other replicas hold is lost");
    }

    private void refuse(Execute execute, Errors error, String message) {
        execute.replyTo()
                .tell(new Answer(execute.commandId(), -1, new ControllerReply.Refused(new Refusal(error, message))));
    }

    private void flush() {
        for (QuorumLeader.Outgoing out : quorum.takeOutbox()) {
            parts.toVoter().accept(out.voter(), new MetadataVoter.Ask(out.request(), voterReplies));
        }
    }
}

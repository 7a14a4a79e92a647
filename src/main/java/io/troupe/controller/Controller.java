package io.troupe.controller;

import io.troupe.config.LeaderBalanceConfig;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
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
    /** Commands held while there is no leadership yet. */
    private static final int MAX_WAITING = 1000;

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

    /** An answer that waits for its index to be committed and, with a barrier, for a majority to confirm. */
    private record Pending(AnsweredCommands.Entry command, Answer answer, long barrier) {}

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
    private final CommandDecisions decisions;
    private final ElectionRisks risks;
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
    private AnsweredCommands remembered;
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
        decisions = new CommandDecisions(parts.settings());
        risks = new ElectionRisks(context::getLog, parts.stats());
        view = new QuorumView(parts.nodeId(), parts.voters(), System::currentTimeMillis);
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
        remembered = new AnsweredCommands();
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
        AnsweredCommands.Entry known = remembered.get(execute.commandId());
        if (known != null) {
            known.replyTo = execute.replyTo();
            if (known.answer != null) {
                known.replyTo.tell(known.answer);
            }
            return;
        }
        if (pending.size() >= AnsweredCommands.MOST) {
            refuse(execute, Errors.NOT_CONTROLLER, "The controller has " + pending.size() + " commands under way.");
            return;
        }
        Decision decision = decide(execute.command());
        AnsweredCommands.Entry command = new AnsweredCommands.Entry();
        command.replyTo = execute.replyTo();
        command.recorded = !(execute.command() instanceof ControllerCommand.RegisterBroker
                || execute.command() instanceof ControllerCommand.BrokerHeartbeat
                || execute.command() instanceof ControllerCommand.AlterPartition
                || execute.command() instanceof ControllerCommand.FailLogs);
        remembered.add(execute.commandId(), command);
        // Who leaves goes when it is told that its leaderships have moved, which must be committed then.
        boolean heard = execute.command() instanceof ControllerCommand.BrokerHeartbeat beat
                && !beat.wantShutdown()
                && decision.reply() == ControllerReply.Done.DONE;
        commit(decision, execute.commandId(), command, !heard);
    }

    private Decision decide(ControllerCommand command) {
        long nowMs = parts.nowMs().getAsLong();
        try {
            return command instanceof ControllerCommand.DescribeQuorum
                    ? new Draft(drafted).reply(view.describe(quorum, followers))
                    : decisions.decide(drafted, command, sessions, nowMs);
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
    private void commit(Decision decision, String commandId, AnsweredCommands.Entry command, boolean confirmed) {
        risks.report(drafted, decision);
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
                AnsweredCommands.Entry done = new AnsweredCommands.Entry();
                done.answer = new Answer(e.commandId(), next, CommandCodec.decodeReply(e.reply()));
                remembered.add(e.commandId(), done);
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
            done.command().answer(done.answer());
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
        Decision decision = decisions.balance(drafted);
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
        Decision decision = decisions.fence(drafted, broker);
        if (!decision.events().isEmpty()) {
            if (broker.inControlledShutdown()) {
                getContext().getLog().info("Broker {} is gone, as it announced: {}", broker.brokerId(), why);
            } else {
                getContext().getLog().warn("Fencing broker {}: {}", broker.brokerId(), why);
            }
            commit(decision);
        }
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

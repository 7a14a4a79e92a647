package io.troupe.controller;

import io.troupe.metadata.MetadataCache;
import io.troupe.model.Refusal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * This broker's commands to the controller: each is sent again under its id until it is answered, and completes when the
 * image has what the answer rests on, or its time is up. One per broker; {@link #client} is how the others use it.
 */
public final class ControllerRequests extends AbstractBehavior<ControllerRequests.Command> {
    /** Commands under way; more are refused at once. */
    private static final int MAX_UNDER_WAY = 10_000;

    private static final Duration TICK = Duration.ofMillis(100);
    /** An unanswered command is sent again after this. */
    private static final long RESEND_MS = 1000;

    public sealed interface Command {}

    private record Submit(ControllerCommand command, int timeoutMs, CompletableFuture<ControllerReply> result)
            implements Command {}

    private record Answered(Controller.Answer answer) implements Command {}

    private record Changed(BrokerMetadata.ImageChanged change) implements Command {}

    private enum Tick implements Command {
        TICK
    }

    private static final class UnderWay {
        final ControllerCommand command;
        final CompletableFuture<ControllerReply> result;
        final long deadlineMs;
        long sendAtMs;
        /** Null until answered; then only the image is waited for. */
        Controller.Answer answer;

        UnderWay(Submit submit, long nowMs) {
            command = submit.command();
            result = submit.result();
            deadlineMs = nowMs + Math.max(0, submit.timeoutMs());
        }
    }

    private final ActorRef<Controller.Command> controller;
    private final MetadataCache cache;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Controller.Answer> answers;
    private final String prefix = Uuid.randomUuid() + "-";
    private final Map<String, UnderWay> underWay = new LinkedHashMap<>();
    private long count;

    private ControllerRequests(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ActorRef<Controller.Command> controller,
            ActorRef<BrokerMetadata.Command> metadata,
            MetadataCache cache) {
        super(context);
        this.controller = controller;
        this.cache = cache;
        this.timers = timers;
        answers = context.messageAdapter(Controller.Answer.class, Answered::new);
        metadata.tell(
                new BrokerMetadata.Subscribe(context.messageAdapter(BrokerMetadata.ImageChanged.class, Changed::new)));
    }

    /** @param controller the singleton's proxy, {@link ControllerSingleton#init} */
    public static Behavior<Command> create(
            ActorRef<Controller.Command> controller, ActorRef<BrokerMetadata.Command> metadata, MetadataCache cache) {
        return Behaviors.setup(context ->
                Behaviors.withTimers(timers -> new ControllerRequests(context, timers, controller, metadata, cache)));
    }

    /** The client over a spawned actor of this behaviour; for any thread. */
    public static ControllerClient client(ActorRef<Command> requests) {
        return (command, timeoutMs) -> {
            CompletableFuture<ControllerReply> result = new CompletableFuture<>();
            // The actor may be gone when the broker stops: then nobody else would ever complete this.
            result.completeOnTimeout(
                    timedOut("the broker is stopping"),
                    Math.max(0, timeoutMs) + 1000L,
                    java.util.concurrent.TimeUnit.MILLISECONDS);
            requests.tell(new Submit(command, timeoutMs, result));
            return result;
        };
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Submit.class, this::onSubmit)
                .onMessage(Answered.class, this::onAnswered)
                .onMessage(Changed.class, this::onChanged)
                .onMessageEquals(Tick.TICK, this::onTick)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<Command> onSubmit(Submit submit) {
        if (underWay.size() >= MAX_UNDER_WAY) {
            submit.result().complete(timedOut(MAX_UNDER_WAY + " commands of this broker are under way already"));
            return this;
        }
        String id = prefix + count++;
        UnderWay command = new UnderWay(submit, nowMs());
        underWay.put(id, command);
        send(id, command);
        if (!timers.isTimerActive(Tick.TICK)) {
            timers.startTimerWithFixedDelay(Tick.TICK, TICK);
        }
        return this;
    }

    private void send(String id, UnderWay command) {
        command.sendAtMs = nowMs() + RESEND_MS;
        controller.tell(new Controller.Execute(id, command.command, answers));
    }

    private Behavior<Command> onAnswered(Answered answered) {
        Controller.Answer answer = answered.answer();
        UnderWay command = underWay.get(answer.commandId());
        if (command == null) {
            return this;
        }
        boolean again = answer.reply() instanceof ControllerReply.Refused r
                && r.refusal().error() == Errors.NOT_CONTROLLER
                && answer.index() < 0;
        if (again) {
            command.sendAtMs = Math.min(command.sendAtMs, nowMs() + TICK.toMillis());
        } else {
            command.answer = answer;
            completeReady();
        }
        return this;
    }

    private Behavior<Command> onChanged(Changed changed) {
        completeReady();
        return this;
    }

    private void completeReady() {
        long index = cache.current().index();
        underWay.values().removeIf(c -> {
            boolean ready = c.answer != null && c.answer.index() <= index;
            if (ready) {
                c.result.complete(c.answer.reply());
            }
            return ready;
        });
    }

    private Behavior<Command> onTick() {
        completeReady();
        long nowMs = nowMs();
        List<String> resend = new ArrayList<>();
        underWay.entrySet().removeIf(entry -> {
            UnderWay c = entry.getValue();
            if (nowMs >= c.deadlineMs) {
                c.result.complete(timedOut(
                        c.answer == null
                                ? "no controller answered in time; whether it was done is unknown"
                                : "done, but this broker has not heard of it in time"));
                return true;
            }
            if (c.answer == null && nowMs >= c.sendAtMs) {
                resend.add(entry.getKey());
            }
            return false;
        });
        resend.forEach(id -> send(id, underWay.get(id)));
        if (underWay.isEmpty()) {
            timers.cancel(Tick.TICK);
        }
        return this;
    }

    private Behavior<Command> onPostStop(PostStop signal) {
        underWay.values().forEach(c -> c.result.complete(timedOut("the broker is stopping")));
        return this;
    }

    private static ControllerReply timedOut(String why) {
        return new ControllerReply.Refused(new Refusal(Errors.REQUEST_TIMED_OUT, "Timed out: " + why + "."));
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }
}

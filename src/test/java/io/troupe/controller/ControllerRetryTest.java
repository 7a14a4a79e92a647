package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.config.ServerProperties;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of commands when one controller takes another's place, with voters in memory (SAFETY 2.5, 2.8). */
@Timeout(600)
class ControllerRetryTest {
    private static final Uuid INCARNATION = Uuid.randomUuid();

    private final ActorTestKit kit = ActorTestKit.create();
    private final Map<Integer, VoterState> states = new HashMap<>();
    private final Map<Integer, VoterCore> cores = new HashMap<>();
    private final TestProbe<Controller.Answer> answers = kit.createTestProbe();
    private final AtomicInteger asked = new AtomicInteger();
    private final List<Integer> promised = new ArrayList<>();

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    /** The nodes whose claims voters have promised to follow, one after the other. */
    private synchronized List<Integer> promised() {
        return List.copyOf(promised);
    }

    private synchronized void ask(int voter, MetadataVoter.Ask ask) {
        asked.incrementAndGet();
        VoterState state = states.computeIfAbsent(voter, id -> new VoterState());
        VoterCore.Answer answer = cores.computeIfAbsent(voter, id -> new VoterCore(id, Uuid::randomUuid))
                .handle(state, ask.request());
        answer.events().forEach(state::apply);
        if (ask.request() instanceof Quorum.Append append && answer.reply() instanceof Quorum.Acked acked) {
            state.noteCommitted(Math.min(append.commitIndex(), acked.matchedIndex()));
        }
        if (answer.reply() instanceof Quorum.Promised) {
            promised.add(state.promised().nodeId());
        }
        ask.replyTo().tell(answer.reply());
    }

    private ActorRef<Controller.Command> controller(int nodeId) {
        ControllerSettings settings = ControllerSettings.of(
                // Nobody beats here after the first time, however long a test takes.
                ServerProperties.parse(Map.of(
                                "node.id",
                                "1",
                                "listeners",
                                "PLAINTEXT://127.0.0.1:9092",
                                "broker.session.timeout.ms",
                                "600000"))
                        .config());
        return kit.spawn(Controller.create(new Controller.Parts(
                nodeId,
                Set.of(1, 2, 3),
                Optional.empty(),
                settings,
                this::ask,
                () -> Set.of(1),
                () -> 0,
                () -> System.nanoTime() / 1_000_000,
                new ControllerStats())));
    }

    /** As clients do: who loses its leadership leaves what is under way unanswered, so it is asked again by the same id. */
    private ControllerReply execute(ActorRef<Controller.Command> controller, String id, ControllerCommand command) {
        for (int i = 0; i < 60; i++) {
            controller.tell(new Controller.Execute(id, command, answers.getRef()));
            try {
                return answers.fishForMessage(
                                Duration.ofSeconds(2),
                                a -> a.commandId().equals(id)
                                        ? FishingOutcomes.complete()
                                        : FishingOutcomes.continueAndIgnore())
                        .get(0)
                        .reply();
            } catch (AssertionError unanswered) {
                // Asked again.
            }
        }
        throw new AssertionError("no answer to " + id);
    }

    /** @return its broker epoch */
    private long registerBroker(ActorRef<Controller.Command> controller) {
        ControllerReply.Registered registered = assertInstanceOf(
                ControllerReply.Registered.class,
                execute(
                        controller,
                        "register",
                        new ControllerCommand.RegisterBroker(
                                1,
                                INCARNATION,
                                List.of(new Listener(
                                        "PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("127.0.0.1", 9092))),
                                Optional.empty(),
                                -1,
                                false,
                                false)));
        long epoch = registered.brokerEpoch();
        execute(controller, "beat", new ControllerCommand.BrokerHeartbeat(1, epoch, epoch, false));
        return epoch;
    }

    private static ControllerCommand create(String topic) {
        return new ControllerCommand.CreateTopics(
                List.of(new ControllerCommand.NewTopic(topic, 3, (short) 1, Map.of(), Map.of())), false);
    }

    private static ControllerReply.TopicResult only(ControllerReply reply) {
        return assertInstanceOf(ControllerReply.Topics.class, reply).results().get(0);
    }

    /** The first answer may have been lost: whoever asks again must not be told that the topic exists already. */
    @Test
    void aRetryAtTheNextControllerGetsTheFirstAnswer() {
        ActorRef<Controller.Command> first = controller(1);
        registerBroker(first);
        ControllerReply.TopicResult done = only(execute(first, "c-1", create("once")));
        assertTrue(done.refusal().isEmpty(), done.toString());
        kit.stop(first);
        ActorRef<Controller.Command> second = controller(2);
        assertEquals(done, only(execute(second, "c-1", create("once"))));
        assertTrue(
                only(execute(second, "c-2", create("once"))).refusal().isPresent(), "another command is another one");
    }

    /** It does not know yet that another one leads: nothing it is asked is done, and nothing it says is a success. */
    @Test
    void aControllerThatLostItsLeadershipDoesNothing() {
        ActorRef<Controller.Command> first = controller(1);
        registerBroker(first);
        ActorRef<Controller.Command> second = controller(2);
        assertTrue(only(execute(second, "c-1", create("by-second"))).refusal().isEmpty());
        // The first one claims anew when it learns of it, and then knows what the second has done.
        ControllerReply.TopicResult answer = only(execute(first, "c-2", create("by-second")));
        assertTrue(answer.refusal().isPresent(), "it exists: " + answer);
    }

    /** They come several times a second, for ever, and change nothing: only their answers' refusals are worth a majority's word. */
    @Test
    void heartbeatsDoNotAskTheVoters() {
        ActorRef<Controller.Command> controller = controller(1);
        long epoch = registerBroker(controller);
        int before = asked.get();
        for (int i = 0; i < 100; i++) {
            execute(controller, "beat-" + i, new ControllerCommand.BrokerHeartbeat(1, epoch, epoch, false));
        }
        assertTrue(asked.get() - before < 100, asked.get() - before + " questions to voters");
        int refused = asked.get();
        execute(controller, "stale", new ControllerCommand.BrokerHeartbeat(1, epoch - 1, epoch, false));
        assertTrue(asked.get() > refused);
    }

    @Test
    void aControllerThatIsAskedForNothingLearnsThatAnotherLeads() {
        ActorRef<Controller.Command> first = controller(1);
        registerBroker(first);
        ActorRef<Controller.Command> second = controller(2);
        execute(second, "c-1", create("by-second"));
        // It claims anew, above the other: no promise goes to a lower claim. It may have done so already.
        answers.awaitAssert(Duration.ofSeconds(60), () -> {
            List<Integer> all = promised();
            assertTrue(all.lastIndexOf(1) > all.indexOf(2) && all.contains(2), all::toString);
            return null;
        });
    }
}

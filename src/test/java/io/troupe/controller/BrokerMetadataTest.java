package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.model.Refusal;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How broker 1 registers with a controller whose answers take long, and hears what they say of its heartbeats. */
@Timeout(300)
class BrokerMetadataTest {
    private static final int SESSION_MS = 500;
    private static final Epoch EPOCH = new Epoch(1, 1);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final ActorTestKit kit = ActorTestKit.create();
    private final TestProbe<Controller.Command> controller = kit.createTestProbe();
    private final AtomicReference<String> refused = new AtomicReference<>();
    private ActorRef<BrokerMetadata.Command> broker;
    private ActorRef<Publication> follower;

    @BeforeEach
    void start() {
        BrokerMetadata.Self self = new BrokerMetadata.Self(
                1, Uuid.randomUuid(), List.of(), Optional.empty(), -1, false, false, SESSION_MS);
        ClusterFormation.Outcome outcome = new ClusterFormation.Outcome() {
            @Override
            public void refused(String reason) {
                refused.set(reason);
            }

            @Override
            public void rejoin(String reason) {
                throw new AssertionError(reason);
            }
        };
        broker = kit.spawn(
                BrokerMetadata.create(self, controller.ref(), new MetadataCache(), Optional.empty(), outcome));
        follower = controller.expectMessageClass(Controller.Follow.class, LIMIT).follower();
        publish(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    /** However often it is asked again meanwhile: each new registration would end the epoch of the one before. */
    @Test
    void aLateAnswerRegistersItAllTheSame() {
        Controller.Execute first = registration();
        for (int again = 0; again < 2; again++) {
            assertEquals(first.commandId(), registration().commandId());
        }
        assertEquals(1, heartbeat(firstHeartbeat(first)).brokerEpoch());
    }

    /** Its epoch is another's: it registers anew when it hears so, not only when no later heartbeat is under way. */
    @Test
    void aLateRefusalOfAHeartbeatIsHeard() {
        Controller.Execute stale = firstHeartbeat(registration());
        heartbeat(execute());
        heartbeat(execute());
        answer(
                stale,
                new ControllerReply.Refused(
                        new Refusal(Errors.STALE_BROKER_EPOCH, "Broker 1 is at broker epoch 2, not 1.")));
        Controller.Execute next = execute();
        for (int i = 0; i < 10 && next.command() instanceof ControllerCommand.BrokerHeartbeat; i++) {
            next = execute(); // sent before the answer came
        }
        assertInstanceOf(ControllerCommand.RegisterBroker.class, next.command());
    }

    /** The answer to a heartbeat from before it wanted to leave says nothing of its leaderships. */
    @Test
    void onlyAHeartbeatThatAsksToLeaveIsAnsweredWithIt() {
        Controller.Execute before = firstHeartbeat(registration());
        TestProbe<Done> left = kit.createTestProbe();
        broker.tell(new BrokerMetadata.PrepareShutdown(left.ref()));
        Controller.Execute leaving = execute();
        while (!heartbeat(leaving).wantShutdown()) {
            leaving = execute();
        }
        answer(before, ControllerReply.Done.DONE);
        heartbeat(execute());
        left.expectNoMessage(Duration.ZERO);
        answer(leaving, ControllerReply.Done.DONE);
        left.expectMessage(LIMIT, Done.getInstance());
    }

    /** It was unregistered while it stopped: it is not to come back. */
    @Test
    void whoeverIsForgottenWhileItLeavesJustGoes() {
        Controller.Execute first = firstHeartbeat(registration());
        TestProbe<Done> left = kit.createTestProbe();
        broker.tell(new BrokerMetadata.PrepareShutdown(left.ref()));
        answer(
                first,
                new ControllerReply.Refused(
                        new Refusal(Errors.BROKER_ID_NOT_REGISTERED, "Broker 1 is not registered.")));
        left.expectMessage(LIMIT, Done.getInstance());
        for (int again = 0; again < 2; again++) {
            heartbeat(execute());
        }
    }

    /** Another process of its id lives if the controller says so often enough, however long this one stood still between two answers. */
    @Test
    void timeAloneDoesNotMakeItADuplicate() {
        Controller.Execute second = refuse(registration());
        for (int again = 0; again < 6; again++) {
            assertEquals(second.commandId(), registration().commandId());
        }
        Controller.Execute fifth = refuse(refuse(refuse(second)));
        assertNull(refused.get());
        refuse(fifth);
        assertTrue(refused.get().contains("node.id=1 is taken"), refused::get);
    }

    /** Answers the registration: broker epoch 1. */
    private Controller.Execute firstHeartbeat(Controller.Execute registration) {
        answer(registration, new ControllerReply.Registered(1));
        BrokerImage image = new BrokerImage(1, 1, List.of(), Optional.empty(), true, false);
        publish(1, new MetadataEvent.BrokerRegistered(image, MetadataEvent.Logs.UNPROVEN));
        Controller.Execute next = execute();
        while (next.commandId().equals(registration.commandId())) {
            next = execute(); // sent before the answer came
        }
        return next;
    }

    private static ControllerCommand.BrokerHeartbeat heartbeat(Controller.Execute execute) {
        return assertInstanceOf(ControllerCommand.BrokerHeartbeat.class, execute.command());
    }

    private Controller.Execute registration() {
        Controller.Execute execute = execute();
        assertInstanceOf(ControllerCommand.RegisterBroker.class, execute.command());
        return execute;
    }

    private Controller.Execute execute() {
        while (true) {
            if (controller.receiveMessage(LIMIT) instanceof Controller.Execute execute) {
                return execute;
            }
        }
    }

    private static void answer(Controller.Execute execute, ControllerReply reply) {
        execute.replyTo().tell(new Controller.Answer(execute.commandId(), 1, reply));
    }

    /** @return the next registration */
    private Controller.Execute refuse(Controller.Execute execute) {
        answer(
                execute,
                new ControllerReply.Refused(new Refusal(
                        Errors.DUPLICATE_BROKER_REGISTRATION, "Another live process is registered as broker 1")));
        Controller.Execute next = registration();
        while (next.commandId().equals(execute.commandId())) {
            next = registration(); // sent before the refusal came
        }
        return next;
    }

    private void publish(long index, MetadataEvent event) {
        follower.tell(new Publication.Committed(EPOCH, index, List.of(MetadataCodec.encode(event))));
    }
}

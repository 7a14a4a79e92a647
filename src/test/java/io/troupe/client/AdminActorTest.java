package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.internals.KafkaFutureImpl;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link AdminActor} over a stand-in for Kafka's admin client; against a broker it is tested in {@code ClientActorsIT}. */
@Timeout(300)
class AdminActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    private final TestProbe<AdminActor.Outcomes<String, Done>> outcomes = KIT.createTestProbe();
    private final TestProbe<AdminActor.Outcome<Set<String>>> names = KIT.createTestProbe();
    private final CountDownLatch closed = new CountDownLatch(1);

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private Admin admin(InvocationHandler calls) {
        return (Admin) Proxy.newProxyInstance(
                Admin.class.getClassLoader(), new Class<?>[] {Admin.class}, (p, method, args) -> {
                    if (method.getName().equals("close")) {
                        closed.countDown();
                        return null;
                    }
                    return calls.invoke(p, method, args);
                });
    }

    private static CreateTopicsResult result(
            KafkaFutureImpl<CreateTopicsResult.TopicMetadataAndConfig> a,
            KafkaFutureImpl<CreateTopicsResult.TopicMetadataAndConfig> b) {
        return new CreateTopicsResult(Map.of("a", a, "b", b)) {};
    }

    private AdminActor.CreateTopics create() {
        return new AdminActor.CreateTopics(
                List.of(new NewTopic("a", 1, (short) 1), new NewTopic("b", 1, (short) 1)), outcomes.getRef());
    }

    @Test
    void eachThingHasItsOwnOutcome() throws Exception {
        KafkaFutureImpl<CreateTopicsResult.TopicMetadataAndConfig> a = new KafkaFutureImpl<>();
        KafkaFutureImpl<CreateTopicsResult.TopicMetadataAndConfig> b = new KafkaFutureImpl<>();
        ActorRef<AdminActor.Command> actor =
                KIT.spawn(AdminActor.create(() -> admin((p, method, args) -> result(a, b))));
        actor.tell(create());
        a.complete(new CreateTopicsResult.TopicMetadataAndConfig(null, 1, 1, null));
        b.completeExceptionally(new TopicExistsException("b is there"));
        assertEquals(
                Map.of(
                        "a", new AdminActor.Succeeded<>(Done.getInstance()),
                        "b", new AdminActor.Failed<>(new Failure(Failure.Kind.CONFLICT, "b is there"))),
                outcomes.receiveMessage().each());
        actor.tell(new AdminActor.Stop());
        outcomes.expectTerminated(actor);
        closed.await();
    }

    @Test
    void whatKafkasClientThrowsIsAnOutcome() {
        ActorRef<AdminActor.Command> actor = KIT.spawn(AdminActor.create(() -> admin((p, method, args) -> {
            throw new UnsupportedVersionException("too old");
        })));
        Failure failure = new Failure(Failure.Kind.UNSUPPORTED, "too old");
        actor.tell(new AdminActor.ListTopics(names.getRef()));
        assertEquals(new AdminActor.Failed<>(failure), names.receiveMessage());
        actor.tell(create());
        assertEquals(
                Map.of("a", new AdminActor.Failed<>(failure), "b", new AdminActor.Failed<>(failure)),
                outcomes.receiveMessage().each());
    }

    @Test
    void requestsAreBoundedAlsoBeforeTheClientIsThere() throws Exception {
        CountDownLatch made = new CountDownLatch(1);
        KafkaFutureImpl<CreateTopicsResult.TopicMetadataAndConfig> never = new KafkaFutureImpl<>();
        ActorRef<AdminActor.Command> actor = KIT.spawn(AdminActor.create(() -> {
            try {
                made.await();
            } catch (InterruptedException e) {
                throw new KafkaException(e);
            }
            return admin((p, method, args) -> result(never, never));
        }));
        for (int i = 0; i < AdminActor.MAX_UNDER_WAY; i++) {
            actor.tell(create());
        }
        for (int i = 0; i < 2; i++) {
            actor.tell(create());
            AdminActor.Failed<?> refused = assertInstanceOf(
                    AdminActor.Failed.class, outcomes.receiveMessage().each().get("a"));
            assertEquals(Failure.Kind.REFUSED, refused.failure().kind());
            made.countDown();
        }
    }

    @Test
    void withoutAClientTheActorFails() {
        ActorRef<AdminActor.Command> actor = KIT.spawn(AdminActor.create(() -> {
            throw new KafkaException("no resolvable bootstrap urls");
        }));
        names.expectTerminated(actor);
    }
}

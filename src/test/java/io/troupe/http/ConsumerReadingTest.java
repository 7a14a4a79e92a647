package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SystemMaterializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What who reads tells the instance. */
@Timeout(600)
class ConsumerReadingTest implements Instances {
    private static final InstanceId ID = new InstanceId("g", "i");
    private static final int TIMEOUT_MS = 60_000;
    private static final ActorTestKit KIT = ActorTestKit.create(
            ConfigFactory.parseString("pekko.actor.provider = local").withFallback(ConfigFactory.load("troupe.conf")));

    private final FakeCluster cluster = new FakeCluster();
    private final ConnectionTasks connection = new ConnectionTasks(() -> {}, null, Runnable::run, null);
    private final List<InstanceAction> asked = new CopyOnWriteArrayList<>();
    private final TopicIdPartition partition = new TopicIdPartition(
            cluster.metadata.current().topic(FakeCluster.TOPIC).orElseThrow().topicId(), 0, FakeCluster.TOPIC);
    private Runnable onTake = () -> {};

    @AfterAll
    static void end() {
        KIT.shutdownTestKit();
    }

    @Override
    public CompletionStage<InstanceReply> ask(InstanceId id, InstanceAction action, int timeoutMs) {
        asked.add(action);
        InstanceReply reply = new InstanceReply.Done();
        if (action instanceof InstanceAction.Read) {
            InstanceDefinition definition = InstanceRequests.definition("g", "{\"format\":\"json\"}".getBytes());
            reply = new InstanceReply.Granted(definition, true, List.of(new InstanceAction.Place(partition, 0, "")));
        } else if (action instanceof InstanceAction.Take) {
            onTake.run();
            reply = new InstanceReply.Taken(List.of(partition.topicPartition()));
        }
        return CompletableFuture.completedFuture(reply);
    }

    private HttpResponse read() throws Exception {
        Topics topics = new Topics(1, cluster.metadata, cluster, TIMEOUT_MS);
        RecordReading steps = new RecordReading(topics, cluster, TIMEOUT_MS, () -> 1, Runnable::run);
        PartitionsReading reading = new PartitionsReading(topics, cluster, TIMEOUT_MS, steps::stepBytes, Runnable::run);
        Exchange exchange = new Exchange(
                HttpRequest.GET("/"),
                Map.of(),
                new Exchange.HttpLimits(10_000, 10_000, TIMEOUT_MS, new BodyMemory(100_000)),
                connection,
                KillSwitches.shared("none"),
                () -> {});
        return new ConsumerReading(this, reading, TIMEOUT_MS, Runnable::run)
                .records(exchange, ID)
                .toCompletableFuture()
                .get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
    }

    /** The last thing that it says, soon after the answer. */
    private InstanceAction.Leave leave() {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS);
        while (!(asked.get(asked.size() - 1) instanceof InstanceAction.Leave)) {
            assertTrue(System.nanoTime() < deadline, "it says nothing");
            Thread.onSpinWait();
        }
        return (InstanceAction.Leave) asked.get(asked.size() - 1);
    }

    /** To take something may last, as while the instance's broker is paused. */
    @Test
    void whoLeavesWhileRecordsAreTakenDidNotGetThem() throws Exception {
        cluster.add(0, "1");
        onTake = connection::clientLeft;
        read();
        assertFalse(leave().done());
    }

    /** When the connection has ended nobody takes the answer, and so nobody reads what it streams. */
    @Test
    void whoLeavesBeforeTheAnswerBeginsDidNotGetIt() throws Exception {
        cluster.add(0, "1");
        onTake = connection::end;
        read();
        assertFalse(leave().done());
    }

    /** What the system takes of an answer after that it throws away. */
    @Test
    void whoLeavesBeforeTheAnswersEndDidNotGetIt() throws Exception {
        cluster.add(0, "1");
        assertTrue(send(read()).startsWith("[{\"topic\":\"t\",\"key\":null,\"value\":1,"));
        assertTrue(leave().done());
        HttpResponse answer = read();
        connection.clientLeft();
        send(answer);
        assertFalse(leave().done());
    }

    private static String send(HttpResponse answer) throws Exception {
        return answer.entity()
                .toStrict(TIMEOUT_MS, SystemMaterializer.get(KIT.system()).materializer())
                .toCompletableFuture()
                .get(TIMEOUT_MS, TimeUnit.MILLISECONDS)
                .getData()
                .utf8String();
    }
}

package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ServerProperties;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Controllers, now and then two at once, three voters and three brokers' metadata actors over a network that loses, repeats,
 * reorders, delays and brings old messages again, and that is cut (rules 2.1 to 2.6). Whatever happens: brokers apply the same
 * events at the same index and never go back, what was answered is so, a retried command is done once, no producer id is given
 * out twice, and once all is healed everybody agrees and no actor has failed. {@code -Drounds=}, {@code -Dseed=}.
 */
@Timeout(600)
class ControllerFaultsTest {
    private static final int NODES = 3;
    /** Where on the network the voter of node n stands: at n plus this; its broker at n, its controller at -n. */
    private static final int VOTERS = 10;

    private final ActorTestKit kit = ActorTestKit.create();
    private final long seed = Long.getLong("seed", 1);
    private final FaultyNetwork network = new FaultyNetwork(seed);
    private final Map<Integer, VoterState> states = new HashMap<>();
    private final Map<Integer, VoterCore> cores = new HashMap<>();
    /** Those that live, by node. */
    private final Map<Integer, ActorRef<Controller.Command>> controllers = new ConcurrentHashMap<>();

    private final Map<Integer, Node> nodes = new TreeMap<>();
    private final Queue<Object> failures = new ConcurrentLinkedQueue<>();
    /** What any broker has applied, by index. */
    private final Map<Long, MetadataImage> history = new ConcurrentHashMap<>();
    /** Topics whose creation was answered. */
    private final Map<String, Uuid> created = new ConcurrentHashMap<>();

    private final Set<Long> producerIds = ConcurrentHashMap.newKeySet();
    private int incarnations;

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
        network.close();
    }

    @Test
    void oneHistoryAndEveryAnswerTrueWhateverTheNetworkDoes() throws Exception {
        lead(1);
        for (int id = 1; id <= NODES; id++) {
            nodes.put(id, new Node(id));
        }
        awaitAgreement(0);
        int rounds = Integer.getInteger("rounds", 4);
        for (int n = 1; n <= rounds; n++) {
            Random random = new Random(seed * 1_000 + n);
            try {
                round(n, random);
            } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed + ", round " + n, e);
            }
        }
    }

    private void round(int n, Random random) throws Exception {
        network.trouble(0.02 + 0.06 * random.nextInt(4));
        for (int i = 0; i < 60; i++) {
            if (random.nextInt(3) > 0) {
                Node node = nodes.get(1 + random.nextInt(NODES));
                if (random.nextInt(4) == 0) {
                    node.allocate();
                } else {
                    node.create("topic-" + n + "-" + i);
                }
            }
            if (random.nextInt(4) == 0) {
                harm(random);
            }
            TimeUnit.MILLISECONDS.sleep(random.nextInt(80));
        }
        network.healAll();
        // As the singleton is, once the cluster has settled: one.
        int last = List.copyOf(controllers.keySet()).get(0);
        List.copyOf(controllers.keySet()).stream().filter(id -> id != last).forEach(this::end);
        awaitAgreement(n);
        check();
    }

    private void harm(Random random) {
        int node = 1 + random.nextInt(NODES);
        int other = 1 + random.nextInt(NODES);
        switch (random.nextInt(10)) {
            case 0 -> network.separate(-node, VOTERS + other);
            case 1 -> network.cut(VOTERS + other, -node);
            case 2 -> network.separate(node, -other);
            case 3 -> network.cut(-node, other);
            case 4, 5 -> {
                // A hand-over, or one that begins before the other has ended.
                if (random.nextBoolean()) {
                    List.copyOf(controllers.keySet()).forEach(this::end);
                }
                lead(node);
            }
            case 6 -> {
                if (controllers.size() > 1) {
                    end(List.copyOf(controllers.keySet()).get(random.nextInt(controllers.size())));
                }
            }
            case 7 -> {
                synchronized (this) {
                    // It starts again; what it had persisted is there.
                    cores.remove(node);
                }
            }
            default -> {
                network.healAll();
                network.trouble(0.02 + 0.06 * random.nextInt(4));
            }
        }
    }

    private void lead(int node) {
        if (!controllers.containsKey(node)) {
            ControllerSettings settings = ControllerSettings.of(ServerProperties.parse(Map.of(
                            "node.id", "1",
                            "listeners", "PLAINTEXT://127.0.0.1:9092",
                            "broker.session.timeout.ms", "2000"))
                    .config());
            controllers.put(
                    node,
                    watched(
                            Controller.create(new Controller.Parts(
                                    node,
                                    Set.of(1, 2, 3),
                                    Optional.empty(),
                                    settings,
                                    (voter, ask) -> ask(node, voter, ask),
                                    () -> Set.of(1, 2, 3),
                                    () -> 0,
                                    () -> System.nanoTime() / 1_000_000,
                                    new ControllerStats())),
                            "controller-" + node + "-" + incarnations++));
        }
    }

    private void end(int node) {
        controllers.remove(node).tell(Controller.Stop.STOP);
    }

    private void ask(int node, int voter, MetadataVoter.Ask ask) {
        network.carry(-node, VOTERS + voter, () -> {
            Quorum.Reply reply = answer(voter, ask.request());
            network.carry(VOTERS + voter, -node, () -> ask.replyTo().tell(reply));
        });
    }

    private synchronized Quorum.Reply answer(int voter, Quorum.Request request) {
        VoterState state = states.computeIfAbsent(voter, id -> new VoterState());
        VoterCore.Answer answer = cores.computeIfAbsent(voter, id -> new VoterCore(id, Uuid::randomUuid))
                .handle(state, request);
        answer.events().forEach(state::apply);
        if (request instanceof Quorum.Append append && answer.reply() instanceof Quorum.Acked acked) {
            state.noteCommitted(Math.min(append.commitIndex(), acked.matchedIndex()));
        }
        return answer.reply();
    }

    private <T> ActorRef<T> watched(Behavior<T> behavior, String name) {
        CompletableFuture<ActorRef<T>> spawned = new CompletableFuture<>();
        kit.spawn(Behaviors.<Void>setup(context -> {
            ActorRef<T> child = context.spawn(behavior, name);
            context.watch(child);
            spawned.complete(child);
            return Behaviors.receive(Void.class)
                    .onSignal(ChildFailed.class, failed -> {
                        failures.add(failed.getCause());
                        return Behaviors.same();
                    })
                    .onSignal(Terminated.class, ended -> Behaviors.same())
                    .build();
        }));
        return spawned.join();
    }

    private record Wire(ActorRef<?> to, int controller) {}

    /** One broker's side. */
    private final class Node {
        final int id;
        final MetadataCache cache = new MetadataCache();
        final ControllerClient client;
        final Map<Wire, ActorRef<?>> wires = new ConcurrentHashMap<>();
        long lastIndex = -1;

        Node(int id) {
            this.id = id;
            ActorRef<Controller.Command> proxy = kit.spawn(Behaviors.receiveMessage(message -> {
                controllers.forEach((node, controller) ->
                        network.carry(id, -node, () -> controller.tell(addressed(message, node))));
                return Behaviors.same();
            }));
            BrokerMetadata.Self self = new BrokerMetadata.Self(
                    id, Uuid.randomUuid(), List.of(), Optional.empty(), -1, false, false, 2_000);
            ActorRef<BrokerMetadata.Command> metadata = watched(
                    BrokerMetadata.create(self, proxy, cache, Optional.empty(), new ClusterFormation.Outcome() {
                        @Override
                        public void refused(String reason) {
                            failures.add(reason);
                        }

                        @Override
                        public void rejoin(String reason) {
                            failures.add(reason);
                        }
                    }),
                    "metadata-" + id);
            metadata.tell(new BrokerMetadata.Subscribe(
                    kit.spawn(Behaviors.<BrokerMetadata.ImageChanged>receiveMessage(changed -> {
                        applied(changed.image());
                        return Behaviors.same();
                    }))));
            client = ControllerRequests.client(
                    watched(ControllerRequests.create(proxy, metadata, cache), "requests-" + id));
        }

        private void applied(MetadataImage image) {
            if (image.index() <= lastIndex) {
                failures.add("broker " + id + " went from " + lastIndex + " to " + image);
            }
            lastIndex = image.index();
            MetadataImage other = history.putIfAbsent(image.index(), image);
            if (other != null && !other.equals(image)) {
                failures.add("broker " + id + " has " + image + ", where another had " + other);
            }
        }

        private Controller.Command addressed(Controller.Command message, int controller) {
            if (message instanceof Controller.Execute e) {
                return new Controller.Execute(e.commandId(), e.command(), wire(e.replyTo(), controller));
            }
            Controller.Follow f = assertInstanceOf(Controller.Follow.class, message);
            return new Controller.Follow(f.nodeId(), f.appliedIndex(), wire(f.follower(), controller));
        }

        /** What stands for an actor of this node at that controller. */
        @SuppressWarnings("unchecked")
        private <T> ActorRef<T> wire(ActorRef<T> to, int controller) {
            return (ActorRef<T>) wires.computeIfAbsent(
                    new Wire(to, controller),
                    key -> kit.spawn(Behaviors.<T>receiveMessage(message -> {
                        network.carry(-controller, id, () -> to.tell(message));
                        return Behaviors.same();
                    })));
        }

        void create(String topic) {
            ControllerCommand.NewTopic wanted = new ControllerCommand.NewTopic(topic, 2, (short) 1, Map.of(), Map.of());
            client.submit(new ControllerCommand.CreateTopics(List.of(wanted), false), 4_000)
                    .thenAccept(reply -> {
                        if (reply instanceof ControllerReply.Topics topics) {
                            ControllerReply.TopicResult result =
                                    topics.results().get(0);
                            if (result.refusal().isEmpty()) {
                                created.put(topic, result.topicId());
                            } else if (result.refusal().get().error() == Errors.TOPIC_ALREADY_EXISTS) {
                                failures.add("only its own retry can have created " + topic);
                            }
                        }
                    });
        }

        void allocate() {
            long epoch =
                    cache.current().broker(id).map(BrokerImage::brokerEpoch).orElse(-1L);
            client.submit(new ControllerCommand.AllocateProducerIds(id, epoch), 4_000)
                    .thenAccept(reply -> {
                        if (reply instanceof ControllerReply.ProducerIds ids
                                && !producerIds.add(ids.firstProducerId())) {
                            failures.add("producer ids from " + ids.firstProducerId() + " were given out twice");
                        }
                    });
        }
    }

    private void awaitAgreement(int n) {
        String after = "after-" + n + "-";
        int[] asked = {0};
        await("the brokers agree after round " + n, () -> {
            boolean answered = created.keySet().stream().anyMatch(topic -> topic.startsWith(after));
            if (!answered) {
                nodes.get(1).create(after + asked[0]++);
            }
            List<MetadataImage> images = new ArrayList<>();
            nodes.values().forEach(node -> images.add(node.cache.current()));
            return answered
                    && images.stream()
                            .allMatch(i -> i.equals(images.get(0))
                                    && i.brokers().size() == NODES
                                    && i.brokers().stream().noneMatch(BrokerImage::fenced));
        });
    }

    private void check() {
        assertNull(failures.peek());
        // Some answers come only now; the broker that got one knows of it, the others hear of it.
        Map<String, Uuid> answered = new TreeMap<>(created);
        nodes.values()
                .forEach(node -> await("broker " + node.id + " has all that was answered: " + answered, () -> {
                    MetadataImage image = node.cache.current();
                    return answered.entrySet().stream().allMatch(e -> image.topic(e.getKey())
                            .filter(t -> t.topicId().equals(e.getValue()))
                            .isPresent());
                }));
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "not within 120 s: " + what);
            try {
                TimeUnit.MILLISECONDS.sleep(100);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}

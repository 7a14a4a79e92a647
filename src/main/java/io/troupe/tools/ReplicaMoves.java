package io.troupe.tools;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.RetriableException;

/**
 * Previews a plan, and carries it out: throttle if asked for (KIP-73), reassignment, progress, preferred leaders, throttle off.
 * One that is interrupted leaves the brokers to finish their moves, and the throttle set.
 */
final class ReplicaMoves {
    private static final long LOOK_EVERY_MS = 1000;
    private static final String RATE = ".replication.throttled.rate";
    private static final String REPLICAS = ".replication.throttled.replicas";
    private static final int SHOWN = 20;

    private static final int LAST_LOOKS = 5;

    /** A question to the cluster. */
    interface Look<T> {
        T look() throws ExecutionException, InterruptedException;
    }

    /** What was to be moved is not all where it should be, and why. */
    static final class Unfinished extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Unfinished(String message) {
            super(message);
        }
    }

    private final Admin admin;
    private final PrintStream out;

    ReplicaMoves(Admin admin, PrintStream out) {
        this.admin = admin;
        this.out = out;
    }

    void preview(ClusterView view, Map<TopicPartition, List<Integer>> plan) {
        Map<TopicPartition, List<Integer>> before = view.replicas();
        out.println(BalancePlan.copies(before, plan) + " replicas are to be copied, " + plan.size() + " of "
                + before.size() + " partitions change:");
        plan.entrySet().stream()
                .limit(SHOWN)
                .forEach(move ->
                        out.println("  " + move.getKey() + " " + before.get(move.getKey()) + " -> " + move.getValue()));
        if (plan.size() > SHOWN) {
            out.println("  ... and " + (plan.size() - SHOWN) + " more");
        }
        Map<TopicPartition, List<Integer>> after = new HashMap<>(before);
        after.putAll(plan);
        out.println("Broker   replicas now -> then   preferred leaders now -> then");
        Set<Integer> brokers = new TreeSet<>(view.brokers().keySet());
        before.values().forEach(brokers::addAll);
        for (int id : brokers) {
            out.printf(
                    "%6d %14d -> %-6d %20d -> %d%n",
                    id, held(before, id), held(after, id), preferred(before, id), preferred(after, id));
        }
    }

    private static long held(Map<TopicPartition, List<Integer>> partitions, int broker) {
        return partitions.values().stream().filter(r -> r.contains(broker)).count();
    }

    private static long preferred(Map<TopicPartition, List<Integer>> partitions, int broker) {
        return partitions.values().stream().filter(r -> r.get(0) == broker).count();
    }

    /**
     * @param throttle bytes a second that each broker may send of what moves, and take
     * @throws Unfinished when a partition ended elsewhere than planned
     */
    void execute(ClusterView view, Map<TopicPartition, List<Integer>> plan, OptionalLong throttle)
            throws ExecutionException, InterruptedException {
        if (throttle.isPresent()) {
            throttle(view, plan, AlterConfigOp.OpType.SET, String.valueOf(throttle.getAsLong()));
        }
        Map<TopicPartition, Optional<NewPartitionReassignment>> moves = new HashMap<>();
        plan.forEach((p, replicas) -> moves.put(p, Optional.of(new NewPartitionReassignment(replicas))));
        admin.alterPartitionReassignments(moves).all().get();
        out.println("The brokers are moving the replicas. They go on when this command is ended.");
        await(plan.keySet());
        electPreferred(plan.keySet());
        if (throttle.isPresent()) {
            throttle(view, plan, AlterConfigOp.OpType.DELETE, "");
        }
        List<String> elsewhere = elsewhere(plan);
        if (!elsewhere.isEmpty()) {
            throw new Unfinished("Somebody has cancelled or changed these moves meanwhile:\n  "
                    + String.join("\n  ", elsewhere) + "\nRun it again to plan anew.");
        }
        out.println("Done.");
    }

    /** A cluster that does not answer for a while, because its controller died, is asked again. */
    private void await(Set<TopicPartition> moving) throws ExecutionException, InterruptedException {
        String told = "";
        while (true) {
            boolean ended = false;
            String now;
            try {
                Map<TopicPartition, PartitionReassignment> open = new HashMap<>(
                        admin.listPartitionReassignments().reassignments().get());
                open.keySet().retainAll(moving);
                ended = open.isEmpty();
                now = MoveProgress.line(moving.size(), open.values(), up());
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof RetriableException)) {
                    throw e;
                }
                now = "No answer (" + e.getCause().getMessage() + "); asking again.";
            }
            if (!now.equals(told)) {
                out.println(now);
                told = now;
            }
            if (ended) {
                return;
            }
            Thread.sleep(LOOK_EVERY_MS);
        }
    }

    private Set<Integer> up() throws ExecutionException, InterruptedException {
        return admin.describeCluster().nodes().get().stream().map(Node::id).collect(Collectors.toSet());
    }

    /** A move ends also when somebody cancels it. */
    private List<String> elsewhere(Map<TopicPartition, List<Integer>> plan)
            throws ExecutionException, InterruptedException {
        return look(() -> MoveProgress.elsewhere(plan, ClusterView.of(admin).replicas()), List::isEmpty);
    }

    /**
     * Looks how things stand after moves, again each second until all is as it should be, but {@value #LAST_LOOKS} times at most: who
     * answers may not have heard yet of what has just ended.
     *
     * @return what was seen last
     */
    static <T> T look(Look<T> look, Predicate<T> asItShouldBe) throws ExecutionException, InterruptedException {
        for (int looks = 1; ; looks++) {
            T seen = look.look();
            if (asItShouldBe.test(seen) || looks == LAST_LOOKS) {
                return seen;
            }
            Thread.sleep(LOOK_EVERY_MS);
        }
    }

    private void electPreferred(Set<TopicPartition> partitions) throws ExecutionException, InterruptedException {
        Map<TopicPartition, Optional<Throwable>> results = admin.electLeaders(ElectionType.PREFERRED, partitions)
                .partitions()
                .get();
        results.forEach((p, failure) -> failure.filter(f -> !(f instanceof ElectionNotNeededException))
                .ifPresent(f -> out.println("The preferred leader of " + p + " does not lead yet: " + f.getMessage())));
    }

    private void throttle(
            ClusterView view, Map<TopicPartition, List<Integer>> plan, AlterConfigOp.OpType operation, String rate)
            throws ExecutionException, InterruptedException {
        Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
        for (int id : view.brokers().keySet()) {
            changes.put(
                    new ConfigResource(ConfigResource.Type.BROKER, String.valueOf(id)),
                    List.of(op("leader" + RATE, rate, operation), op("follower" + RATE, rate, operation)));
        }
        Map<String, List<String>> from = new HashMap<>();
        Map<String, List<String>> to = new HashMap<>();
        plan.forEach((p, replicas) -> {
            List<Integer> before = view.partitions().get(p).replicas();
            before.forEach(id ->
                    from.computeIfAbsent(p.topic(), t -> new ArrayList<>()).add(p.partition() + ":" + id));
            replicas.stream().filter(id -> !before.contains(id)).forEach(id -> to.computeIfAbsent(
                            p.topic(), t -> new ArrayList<>())
                    .add(p.partition() + ":" + id));
        });
        from.forEach((topic, replicas) -> changes.put(
                new ConfigResource(ConfigResource.Type.TOPIC, topic),
                List.of(
                        op("leader" + REPLICAS, String.join(",", replicas), operation),
                        op("follower" + REPLICAS, String.join(",", to.getOrDefault(topic, List.of())), operation))));
        admin.incrementalAlterConfigs(changes).all().get();
    }

    private static AlterConfigOp op(String name, String value, AlterConfigOp.OpType operation) {
        return new AlterConfigOp(new ConfigEntry(name, value), operation);
    }
}

package io.troupe.embedded;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Deletes all topics and groups of a cluster, its own {@code __consumer_offsets} aside. */
final class Reset {
    private static final long PATIENCE_S = 60;
    /** Each deletes what the one before has shown; more than two only where somebody makes new ones meanwhile. */
    private static final int ROUNDS = 5;

    private Reset() {}

    /** @throws IllegalStateException naming what is still there at the end */
    static void run(String bootstrapServers) {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
            Set<String> topics = Set.of();
            List<String> groups = List.of();
            for (int round = 0; round < ROUNDS; round++) {
                groups = get(admin.listGroups().all()).stream()
                        .map(GroupListing::groupId)
                        .toList();
                topics = get(admin.listTopics().names());
                if (groups.isEmpty() && topics.isEmpty()) {
                    return;
                }
                deleteGroups(admin, groups);
                deleteTopics(admin, topics);
            }
            throw new IllegalStateException(
                    "After the test there are still, or again, topics " + topics + " and groups " + groups
                            + ": a client of the test still works. Close it at the end of the test, or have it injected");
        } catch (TimeoutException | ExecutionException e) {
            throw new IllegalStateException(
                    "The cluster could not be made empty for the next test: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the cluster was made empty", e);
        }
    }

    /** Members that a test forgot are taken out, which is possible in groups of the classic protocol. */
    private static void deleteGroups(Admin admin, List<String> groups)
            throws ExecutionException, InterruptedException, TimeoutException {
        for (KafkaFuture<Void> deletion : deletions(admin, groups).values()) {
            try {
                get(deletion);
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof GroupIdNotFoundException)) {
                    removeMembers(admin, groups);
                    return;
                }
            }
        }
    }

    private static Map<String, KafkaFuture<Void>> deletions(Admin admin, List<String> groups) {
        return groups.isEmpty() ? Map.of() : admin.deleteConsumerGroups(groups).deletedGroups();
    }

    private static void removeMembers(Admin admin, List<String> groups) throws InterruptedException, TimeoutException {
        List<KafkaFuture<Void>> removals = new ArrayList<>();
        for (String group : groups) {
            removals.add(admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions())
                    .all());
        }
        for (KafkaFuture<Void> removal : removals) {
            try {
                get(removal);
            } catch (ExecutionException e) {
                // The next round tells whether the group can be deleted now.
                continue;
            }
        }
    }

    private static void deleteTopics(Admin admin, Set<String> topics)
            throws ExecutionException, InterruptedException, TimeoutException {
        if (topics.isEmpty()) {
            return;
        }
        for (KafkaFuture<Void> deletion :
                admin.deleteTopics(topics).topicNameValues().values()) {
            try {
                get(deletion);
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw e;
                }
            }
        }
    }

    private static <T> T get(KafkaFuture<T> future) throws ExecutionException, InterruptedException, TimeoutException {
        return future.get(PATIENCE_S, TimeUnit.SECONDS);
    }
}

package io.troupe.http;

import io.troupe.api.DescribeQuorumHandler;
import io.troupe.http.ClusterHealth.Problem;
import io.troupe.http.ClusterHealth.Severity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.kafka.common.message.DescribeQuorumResponseData;
import org.apache.kafka.common.message.DescribeQuorumResponseData.PartitionData;
import org.apache.kafka.common.message.DescribeQuorumResponseData.ReplicaState;
import org.apache.kafka.common.protocol.Errors;

/**
 * Whether all voters of the metadata quorum are there, whatever else their nodes are, as the controller tells by DescribeQuorum. It is what
 * {@code troupe-cluster.sh status} goes by, too. Pure.
 */
final class QuorumHealth {
    /** A voter that is well is heard from each second. Another one is away, or behind, after this, by the controller's clock. */
    private static final long PATIENCE_MS = 10_000;

    private final DescribeQuorumResponseData answer;
    private final PartitionData quorum;
    private final long nowMs;

    private QuorumHealth(DescribeQuorumResponseData answer, PartitionData quorum) {
        this.answer = answer;
        this.quorum = quorum;
        nowMs = quorum.currentVoters().stream()
                .mapToLong(ReplicaState::lastFetchTimestamp)
                .max()
                .orElse(-1);
    }

    /** Empty when the controller did not answer. */
    static Optional<QuorumHealth> of(DescribeQuorumResponseData answer) {
        return answer.topics().stream()
                .flatMap(topic -> topic.partitions().stream())
                .filter(p -> answer.errorCode() == Errors.NONE.code() && p.errorCode() == Errors.NONE.code())
                .map(p -> new QuorumHealth(answer, p))
                .findFirst();
    }

    Optional<Problem> problem() {
        List<ReplicaState> voters = quorum.currentVoters();
        List<String> missing = new ArrayList<>();
        for (ReplicaState voter : voters) {
            if (voter.replicaId() != quorum.leaderId()) {
                trouble(voter).ifPresent(what -> missing.add(name(voter.replicaId()) + " is " + what));
            }
        }
        if (missing.isEmpty()) {
            return Optional.empty();
        }
        int spare = (voters.size() - 1) / 2 - missing.size();
        return Optional.of(new Problem(
                Severity.BAD,
                missing.size() + " of " + voters.size() + " voters cannot be counted on: " + String.join("; ", missing),
                (spare > 0
                                ? "The metadata survives the loss of " + spare + " more. "
                                : "If one more is lost, nothing can be created, moved or elected. ")
                        + "Start it, also where its broker was unregistered: its vote stays. If its machine is gone for good, start its successor"
                        + " with the same node.id, the same controller.quorum.voters and an empty log.dirs; process.roles=controller is enough.",
                List.of(),
                0));
    }

    private Optional<String> trouble(ReplicaState voter) {
        long behind = quorum.highWatermark() - voter.logEndOffset();
        long silentMs = nowMs - voter.lastFetchTimestamp();
        if (voter.lastFetchTimestamp() < 0) {
            return Optional.of("away: this controller has never heard from it");
        }
        String entries = behind > 0 ? behind + " entries behind" : "not behind";
        if (silentMs > PATIENCE_MS) {
            return Optional.of("away: not heard from for " + silentMs / 1000 + " s, " + entries);
        }
        boolean late = behind > 0 && nowMs - voter.lastCaughtUpTimestamp() > PATIENCE_MS;
        return late ? Optional.of("there, but does not catch up: " + entries) : Optional.empty();
    }

    private String name(int voter) {
        String addresses = answer.nodes().stream()
                .filter(node -> node.nodeId() == voter)
                .flatMap(node -> node.listeners().stream())
                .filter(listener -> listener.name().equals(DescribeQuorumHandler.CONTROLLER))
                .map(listener -> listener.host() + ":" + listener.port())
                .collect(Collectors.joining(", ", " (", ")"));
        return "voter " + voter + (addresses.equals(" ()") ? "" : addresses);
    }
}

package io.troupe.tools;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.QuorumInfo;

/**
 * The metadata quorum as its leader, the controller, tells it (DescribeQuorum). All times are by the controller's clock. A voter's broker
 * says nothing of its vote: it may be fenced, unregistered, or never have been. Pure.
 *
 * @param endOffset index after the last entry that is committed
 */
record QuorumView(int leaderId, long epoch, long endOffset, List<Voter> voters) {
    /** A voter that is well is heard from each second. Another one is away, or behind, after this. */
    static final long PATIENCE_MS = 10_000;

    /**
     * @param address {@code host:port}, empty when it is not told
     * @param heardMs when it was last heard from, -1 for never by this controller
     * @param caughtUpMs when it was last known to have all, -1 likewise
     */
    record Voter(int id, String address, long endOffset, long heardMs, long caughtUpMs) {
        @Override
        public String toString() {
            return "Voter " + id + (address.isEmpty() ? "" : " (" + address + ")");
        }
    }

    static QuorumView of(QuorumInfo told) {
        List<Voter> voters = told.voters().stream()
                .map(v -> new Voter(
                        v.replicaId(),
                        address(told.nodes().get(v.replicaId())),
                        v.logEndOffset(),
                        v.lastFetchTimestamp().orElse(-1),
                        v.lastCaughtUpTimestamp().orElse(-1)))
                .toList();
        return new QuorumView(told.leaderId(), told.leaderEpoch(), told.highWatermark(), voters);
    }

    /** The last that is told is the voter's own; before it stands its broker's, where there is one. */
    private static String address(QuorumInfo.Node node) {
        return node == null
                ? ""
                : node.endpoints().stream()
                        .reduce((first, last) -> last)
                        .map(at -> at.host() + ":" + at.port())
                        .orElse("");
    }

    /** By voter, in words, what is the matter with those that cannot be counted on. */
    Map<Voter, String> missing() {
        long nowMs = voters.stream().mapToLong(Voter::heardMs).max().orElse(-1);
        Map<Voter, String> missing = new TreeMap<>((one, other) -> Integer.compare(one.id(), other.id()));
        for (Voter voter : voters) {
            if (voter.id() != leaderId) {
                trouble(voter, nowMs).ifPresent(what -> missing.put(voter, what));
            }
        }
        return missing;
    }

    private Optional<String> trouble(Voter voter, long nowMs) {
        if (voter.heardMs() < 0) {
            return Optional.of("away: this controller has never heard from it");
        }
        long behind = Math.max(0, endOffset - voter.endOffset());
        String entries = behind + (behind == 1 ? " entry" : " entries") + " behind";
        long silentMs = nowMs - voter.heardMs();
        if (silentMs > PATIENCE_MS) {
            return Optional.of("away: not heard from for " + silentMs / 1000 + " s, " + entries);
        }
        boolean late = behind > 0 && nowMs - voter.caughtUpMs() > PATIENCE_MS;
        return late ? Optional.of("there, but does not catch up: " + entries) : Optional.empty();
    }
}

package io.troupe.controller;

import io.troupe.config.HostPort;
import io.troupe.config.Voter;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.actor.Address;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;

/** What a node waits for that no controller has registered yet, in words for a person: which voters are away, and how many are needed. */
public final class AwaitedVoters {
    private AwaitedVoters() {}

    /** @param self id of this node, which needs no cluster to be there for itself */
    public static String of(Cluster cluster, int self, List<Voter> voters) {
        Set<HostPort> away = cluster.state().getUnreachable().stream()
                .map(member -> hostPort(member.address()))
                .collect(Collectors.toSet());
        Set<HostPort> here = new HashSet<>();
        for (Member member : cluster.state().getMembers()) {
            here.add(hostPort(member.address()));
        }
        here.removeAll(away);
        return text(self, voters, here);
    }

    private static HostPort hostPort(Address address) {
        return new HostPort(address.getHost().orElse(""), address.getPort().orElse(0));
    }

    static String text(int self, List<Voter> voters, Set<HostPort> here) {
        List<Voter> missing = voters.stream()
                .filter(voter -> voter.nodeId() != self && !here.contains(voter.actorAddress()))
                .toList();
        if (missing.isEmpty()) {
            return "a controller; all voters of the cluster are up";
        }
        String needed = voters.size() == 1
                ? "it must be up"
                : "a majority of the " + voters.size() + " must be up, and every one of them where the log dirs are"
                        + " empty, as at a cluster's very first start";
        return "a controller; of controller.quorum.voters these are not in the cluster yet: "
                + missing.stream().map(Voter::toString).collect(Collectors.joining(",")) + "; " + needed;
    }
}

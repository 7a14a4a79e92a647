package io.troupe.controller;

import io.troupe.config.BrokerConfig;
import io.troupe.config.Voter;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;
import org.apache.pekko.actor.ActorSelection;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.SingletonActor;

/** Starts the controller's singleton on nodes that vote, and finds it from any node. */
public final class ControllerSingleton {
    /** The cluster role of nodes that vote. */
    public static final String VOTER_ROLE = "voter";

    /** What the cluster role of a broker's node begins with; its id follows. */
    public static final String BROKER_ROLE_PREFIX = "broker-";

    private ControllerSingleton() {}

    /**
     * Call once per node.
     *
     * @param clusterId what the first controller ever is to use: configured, or carried by this node's log dirs
     * @param knownRound the round of the last controller that this node has heard of, 0 for none
     * @param stats where a controller on this node counts
     * @return the proxy, which holds messages (bounded) while there is no controller
     */
    public static ActorRef<Controller.Command> init(
            ActorSystem<?> system,
            BrokerConfig config,
            Optional<String> clusterId,
            IntSupplier knownRound,
            ControllerStats stats) {
        Map<Integer, ActorSelection> voters = new HashMap<>();
        for (Voter voter : config.voters()) {
            voters.put(voter.nodeId(), voterOf(system, config, voter));
        }
        Controller.Parts parts = new Controller.Parts(
                config.nodeId(),
                voters.keySet(),
                clusterId,
                ControllerSettings.of(config),
                (id, ask) -> voters.get(id).tell(ask, org.apache.pekko.actor.ActorRef.noSender()),
                () -> brokersIn(Cluster.get(system)),
                knownRound,
                () -> System.nanoTime() / 1_000_000,
                stats);
        // Nothing restarts a singleton that failed: it forgets all and claims again.
        Behavior<Controller.Command> supervised = Behaviors.supervise(Controller.create(parts))
                .onFailure(SupervisorStrategy.restartWithBackoff(Duration.ofMillis(200), Duration.ofSeconds(10), 0.2));
        return ClusterSingleton.get(system)
                .init(SingletonActor.of(supervised, "controller")
                        .withSettings(ClusterSingletonSettings.create(system).withRole(VOTER_ROLE))
                        .withStopMessage(Controller.Stop.STOP));
    }

    private static Set<Integer> brokersIn(Cluster cluster) {
        Set<Integer> ids = new HashSet<>();
        for (Member member : cluster.state().getMembers()) {
            for (String role : member.getRoles()) {
                if (role.startsWith(BROKER_ROLE_PREFIX)) {
                    ids.add(Integer.parseInt(role.substring(BROKER_ROLE_PREFIX.length())));
                }
            }
        }
        return ids;
    }

    /** By path, not by reference: it stays right when the voter or its node restarts. */
    private static ActorSelection voterOf(ActorSystem<?> system, BrokerConfig config, Voter voter) {
        String address =
                voter.nodeId() == config.nodeId() ? "" : "pekko://" + system.name() + "@" + voter.actorAddress();
        return system.classicSystem().actorSelection(address + MetadataVoter.PATH);
    }
}

package io.troupe.http;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/** Consumer instances in one actor system, without a cluster. */
final class LocalInstances implements Instances, InstanceActor.Shard {
    private final ActorTestKit kit;
    private final InstanceActor.Parts parts;
    private final Map<InstanceId, ActorRef<InstanceMessage>> living = new HashMap<>();
    /** Whether the brokers of all who have asked so far count as gone. */
    volatile boolean askersGone;

    LocalInstances(ActorTestKit kit, InstanceActor.Parts parts) {
        this.kit = kit;
        this.parts = parts;
    }

    private synchronized ActorRef<InstanceMessage> find(InstanceId id) {
        return living.computeIfAbsent(id, i -> kit.spawn(InstanceActor.create(i, parts, this)));
    }

    @Override
    public CompletionStage<InstanceReply> ask(InstanceId id, InstanceAction action, int timeoutMs) {
        return AskPattern.<InstanceMessage, InstanceReply>ask(
                        find(id),
                        replyTo -> new InstanceActor.Ask(replyTo, action),
                        Duration.ofMillis(timeoutMs),
                        kit.system().scheduler())
                .thenApply(ShardedInstances::notRefused);
    }

    /** As if its broker had gone: whoever asks next finds another. */
    synchronized void lose(InstanceId id) {
        living.remove(id).tell(InstanceActor.Stop.STOP);
    }

    @Override
    public synchronized void passivate(ActorRef<InstanceMessage> instance) {
        living.values().remove(instance);
        instance.tell(InstanceActor.Stop.STOP);
    }

    @Override
    public boolean isGone(ActorRef<InstanceReply> replyTo) {
        return askersGone;
    }

    @Override
    public void again(InstanceId id, InstanceActor.Ask ask) {
        find(id).tell(ask);
    }
}

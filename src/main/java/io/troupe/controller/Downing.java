package io.troupe.controller;

import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.cluster.DowningProvider;
import scala.Option;
import scala.concurrent.duration.Duration;
import scala.concurrent.duration.FiniteDuration;

/** Tells the actor library that members are taken out by {@link ClusterFormation}, as {@link Removals} says, and by nobody else. */
public final class Downing extends DowningProvider {
    /** @param system required of such a class */
    public Downing(ActorSystem system) {}

    /** Epochs make two of anything harmless, so nothing has to wait until a removed node has noticed. */
    @Override
    public FiniteDuration downRemovalMargin() {
        return Duration.create(1, TimeUnit.MILLISECONDS);
    }

    @Override
    public Option<Props> downingActorProps() {
        return Option.empty();
    }
}

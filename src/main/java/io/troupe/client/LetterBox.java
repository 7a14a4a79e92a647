package io.troupe.client;

import java.time.Duration;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/** Where a {@link ConsumerActor} posts dead letters; keeps their producer, a child that is made when the first is due. Of the actor's thread. */
final class LetterBox {
    private static final Duration PATIENCE = Duration.ofMinutes(4);

    private final ActorContext<ConsumerActor.Command> context;
    private final ConsumerSettings<?, ?> settings;
    private ActorRef<ProducerActor.Command<byte[], byte[]>> producer;

    LetterBox(ActorContext<ConsumerActor.Command> context, ConsumerSettings<?, ?> settings) {
        this.context = context;
        this.settings = settings;
    }

    /** Whether a record that has failed so often is a dead letter. */
    boolean takes(int failures) {
        return settings.deadLetters().isPresent()
                && failures >= settings.deadLetters().get().afterFailures();
    }

    /** @param then is run in the partition's session, with null once the letter is stored, else with the reason */
    void post(
            ConsumerRecord<byte[], byte[]> record,
            int failures,
            Throwable error,
            PartitionFlow flow,
            Consumer<Failure> then) {
        DeadLetters letters = settings.deadLetters().orElseThrow();
        if (producer == null) {
            producer = context.spawnAnonymous(ProducerActor.create(letters.producer()));
        }
        String group = settings.properties().getOrDefault(ConsumerConfig.GROUP_ID_CONFIG, "");
        context.ask(
                SendResult.class,
                producer,
                PATIENCE,
                (ActorRef<SendResult> replyTo) ->
                        new ProducerActor.Send<>(letters.letter(record, group, failures, error), replyTo),
                (result, timeout) -> new ConsumerMessage.ForPartition(
                        flow.partition, flow.session, () -> then.accept(failure(result))));
    }

    private Failure failure(SendResult result) {
        if (result instanceof SendResult.Sent) {
            return null;
        }
        Failure failure = new Failure(Failure.Kind.RETRIABLE, "nobody answered");
        if (result instanceof SendResult.Failed failed) {
            failure = failed.failure();
        } else if (result instanceof SendResult.Refused refused) {
            failure = refused.failure();
        }
        if (failure.kind() == Failure.Kind.CLOSED || failure.kind() == Failure.Kind.FENCED) {
            // It has ended, or must.
            context.stop(producer);
            producer = null;
        }
        return failure;
    }
}

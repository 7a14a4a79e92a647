package io.troupe.http;

import java.util.List;
import org.apache.kafka.common.TopicPartition;

/** What a consumer instance answers. */
sealed interface InstanceReply extends InstanceMessage {
    record Done() implements InstanceReply {}

    /** Somebody else reads. */
    record Busy() implements InstanceReply {}

    record Refused(int errorCode, String message) implements InstanceReply {
        static Refused of(HttpFailure failure) {
            return new Refused(failure.errorCode(), failure.getMessage());
        }

        HttpFailure failure() {
            return errorCode == HttpFailure.RETRIABLE
                    ? HttpFailure.tryAgain(message)
                    : new HttpFailure(errorCode, message);
        }
    }

    /**
     * @param assignment by hand or by its group, or as much of it as is told at once
     * @param more whether there is more of it
     */
    record Described(InstanceDefinition definition, List<TopicPartition> assignment, boolean more)
            implements InstanceReply {}

    /**
     * Where to read, or as much of it as is told at once; who asks again hears of the rest.
     *
     * @param settled false while more partitions may come at any moment
     */
    record Granted(InstanceDefinition definition, boolean settled, List<InstanceAction.Place> places)
            implements InstanceReply {}

    /** The partitions whose records may be handed out. */
    record Taken(List<TopicPartition> partitions) implements InstanceReply {}
}

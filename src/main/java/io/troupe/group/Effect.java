package io.troupe.group;

import java.util.List;
import java.util.function.Function;
import org.apache.kafka.common.protocol.Errors;

/** What a group wants done, in this order. */
sealed interface Effect {

    /** Give an answer now. */
    record Answer<T>(Reply<T> to, T response) implements Effect {
        void give() {
            to.answer(response);
        }
    }

    /** Give an answer only after so long, or when its asker waits for something else; another one given before replaces it. */
    record Hold<T>(Reply<T> to, AnswerHold<T> hold, T response, int mostMs) implements Effect {
        void begin() {
            to.forgo();
            hold.begin(response, mostMs);
        }
    }

    /** Answer a request with an error now. */
    record Refuse(GroupRequest request, Errors error) implements Effect {}

    /**
     * Append records to the partition, after all appends asked for earlier, and then tell the group by {@link
     * GroupCore#appended}. Without records it only waits for those.
     */
    record Append(List<GroupRecord> records, Then then) implements Effect {
        public Append {
            records = List.copyOf(records);
        }
    }

    /** The group holds nothing any more and may be forgotten, unless requests are on their way to it. */
    enum Forget implements Effect {
        FORGET
    }

    /**
     * An append failed on which the machine rests: it is to be thrown away, whatever else it asked to append is not to be
     * appended, and a new one begins from what is acknowledged.
     */
    enum Renew implements Effect {
        RENEW
    }

    /** What follows once an append is decided. */
    sealed interface Then {}

    enum Nothing implements Then {
        NOTHING
    }

    /** Answer with {@code success}, or with what {@code failure} makes of the error. */
    record ThenAnswer<T>(Reply<T> to, T success, Function<Errors, T> failure) implements Then {
        void give(Errors error) {
            to.answer(error == Errors.NONE ? success : failure.apply(error));
        }

        Answer<T> answer(Errors error) {
            return new Answer<>(to, error == Errors.NONE ? success : failure.apply(error));
        }
    }

    /** The leader's assignment for a generation is stored, or not. */
    record AssignmentStored(int generation) implements Then {}

    /**
     * The group's change to another protocol is stored, or not: then the machine, which is of the new protocol, is to be thrown
     * away, and the one that begins from what is acknowledged is of the old.
     */
    enum Converted implements Then {
        CONVERTED
    }

    /** The group's tombstones are stored, or not. */
    enum Removed implements Then {
        REMOVED
    }
}

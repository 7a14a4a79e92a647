package io.troupe.group;

/**
 * Whether and how the answer to one request may wait in case that there is something else to say. Any thread.
 *
 * @param <T> the answer
 */
public interface AnswerHold<T> {
    /** Whether waiting harms its sender in no way. */
    boolean isPossible();

    /**
     * This is to be said as soon as the sender waits for anything else, or after so long, unless another answer is given before. At
     * most once, and only when it {@link #isPossible}.
     */
    void begin(T answer, int mostMs);

    /** Whether the connection was lost while the answer waited, as it is when a client has no patience. */
    boolean wasLost();

    /** The answer may not wait. */
    static <T> AnswerHold<T> never() {
        return new AnswerHold<>() {
            @Override
            public boolean isPossible() {
                return false;
            }

            @Override
            public void begin(T answer, int mostMs) {
                throw new IllegalStateException("the answer may not wait");
            }

            @Override
            public boolean wasLost() {
                return false;
            }
        };
    }
}

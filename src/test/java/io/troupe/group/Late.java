package io.troupe.group;

import io.troupe.group.GroupFixture.Asked;

/** A request whose answer may wait, and the connection that it came by. */
class Late<T> implements AnswerHold<T> {
    final Asked<T> answer;
    /** For how long it is held at most; -1 when it is not. */
    int mostMs = -1;

    private T late;
    private boolean lost;

    Late(Asked<T> answer) {
        this.answer = answer;
    }

    @Override
    public boolean isPossible() {
        return true;
    }

    @Override
    public void begin(T response, int forMs) {
        if (late != null) {
            throw new AssertionError("held twice");
        }
        late = response;
        mostMs = forMs;
    }

    @Override
    public boolean wasLost() {
        return lost;
    }

    boolean waits() {
        return late != null && answer.parked();
    }

    /** As the connection does when its next request comes, or when it was held for long enough. */
    void letGo() {
        if (waits()) {
            answer.answer(late);
        }
    }

    /** The connection is lost. */
    void lose() {
        lost = waits();
        letGo();
    }
}

package io.troupe.http;

import java.util.concurrent.atomic.AtomicLong;

/** What the bodies of all requests under way, and the records in their answers, may hold together. Any thread. */
final class BodyMemory {
    private final long limitBytes;
    private final AtomicLong held = new AtomicLong();

    BodyMemory(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /** @throws HttpFailure 503 when there is no more */
    void take(long bytes) {
        if (held.addAndGet(bytes) > limitBytes) {
            held.addAndGet(-bytes);
            throw HttpFailure.tryAgain("Requests under way take all the memory that they may have.");
        }
    }

    void giveBack(long bytes) {
        held.addAndGet(-bytes);
    }

    long held() {
        return held.get();
    }
}

package io.troupe.group;

import io.troupe.group.GroupFixture.Asked;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;
import org.apache.kafka.common.protocol.Errors;

/** Drives one {@link GroupCore} by hand: time, requests, and when appends are decided. */
abstract class CoreFixture<G extends GroupCore> {
    static final String ID = "g";

    long nowMs = 1_000_000;
    boolean holdAppends;
    Errors appendError = Errors.NONE;
    boolean forgotten;
    boolean renewed;
    final Deque<Effect.Append> appends = new ArrayDeque<>();
    final List<GroupRecord> log = new ArrayList<>();
    G group;

    void run(List<Effect> effects) {
        for (Effect effect : effects) {
            if (effect instanceof Effect.Answer<?> answer) {
                answer.give();
            } else if (effect instanceof Effect.Hold<?> hold) {
                hold.begin();
            } else if (effect instanceof Effect.Refuse refuse) {
                refuse.request().refuse(refuse.error());
            } else if (effect instanceof Effect.Append append) {
                appends.add(append);
            } else if (effect == Effect.Forget.FORGET) {
                forgotten = true;
            } else if (effect == Effect.Renew.RENEW) {
                renewed = true;
            }
        }
        if (!holdAppends) {
            decideAppends();
        }
    }

    void decideAppends() {
        while (!appends.isEmpty()) {
            Effect.Append append = appends.poll();
            if (appendError == Errors.NONE) {
                // Through bytes and back, as the log would do it.
                append.records().forEach(r -> log.add(GroupRecords.read(GroupRecords.key(r), GroupRecords.value(r))));
            }
            run(group.appended(append, appendError, nowMs));
        }
    }

    <T> Asked<T> ask(Function<Asked<T>, GroupRequest> request) {
        Asked<T> asked = new Asked<>();
        run(group.handle(request.apply(asked), nowMs));
        return asked;
    }

    void pass(long ms) {
        long until = nowMs + ms;
        while (group.nextDeadlineMs() <= until) {
            nowMs = Math.max(nowMs, group.nextDeadlineMs());
            run(group.tick(nowMs));
        }
        nowMs = until;
    }
}

package io.troupe.controller;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;

/** A controller's commands by id, those under way and the last ones answered, so that whoever asks again is told the same. */
final class AnsweredCommands {
    /** Remembered, at most; of those under way none is forgotten. */
    static final int MOST = 10_000;

    /** One command. */
    static final class Entry {
        /** Who asked last. */
        ActorRef<Controller.Answer> replyTo;
        /** Null while it is under way. */
        Controller.Answer answer;
        /** Its answer is committed with what it did, for a retry that comes to the next controller. */
        boolean recorded;

        void answer(Controller.Answer with) {
            answer = with;
            replyTo.tell(with);
        }
    }

    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /** Null when nothing is known of it. */
    Entry get(String commandId) {
        return entries.get(commandId);
    }

    void add(String commandId, Entry command) {
        entries.put(commandId, command);
        Iterator<Entry> oldest = entries.values().iterator();
        while (entries.size() > MOST && oldest.hasNext()) {
            if (oldest.next().answer != null) {
                oldest.remove();
            }
        }
    }
}

package io.troupe.group;

/**
 * Something that happened to a group, as an operator wants to know it. Immutable.
 *
 * @param timeMs coordinator's clock, milliseconds since 1970
 * @param epoch generation, or group epoch (KIP-848), that the group was in then; what it began has the next one
 * @param member id of whom it is about, empty for the group as a whole; cut to {@link #MOST_NAME} characters
 * @param tookMs how long it took, -1 where that means nothing
 * @param text what else there is to know, without tabs and line breaks; cut to {@link #MOST_TEXT} characters
 */
record GroupEvent(long timeMs, Kind kind, int epoch, String member, long tookMs, String text) {
    static final int MOST_NAME = 200;
    static final int MOST_TEXT = 1000;
    static final long NO_TIME = -1;

    enum Kind {
        /** This coordinator goes on with what is stored of the group. */
        LOADED,
        JOINED,
        /** Joined again, and so began a rebalance. */
        REJOINED,
        /** A static member came back: its instance has another id now. */
        REPLACED,
        LEFT,
        TIMED_OUT,
        REBALANCING,
        /** All have joined that are to be in the next generation; the member is the last that came. */
        JOINED_ALL,
        /** Every partition that is to be owned is; the member is a classic group's leader, else the last to have its part. */
        ASSIGNED,
        /** What was decided could not be stored. */
        STORE_FAILED,
        EMPTY,
        /** Not something that happened: who is being waited for right now, and for how long. */
        WAITING
    }

    GroupEvent {
        member = line(member == null ? "" : member, MOST_NAME);
        text = line(text == null ? "" : text, MOST_TEXT);
    }

    /** Of the group as a whole. */
    static GroupEvent of(long timeMs, Kind kind, int epoch, String text) {
        return new GroupEvent(timeMs, kind, epoch, "", NO_TIME, text);
    }

    static GroupEvent ofMember(long timeMs, Kind kind, int epoch, String member, String text) {
        return new GroupEvent(timeMs, kind, epoch, member, NO_TIME, text);
    }

    private static String line(String text, int most) {
        String cut = text.length() <= most ? text : text.substring(0, most - 1) + "\u2026";
        return cut.replaceAll("\\p{Cntrl}", " ");
    }
}

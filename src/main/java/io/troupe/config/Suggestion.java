package io.troupe.config;

import java.util.Collection;

/** Finds the known name that a mistyped one most likely stands for. */
final class Suggestion {
    private static final int LONGEST = 128;

    private Suggestion() {}

    /** {@code "; did you mean X?"}, or nothing when no known name is near. */
    static String of(String unknown, Collection<String> known) {
        if (unknown == null || unknown.length() > LONGEST) {
            return "";
        }
        String best = null;
        int least = Math.max(2, unknown.length() / 3) + 1;
        for (String name : known) {
            int distance = distance(unknown, name);
            if (distance < least) {
                least = distance;
                best = name;
            }
        }
        return best == null ? "" : "; did you mean " + best + "?";
    }

    /** Edits (insert, drop, replace one character) between two names. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replace, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}

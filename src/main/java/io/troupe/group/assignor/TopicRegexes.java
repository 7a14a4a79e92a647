package io.troupe.group.assignor;

import com.google.re2j.PatternSyntaxException;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The topics that members subscribe to by a regular expression (KIP-848, SubscribedTopicRegex): RE2's syntax, matched against
 * whole names. A broker's groups share one. Internal topics match none, as consumers' {@code exclude.internal.topics} has it;
 * who wants one names it. Any thread.
 *
 * <p>What matched is remembered for {@value #MAX_REMEMBERED} expressions and asked again only of topics that came since.
 */
public final class TopicRegexes {
    /** Characters. */
    static final int MAX_LENGTH = 4096;
    /** Of parentheses: compiling goes as deep as they do. */
    static final int MAX_GROUPS = 250;
    /** Instructions; each may cost a step for each character of a name. */
    static final int MAX_PROGRAM = 5000;
    /** Instructions before anything is compiled: repeats of repeats multiply. Each takes some 60 bytes while that lasts. */
    private static final long MAX_PRODUCT = 1_000_000;

    private static final int MAX_REMEMBERED = 1000;

    private static final Pattern REPEAT = Pattern.compile("\\{(\\d{1,9})(?:,(\\d{1,9}))?");

    /** By expression, the one least lately used first. Guarded by itself. */
    private final Map<String, Resolved> remembered = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Resolved> eldest) {
            return size() > MAX_REMEMBERED;
        }
    };

    /**
     * @param image whose topics were asked
     * @param topics that match, sorted
     */
    private record Resolved(MetadataImage image, List<String> topics) {}

    /**
     * @throws IllegalArgumentException if it is no expression, or one that would cost too much; the message is for the client
     */
    public static void check(String regex) {
        compile(regex);
    }

    private static com.google.re2j.Pattern compile(String regex) {
        if (regex.length() > MAX_LENGTH) {
            throw refused(regex, "it is longer than " + MAX_LENGTH + " characters");
        }
        if (regex.chars().filter(c -> c == '(').count() > MAX_GROUPS) {
            throw refused(regex, "it has more than " + MAX_GROUPS + " groups");
        }
        long product = regex.length();
        for (Matcher repeat = REPEAT.matcher(regex); repeat.find() && product <= MAX_PRODUCT; ) {
            int count = Integer.parseInt(repeat.group(2) == null ? repeat.group(1) : repeat.group(2));
            product *= Math.max(1, count);
        }
        com.google.re2j.Pattern pattern = null;
        if (product <= MAX_PRODUCT) {
            try {
                pattern = com.google.re2j.Pattern.compile(regex);
            } catch (PatternSyntaxException e) {
                throw refused(regex, e.getDescription());
            }
        }
        if (pattern == null || pattern.programSize() > MAX_PROGRAM) {
            throw refused(regex, "its repeats make it too large");
        }
        return pattern;
    }

    private static IllegalArgumentException refused(String regex, String why) {
        String shown = regex.length() <= 100 ? regex : regex.substring(0, 100) + "...";
        return new IllegalArgumentException(
                "The subscription `" + shown + "` is not a valid regular expression: " + why + ".");
    }

    /** Names of the topics that match, sorted; the same instance while they stay. None for what {@link #check} refuses. */
    public List<String> matching(String regex, MetadataImage image) {
        Resolved known;
        synchronized (remembered) {
            known = remembered.get(regex);
        }
        if (known != null && known.image.hasTopicsOf(image)) {
            return known.topics;
        }
        List<String> topics = resolve(regex, image, known);
        if (known != null && known.topics.equals(topics)) {
            topics = known.topics;
        }
        synchronized (remembered) {
            remembered.put(regex, new Resolved(image, topics));
        }
        return topics;
    }

    private static List<String> resolve(String regex, MetadataImage image, Resolved known) {
        com.google.re2j.Pattern pattern;
        try {
            pattern = compile(regex);
        } catch (IllegalArgumentException e) {
            return List.of();
        }
        return image.topics().keySet().stream()
                .filter(name -> !TopicImage.isInternal(name))
                .filter(name -> known != null && known.image.topic(name).isPresent()
                        ? Collections.binarySearch(known.topics, name) >= 0
                        : pattern.matches(name))
                .sorted()
                .toList();
    }
}
